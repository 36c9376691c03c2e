"""The forecast of a run: when it ends, at what validation loss, and when it reaches a loss someone hopes for.

Every answer is a range, and where it would be a guess there is a reason instead. Nothing is remembered: ask again with
a later moment and everything is fitted anew, in a few milliseconds. Choices worth knowing:

- The end in seconds is `runs/eta.py`: steps, evaluations, samples and checkpoints still to come, by their own times.
- The loss is `runs/loss_curve.py`: many plausible curves under the learning rate that is planned, because the loss
  falls faster as the rate does. The range is where the middle 90% of them end.
- There is no forecast of the loss early in a run, soon after a dial was turned, or while the loss rises.
- Quiet hours to come are known and count. Other pauses to come cannot be known and count nothing; those that were are
  no part of any speed. `paused` says that the run stands still at this moment until somebody or something has it go on,
  so that the seconds are seconds from then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from babytrain.runs.dials.schedule import learning_rate
from babytrain.runs.dials.spec import SCHEDULES
from babytrain.runs.eta import SecondsRange, estimate_eta
from babytrain.runs.loss_curve import LARGEST_LOSS, Observations, RatePath, draw_curves
from babytrain.runs.quiet_hours import rests_in_quiet_hours
from babytrain.runs.state import Moment
from babytrain.runs.step_cost import step_cost

Array = npt.NDArray[np.float64]

EARLIEST_PROGRESS = 0.1
FEWEST_ROWS = 40
FEWEST_EVALUATIONS = 2  # not counting the one before the first step
MOST_BLOCKS = 64
MOST_EVALUATIONS = 32
FIRST_SHARE = 0.1  # of the steps so far, left out: the first losses follow no law of the later ones
TURN_SHARE = 0.05  # of the steps so far that have to follow a turn of the learning rate
PATH_KNOTS = 240
FUTURE_KNOTS = 40
NOISE_ROWS = 2000
LARGEST_RATE = 1e6
OFF_PLAN = 0.05  # of the learning rate
LOW, HIGH = 0.05, 0.95
EARLIEST, LATEST = 0.02, 0.98  # a crossing is less certain than a level: where the curve is flat, a little is far
WIDEST_SHARE = 0.6  # of the middle of the range
RISING_ERRORS = 4.0
UNLIKELY, LIKELY = 0.1, 0.9
NO_TARGET = "no target was set"


@dataclass(frozen=True)
class LossRange:
    """Validation loss in nats per token, `low` to `high`; `middle` is as likely above as below."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class StepRange:
    """Finished optimizer steps, `low` to `high`."""

    low: int
    high: int


@dataclass(frozen=True)
class TargetForecast:
    """Whether and when the validation loss comes down to `loss`.

    `probability` is that of reaching it within the plan and `words` say it. `steps` and `seconds` (from now, running
    time) are where it will be if it is reached at all; None when it hardly will be, or was already (`reached_step`).
    """

    loss: float
    probability: float
    words: str
    steps: StepRange | None = None
    seconds: SecondsRange | None = None
    reached_step: int | None = None


@dataclass(frozen=True)
class Forecast:
    """What is to be expected. Whatever is None has its reason in words beside it."""

    end: SecondsRange | None = None
    final_loss: LossRange | None = None
    target: TargetForecast | None = None
    end_reason: str = ""
    final_loss_reason: str = ""
    target_reason: str = ""
    paused: bool = False


@dataclass(frozen=True)
class LossDraws:
    """Plausible validation losses [draws, F] at the steps to come [F], the last of which is the end."""

    steps: Array
    losses: Array


def forecast_run(moment: Moment, target_loss: float | None = None) -> Forecast:
    """The forecast at a moment; `target_loss` in nats per token asks for the way to it. Never raises."""
    if moment.started is None or moment.ended is not None:
        reason = "not started yet" if moment.started is None else "the run is over"
        return Forecast(end_reason=reason, final_loss_reason=reason, target_reason=reason)
    end = estimate_eta(moment)
    draws = draw_losses(moment)
    target, target_reason = _forecast_target(moment, draws, target_loss)
    final, final_reason = _final_loss(draws)
    return Forecast(
        end=end,
        final_loss=final,
        target=target,
        end_reason="" if end is not None else _why_no_end(moment),
        final_loss_reason=final_reason,
        target_reason=target_reason,
        paused=waits_for_somebody(moment),
    )


def waits_for_somebody(moment: Moment) -> bool:
    """Whether the run stands still and nobody knows for how long; of a rest in quiet hours the end is known."""
    return moment.phase == "paused" or (moment.phase == "resting" and not rests_in_quiet_hours(moment))


def _why_no_end(moment: Moment) -> str:
    return "too early to tell" if step_cost(moment) is None else "the range would be too wide to be of use"


