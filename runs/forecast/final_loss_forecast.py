"""The forecast of a run: when it ends, at what validation loss, and when it reaches a target loss.

Every answer is a range, or a reason why there is none. A loss stays between what is possible (zero, the floor of the
text) and the highest evaluation. Each call fits everything anew, in a few milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from babytrain.runs.dials.learning_rate_schedule import learning_rate
from babytrain.runs.dials.spec import SCHEDULES
from babytrain.runs.forecast.eta import Eta, estimate_eta, why_no_eta
from babytrain.runs.forecast.loss_extrapolation import LearningRatePath, draw_curves
from babytrain.runs.forecast.loss_observations import MIN_STEP_ROWS, ForecastArray, loss_observations
from babytrain.runs.forecast.quiet_hours import is_paused_by_quiet_hours
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.run_state import RunSnapshot

MIN_PROGRESS = 0.1
MIN_EVALUATIONS = 2  # not counting the one before the first step
MIN_SHARE_AFTER_DIAL = 0.05  # of the steps so far, required after a dial change
PATH_KNOTS = 240
FUTURE_KNOTS = 40
MAX_LEARNING_RATE = 1e6
MAX_PLAN_DEVIATION = 0.05  # of the learning rate
LOSS_LOW, LOSS_HIGH = 0.05, 0.95
EARLIEST, LATEST = 0.02, 0.98  # wider than for a level: where the curve is flat, a crossing is less certain
MAX_RANGE_SHARE = 0.6  # of the middle of the range
MIN_POSSIBLE_SHARE = 0.25  # of the curves drawn
NO_PROGRESS_VERDICTS = frozenset({"diverging", "not learning"})
UNLIKELY, LIKELY = 0.1, 0.9
NO_TARGET = "no target was set"
TOO_WIDE = "the range would be too wide to be of use"


@dataclass(frozen=True)
class LossRange:
    """Validation loss in nats per token; `middle` is the median."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class StepRange:
    """An interval of finished optimizer steps."""

    low: int
    high: int


@dataclass(frozen=True)
class TargetForecast:
    """Whether and when the validation loss reaches `loss`."""

    loss: float
    probability: float  # of reaching it within the plan, which `text` puts in words
    text: str
    steps: StepRange | None = None  # None when it is unlikely, or was reached already
    seconds: ValueRange | None = None  # of running time from now
    reached_step: int | None = None


@dataclass(frozen=True)
class Forecast:
    """What to expect; whatever is None has a reason. `paused`: for an unknown time, so `end` counts from the resume."""

    end: Eta | None = None
    final_loss: LossRange | None = None
    target: TargetForecast | None = None
    end_reason: str = ""
    final_loss_reason: str = ""
    target_reason: str = ""
    paused: bool = False


@dataclass(frozen=True)
class LossDraws:
    """Plausible validation losses [draws, F] at future steps [F], the last of which is the end."""

    steps: ForecastArray
    losses: ForecastArray


def forecast_run(snapshot: RunSnapshot, target_loss: float | None = None) -> Forecast:
    """The forecast at a moment, with a `target_loss` in nats per token also of when it is reached. Never raises."""
    if snapshot.started is None or snapshot.ended is not None:
        reason = "not started yet" if snapshot.started is None else "the run is over"
        return Forecast(end_reason=reason, final_loss_reason=reason, target_reason=reason)
    end = estimate_eta(snapshot)
    draws = draw_losses(snapshot)
    target, target_reason = _forecast_target(snapshot, draws, target_loss)
    final, final_reason = _final_loss(draws)
    return Forecast(
        end=end,
        final_loss=final,
        target=target,
        end_reason="" if end is not None else why_no_eta(snapshot),
        final_loss_reason=final_reason,
        target_reason=target_reason,
        paused=is_paused_indefinitely(snapshot),
    )


def is_paused_indefinitely(snapshot: RunSnapshot) -> bool:
    """Whether the run is paused for an unknown time; the end of a pause in quiet hours is known."""
    return snapshot.phase == "paused" or (snapshot.phase == "policy_pause" and not is_paused_by_quiet_hours(snapshot))


def draw_losses(snapshot: RunSnapshot) -> LossDraws | str:
    """Plausible future validation losses, or the reason why there are none."""
    step, total = snapshot.step, snapshot.total_steps
    refusal = _why_too_early(snapshot, step, total)
    if refusal:
        return refusal
    path = learning_rate_path(snapshot, total)
    if path is None:
        return "the plan of the learning rate is not on record"
    if not _follows_its_plan(snapshot):
        return "the learning rate does not follow the plan on record"
    seen = loss_observations(snapshot)
    if isinstance(seen, str):
        return seen
    future = np.unique(np.linspace(step, total, FUTURE_KNOTS + 1).round())[1:]
    curves = draw_curves(seen, path, float(step), future)
    if curves is None:
        return "no curve fits what was seen"
    floor = snapshot.started.corpus.floor_nats_per_token if snapshot.started else None
    lowest = max(0.0, floor) if floor is not None and math.isfinite(floor) else 0.0
    highest = max(event.val_loss for event in snapshot.evals if math.isfinite(event.val_loss))
    curves = np.minimum(curves, highest)
    possible = (curves >= lowest).all(axis=1)
    if possible.mean() < MIN_POSSIBLE_SHARE:
        return "what was seen leads to a loss that is not possible"
    return LossDraws(future, curves[possible])