def draw_losses(moment: Moment) -> LossDraws | str:
    """Where the validation loss may go from here, or why that would be a guess."""
    step, total = moment.step, moment.total_steps
    refusal = _why_too_early(moment, step, total)
    if refusal:
        return refusal
    path = rate_path(moment, total)
    if path is None:
        return "the plan of the learning rate is not on record"
    if not _follows_its_plan(moment):
        return "the learning rate does not follow the plan on record"
    seen = observe(moment)
    if isinstance(seen, str):
        return seen
    future = np.unique(np.linspace(step, total, FUTURE_KNOTS + 1).round())[1:]
    curves = draw_curves(seen, path, float(step), future)
    if curves is None:
        return "no curve fits what was seen"
    floor = moment.started.corpus.floor_nats_per_token if moment.started else None
    lowest = floor if floor is not None and math.isfinite(floor) else 0.0
    return LossDraws(future, np.maximum(curves, max(0.0, lowest)))


def _why_too_early(moment: Moment, step: int, total: int) -> str:
    if total <= step:
        return "the last step is done"
    if moment.rows < FEWEST_ROWS or step < EARLIEST_PROGRESS * total:
        return "too early to tell"
    evaluations = [event for event in moment.evals if event.step > 0 and math.isfinite(event.val_loss)]
    if len(evaluations) < FEWEST_EVALUATIONS:
        return "too few evaluations yet"
    changed = moment.state.dials.at(moment.t).changed_step
    if changed > 0 and step - changed < max(FEWEST_ROWS, TURN_SHARE * step):
        return "a dial was just turned"
    return ""


def rate_path(moment: Moment, total: int) -> RatePath | None:
    """The learning rate of the whole run on a grid of steps: as recorded so far, as planned from here on."""
    steps = moment.column("step").astype(np.float64)
    rates = moment.column("learning_rate").astype(np.float64)
    good = (rates >= 0) & (rates <= LARGEST_RATE)
    if not good.any() or not np.all(np.diff(steps) > 0):
        return None
    now = float(steps[-1])
    share = max(1, round(PATH_KNOTS * now / total))
    # A grid of its own for the past and for what is to come, so that the present is a knot.
    past = np.linspace(0.0, now, max(32, share))
    ahead = np.linspace(now, float(total), max(32, PATH_KNOTS - share))[1:]
    planned = planned_learning_rates(moment, ahead, total)
    if planned is None or not np.all(planned <= LARGEST_RATE):
        return None
    known = np.interp(past, steps[good], rates[good], left=0.0)
    return RatePath(np.concatenate([past, ahead]), np.concatenate([known, planned]))


def planned_learning_rates(moment: Moment, steps: Iterable[float], total_steps: int | None = None) -> Array | None:
    """Learning rates [N] planned for the steps numbered `steps` [N] (the first is 1), or None: no plan on record.

    `total_steps` is where the run ends, as planned at this moment unless given.
    """
    dials, plan = moment.dials, moment.plan
    dials = dials if total_steps is None else replace(dials, total_steps=total_steps)
    if plan is None or plan.rate is None or dials.schedule not in SCHEDULES or dials.total_steps <= 0:
        return None
    return np.array([learning_rate(plan.rate, dials, step - 1) for step in steps])


def _follows_its_plan(moment: Moment) -> bool:
    """Whether the newest step had the learning rate that was planned for it, as it must if the plan is understood."""
    planned, recorded = planned_learning_rates(moment, [moment.step]), moment.learning_rate
    if planned is None or recorded is None or moment.state.dials.at(moment.t).step >= moment.step:
        return True
    return abs(recorded - float(planned[0])) <= OFF_PLAN * max(recorded, float(planned[0]), 0.0)


def observe(moment: Moment) -> Observations | str:
    """Training losses in blocks, and the evaluations, in order of steps; or why nothing can be made of them."""
    steps, losses = moment.column("step"), moment.column("loss").astype(np.float64)
    first = int(np.searchsorted(steps, max(_warmup(moment), FIRST_SHARE * moment.step)))
    if not np.all(np.abs(losses[first:]) <= LARGEST_LOSS):
        return "the loss was not a number"
    count = moment.rows - first
    if count < FEWEST_ROWS // 2:
        return "too early to tell"
    # Narrow blocks first, where the curve is steep.
    position = np.linspace(math.sqrt(steps[first]), math.sqrt(steps[-1]), MOST_BLOCKS + 1)[:-1] ** 2
    edges = np.unique(np.searchsorted(steps[first:], position))
    sizes = np.diff(np.append(edges, count))
    block_losses = np.add.reduceat(losses[first:], edges) / sizes
    block_steps = np.add.reduceat(steps[first:].astype(np.float64), edges) / sizes
    block_noise = _step_noise(losses[first:]) / np.sqrt(sizes)
    if _is_rising(block_losses, block_noise):
        return "the loss is not falling"
    evaluations = [
        event for event in moment.evals if event.step >= max(1, steps[first]) and math.isfinite(event.val_loss)
    ]
    if not evaluations:
        return "too few evaluations yet"
    stride = math.ceil(len(evaluations) / MOST_EVALUATIONS)
    evaluations = evaluations[::-1][::stride][::-1]  # the newest is always among them
    return Observations(
        steps=np.append(block_steps, [float(event.step) for event in evaluations]),
        losses=np.append(block_losses, [event.val_loss for event in evaluations]),
        noise=np.append(block_noise, np.zeros(len(evaluations))),
        evaluations=np.arange(len(block_steps) + len(evaluations)) >= len(block_steps),
    )