def _why_too_early(snapshot: RunSnapshot, step: int, total: int) -> str:
    if total <= step:
        return "the last step is done"
    verdict = snapshot.verdict.verdict if snapshot.verdict is not None else ""
    if verdict in NO_PROGRESS_VERDICTS:
        return f"the run is {verdict}"
    if snapshot.rows < MIN_STEP_ROWS or step < MIN_PROGRESS * total:
        return "too early to tell"
    evaluations = [event for event in snapshot.evals if event.step > 0 and math.isfinite(event.val_loss)]
    if len(evaluations) < MIN_EVALUATIONS:
        return "too few evaluations yet"
    changed = snapshot.state.dials.at(snapshot.t).changed_step
    if changed > 0 and step - changed < max(MIN_STEP_ROWS, MIN_SHARE_AFTER_DIAL * step):
        return "a dial was just turned"
    return ""


def learning_rate_path(snapshot: RunSnapshot, total: int) -> LearningRatePath | None:
    """The learning rate of the whole run on a grid of steps, recorded up to now and planned from here on."""
    steps = snapshot.column("step").astype(np.float64)
    rates = snapshot.column("learning_rate").astype(np.float64)
    valid = (rates >= 0) & (rates <= MAX_LEARNING_RATE)
    if not valid.any() or not np.all(np.diff(steps) > 0):
        return None
    now = float(steps[-1])
    share = max(1, round(PATH_KNOTS * now / total))
    # Separate grids for past and future, so that the present is a knot.
    past = np.linspace(0.0, now, max(32, share))
    ahead = np.linspace(now, float(total), max(32, PATH_KNOTS - share))[1:]
    planned = planned_learning_rates(snapshot, ahead, total)
    if planned is None or not np.all(planned <= MAX_LEARNING_RATE):
        return None
    known = np.interp(past, steps[valid], rates[valid], left=0.0)
    return LearningRatePath(np.concatenate([past, ahead]), np.concatenate([known, planned]))


def planned_learning_rates(
    snapshot: RunSnapshot, steps: Iterable[float], total_steps: int | None = None
) -> ForecastArray | None:
    """Learning rates [N] planned for the steps numbered `steps` [N] (the first is 1), None without a recorded plan."""
    dials, plan = snapshot.dials, snapshot.plan
    dials = dials if total_steps is None else replace(dials, total_steps=total_steps)
    if plan is None or plan.rate is None or dials.schedule not in SCHEDULES or dials.total_steps <= 0:
        return None
    return np.array([learning_rate(plan.rate, dials, step - 1) for step in steps])


def _follows_its_plan(snapshot: RunSnapshot) -> bool:
    """Whether the newest step had its planned learning rate."""
    planned, recorded = planned_learning_rates(snapshot, [snapshot.step]), snapshot.learning_rate
    if planned is None or recorded is None or snapshot.state.dials.at(snapshot.t).step >= snapshot.step:
        return True
    return abs(recorded - float(planned[0])) <= MAX_PLAN_DEVIATION * max(recorded, float(planned[0]), 0.0)


def _final_loss(draws: LossDraws | str) -> tuple[LossRange | None, str]:
    if isinstance(draws, str):
        return None, draws
    low, middle, high = (float(value) for value in np.quantile(draws.losses[:, -1], [LOSS_LOW, 0.5, LOSS_HIGH]))
    if high - low > MAX_RANGE_SHARE * middle:
        return None, TOO_WIDE
    return LossRange(low, middle, high), ""


def _forecast_target(
    snapshot: RunSnapshot, draws: LossDraws | str, loss: float | None
) -> tuple[TargetForecast | None, str]:
    if loss is None or not math.isfinite(loss):
        return None, NO_TARGET
    reached = [event.step for event in snapshot.evals if event.val_loss <= loss]
    if reached:
        return TargetForecast(loss, 1.0, "reached", reached_step=reached[0]), ""
    if isinstance(draws, str):
        return None, draws
    if _final_loss(draws)[0] is None:
        return None, TOO_WIDE
    below = draws.losses <= loss
    hit = below.any(axis=1)
    probability = float(hit.mean())
    if probability < UNLIKELY:
        return TargetForecast(loss, probability, probability_text(probability)), ""
    crossings = _crossings(np.asarray(draws.losses[hit]), draws.steps, float(snapshot.step), loss)
    low, high = (int(value) for value in np.quantile(crossings, [EARLIEST, LATEST]).round())
    steps = StepRange(max(low, snapshot.step + 1), min(max(high, snapshot.step + 1), snapshot.total_steps))
    first, last = estimate_eta(snapshot, until=steps.low), estimate_eta(snapshot, until=steps.high)
    seconds = ValueRange(first.low, last.high) if first is not None and last is not None else None
    return TargetForecast(loss, probability, probability_text(probability), steps, seconds), ""


def _crossings(losses: ForecastArray, steps: ForecastArray, now: float, loss: float) -> ForecastArray:
    """The step [draws] at which each curve first reaches `loss`, linear between the knots."""
    first = np.argmax(losses <= loss, axis=1)
    rows = np.arange(len(losses))
    after = losses[rows, first]
    before = np.where(first > 0, losses[rows, first - 1], after)
    start = np.where(first > 0, steps[first - 1], now)
    share = np.where(before > after, (before - loss) / np.maximum(before - after, 1e-12), 0.5)
    crossings: ForecastArray = start + np.clip(share, 0.0, 1.0) * (steps[first] - start)
    return crossings


def probability_text(probability: float) -> str:
    """The probability of reaching a target within the plan, in words."""
    words: Sequence[tuple[float, str]] = (
        (0.02, "almost certainly not within the plan"),
        (UNLIKELY, "hardly within the plan"),
        (0.35, "rather not within the plan"),
        (0.65, "an even chance within the plan"),
        (LIKELY, "probably within the plan"),
        (0.98, "very likely within the plan"),
    )
    return next((text for limit, text in words if probability < limit), "almost certainly within the plan")