def _warmup(moment: Moment) -> int:
    rate = moment.plan.rate if moment.plan is not None else None
    return min(rate.warmup if rate is not None else 0, moment.total_steps // 2)


def _step_noise(losses: Array) -> float:
    """Standard deviation of one recorded loss around its curve, from the differences of neighbours."""
    differences = np.abs(np.diff(losses[-NOISE_ROWS:]))
    return float(np.median(differences)) / (0.6745 * math.sqrt(2.0))


def _is_rising(losses: Array, noise: Array) -> bool:
    """Whether the newest losses lie above earlier ones by more than their noise explains."""
    recent = max(1, len(losses) // 8)
    now, before = losses[-recent:], losses[: -2 * recent]
    if not len(before):
        return False
    lowest = int(np.argmin(before))
    error = math.hypot(float(noise[-recent:].mean()) / math.sqrt(recent), float(noise[lowest]))
    # The lowest of many is low by luck as well: hence several errors, and a share of the loss.
    return float(now.mean()) > float(before[lowest]) + RISING_ERRORS * error + 0.02 * abs(float(before[lowest]))


def _final_loss(draws: LossDraws | str) -> tuple[LossRange | None, str]:
    if isinstance(draws, str):
        return None, draws
    low, middle, high = (float(value) for value in np.quantile(draws.losses[:, -1], [LOW, 0.5, HIGH]))
    if high - low > WIDEST_SHARE * middle:
        return None, "the range would be too wide to be of use"
    return LossRange(low, middle, high), ""


def _forecast_target(moment: Moment, draws: LossDraws | str, loss: float | None) -> tuple[TargetForecast | None, str]:
    if loss is None or not math.isfinite(loss):
        return None, NO_TARGET
    reached = [event.step for event in moment.evals if event.val_loss <= loss]
    if reached:
        return TargetForecast(loss, 1.0, "reached", reached_step=reached[0]), ""
    if isinstance(draws, str):
        return None, draws
    if _final_loss(draws)[0] is None:
        return None, "the range would be too wide to be of use"
    below = draws.losses <= loss
    hit = below.any(axis=1)
    probability = float(hit.mean())
    if probability < UNLIKELY:
        return TargetForecast(loss, probability, in_words(probability)), ""
    first = _crossings(np.asarray(draws.losses[hit]), draws.steps, float(moment.step), loss)
    low, high = (int(value) for value in np.quantile(first, [EARLIEST, LATEST]).round())
    steps = StepRange(max(low, moment.step + 1), min(max(high, moment.step + 1), moment.total_steps))
    seconds = _seconds_between(estimate_eta(moment, until=steps.low), estimate_eta(moment, until=steps.high))
    return TargetForecast(loss, probability, in_words(probability), steps, seconds), ""


def _crossings(losses: Array, steps: Array, now: float, loss: float) -> Array:
    """The step [draws] at which each curve first comes down to `loss`, between the knots in a straight line."""
    first = np.argmax(losses <= loss, axis=1)
    rows = np.arange(len(losses))
    after = losses[rows, first]
    before = np.where(first > 0, losses[rows, first - 1], after)
    start = np.where(first > 0, steps[first - 1], now)
    share = np.where(before > after, (before - loss) / np.maximum(before - after, 1e-12), 0.5)
    crossings: Array = start + np.clip(share, 0.0, 1.0) * (steps[first] - start)
    return crossings


def _seconds_between(first: SecondsRange | None, last: SecondsRange | None) -> SecondsRange | None:
    return SecondsRange(first.low, last.high) if first is not None and last is not None else None


def in_words(probability: float) -> str:
    """How likely it is that a target is reached within the plan."""
    words: Sequence[tuple[float, str]] = (
        (0.02, "almost certainly not within the plan"),
        (UNLIKELY, "hardly within the plan"),
        (0.35, "rather not within the plan"),
        (0.65, "an even chance within the plan"),
        (LIKELY, "probably within the plan"),
        (0.98, "very likely within the plan"),
    )
    return next((text for limit, text in words if probability < limit), "almost certainly within the plan")
