"""Checks of the training losses: divergence, unsuitable learning rates, plateaus, slow or healthy learning.

Only the newest rows are read, and of many rows a sample, so the cost does not grow with the run.
"""

from __future__ import annotations

import numpy as np

from babytrain.engine.diagnosis import verdicts
from babytrain.engine.diagnosis.detectors import DIVERGENCE_MARGIN, RELATIVE_MARGIN, SMALLEST_MARGIN
from babytrain.engine.diagnosis.observation import Observation, step_number
from babytrain.engine.diagnosis.overfitting import NOISE_EVALUATIONS
from babytrain.engine.diagnosis.robust_statistics import (
    MEDIAN_COST,
    MOST_POINTS,
    Float64Array,
    Trend,
    evaluation_noise,
    finite_values,
    fit_trend,
    step_noise,
)
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.runs.formatting import format_learning_rate, format_share

DIVERGENCE_ROWS = 1024  # searched for the lowest level
MEDIAN_BLOCK_ROWS = 16  # rows per median, as many as the detector's slow average
RECENT_ROWS = 6  # all of them but one must be too high
MEDIAN_OF_SIX = 0.5 / 0.378  # noise of a median of six over that of the detector's average
RECOVERY_ROWS = 48  # a loss that falls over so many rows is recovering
STANDARD_ERRORS = 3.0
# Of both losses, above the best evaluation: the weights are worse, not only a batch.
EVALUATION_RISE_SHARE = 0.15

LEARNING_RATE_RAISE = 1.25  # from one step to the next: by command; no schedule rises like that after warm-up
RAISE_ROWS = 512  # later a raise is ignored
FEWEST_ROWS_AFTER_RAISE = 12
RISE_AFTER_RAISE = 0.03  # of the loss

WINDOW_SHARE = 0.25  # of the rows so far, for recent trends
FEWEST_TREND_ROWS = 200
DECAYED_SHARE = 0.5  # of the highest learning rate; below it the rate is not too high
ROUGH_FACTOR = 2.5  # times what independent noise explains: the loss oscillates slowly
GRADIENT_RISE = 0.15  # of the gradient norm in the window
# Later over earlier slope since the warm-up; power laws are below 0.4 from the first 100 steps on.
STRAIGHT_RATIO = 0.65
EARLY_SHARE = 0.5  # of the run: later, the schedule causes a straight fall
TINY_NOISE_SHARE = 0.1  # of the fall so far
STILL_HIGH_SHARE = 0.5  # of the loss of a uniform guess

PLATEAU_FALL = 0.0015  # of the loss over the window: less is a plateau, even where significant
SLOW_PER_TENTH = 0.005  # of the loss per tenth of the run: hardly visible in samples


def recent_trend(observation: Observation, windows: int = 1) -> Trend | None:
    """The trend of the loss over the newest quarter of the rows, at least 200, times `windows`; None for fewer."""
    losses = finite_values(observation.tail("loss", windows * trend_rows(observation)))
    return fit_trend(losses) if len(losses) >= FEWEST_TREND_ROWS else None


def trend_rows(observation: Observation) -> int:
    """Rows of a trend: the newest quarter, at least 200."""
    return max(FEWEST_TREND_ROWS, int(WINDOW_SHARE * observation.rows))


def steps_in(observation: Observation, rows: int) -> int:
    """Steps in the newest `rows` rows, at least 1: in a very long run a row is several steps."""
    first = max(0, observation.rows - rows)
    return max(1, observation.newest_step - step_number(observation.step[first]) + 1)


def find_divergence(observation: Observation) -> Diagnosis | None:
    """The loss is NaN or infinite, or has risen from its level without recovering."""
    losses = observation.tail("loss", DIVERGENCE_ROWS)
    if len(losses) == 0:
        return None
    a_third = "a third of the learning rate"
    lower = verdicts.suggest_learning_rate(observation, 1 / 3, a_third)
    back = len(observation.evaluations.step) > 0
    if not np.isfinite(losses[-1]):
        return Diagnosis(
            "diverging",
            f"The loss of step {observation.newest_step:,} is not a number to learn from.",
            f"{'Go back to the best checkpoint and go on' if back else 'Stop and start again'} with {a_third}.",
            advice=verdicts.SUGGEST_ROLLBACK if back else verdicts.SUGGEST_STOP,
            alternative=lower if back else None,
        )
    steps = observation.tail("step", DIVERGENCE_ROWS)
    usable = (steps > observation.warmup_steps) & np.isfinite(losses)
    values = losses[usable]
    why = _left_the_level(values, steps[usable]) or _evaluations_left_behind(observation, values)
    if why is None:
        return None
    return Diagnosis(
        "diverging",
        why,
        f"{'Go back to the best checkpoint, or take' if back else 'Take'} {a_third}.",
        advice=verdicts.SUGGEST_ROLLBACK if back else lower,
        alternative=lower if back else None,
    )


def _left_the_level(values: Float64Array, steps: Float64Array) -> str | None:
    if len(values) < 2 * MEDIAN_BLOCK_ROWS + RECENT_ROWS:
        return None
    before, recent = values[:-RECENT_ROWS], values[-RECENT_ROWS:]
    blocks = before[len(before) % MEDIAN_BLOCK_ROWS :].reshape(-1, MEDIAN_BLOCK_ROWS)
    levels = np.median(blocks, axis=1)
    lowest = int(np.argmin(levels))
    reached = float(levels[lowest])
    # The noise before the rise only.
    noise = step_noise(before[: len(before) % MEDIAN_BLOCK_ROWS + (lowest + 1) * MEDIAN_BLOCK_ROWS])
    margin = max(DIVERGENCE_MARGIN * noise * MEDIAN_OF_SIX, RELATIVE_MARGIN * abs(reached), SMALLEST_MARGIN)
    if np.sort(recent)[1] < reached + margin / 2.0 or float(np.median(recent)) < reached + margin:
        return None
    if _falls(values[-RECOVERY_ROWS:]):
        return None
    rows = RECENT_ROWS + (len(levels) - 1 - lowest) * MEDIAN_BLOCK_ROWS
    return (
        f"The loss rose from {reached:.3f} to {np.median(recent):.3f} in the last "
        f"{step_number(steps[-1] - steps[-rows]):,} steps, far outside its noise of {noise:.3f}."
    )


def _falls(values: Float64Array) -> bool:
    trend = fit_trend(values)
    return trend is not None and trend.fall > STANDARD_ERRORS * trend.error


def _evaluations_left_behind(observation: Observation, values: Float64Array) -> str | None:
    step, _, val, train = observation.evaluations
    if len(val) < 2 or step_number(step[0]) == step_number(step[-1]) or _falls(values[-2 * RECOVERY_ROWS :]):
        return None
    best = int(np.argmin(val))
    noise = evaluation_noise(val[: best + 2][-NOISE_EVALUATIONS:])
    rises = [float(column[-1] - column[best]) / max(1e-9, abs(float(column[best]))) for column in (val, train)]
    if min(rises) < EVALUATION_RISE_SHARE or float(val[-1] - val[best]) < STANDARD_ERRORS * noise:
        return None
    return (
        f"Validation loss is {format_share(rises[0])} and training loss {format_share(rises[1])} above the best "
        f"of step {step_number(step[best]):,}, and neither has come back."
    )


def find_learning_rate_too_high(observation: Observation, trend: Trend | None, *, repeated: bool) -> Diagnosis | None:
    """The loss rose after a raise of the rate, or does not fall at an undecayed rate while gradients grow.

    `repeated`: the previous verdict was the same; a longer trend must then end it.
    """
    if repeated:
        trend = recent_trend(observation, 2) or trend
    why = _rose_after_a_raise(observation) or _swings(observation, trend)
    if why is None:
        return None
    rate = float(observation.learning_rate[observation.rows - 1])
    return Diagnosis(
        "lr too high",
        why,
        f"Halve the learning rate of {format_learning_rate(rate)}.",
        advice=verdicts.suggest_learning_rate(observation, 0.5, "halve the learning rate"),
        alternative=verdicts.SUGGEST_ROLLBACK if len(observation.evaluations.step) else None,
    )


def _rose_after_a_raise(observation: Observation) -> str | None:
    rates = observation.tail("learning_rate", RAISE_ROWS)
    losses = observation.tail("loss", RAISE_ROWS)
    steps = observation.tail("step", RAISE_ROWS)
    raises = np.flatnonzero(
        (rates[1:] > LEARNING_RATE_RAISE * rates[:-1]) & (rates[:-1] > 0.0) & (steps[1:] > observation.warmup_steps)
    )
    for raised in raises[::-1] + 1:
        if rates[-1] < rates[raised] / LEARNING_RATE_RAISE:  # lowered since
            continue
        before = finite_values(losses[max(0, raised - 4 * MEDIAN_BLOCK_ROWS) : raised])
        after = finite_values(losses[raised:])
        if len(before) < MEDIAN_BLOCK_ROWS or len(after) < FEWEST_ROWS_AFTER_RAISE:
            continue
        then, now = before[-2 * MEDIAN_BLOCK_ROWS :], after[-2 * MEDIAN_BLOCK_ROWS :]
        was, is_now = float(np.median(then)), float(np.median(now))
        error = MEDIAN_COST * step_noise(before) * float(np.sqrt(1.0 / len(then) + 1.0 / len(now)))
        if is_now - was > max(STANDARD_ERRORS * error, RISE_AFTER_RAISE * abs(was)):
            return (
                f"The loss went from {was:.3f} to {is_now:.3f} after the learning rate was raised from "
                f"{format_learning_rate(rates[raised - 1])} to {format_learning_rate(rates[raised])} at step "
                f"{step_number(steps[raised]):,}."
            )
    return None


def _swings(observation: Observation, trend: Trend | None) -> str | None:
    if (
        trend is None
        or observation.learning_rate_share < DECAYED_SHARE
        or trend.fall > max(STANDARD_ERRORS * trend.error, 3.0 * PLATEAU_FALL * abs(trend.level))
    ):
        return None
    rows = trend_rows(observation)
    norms = observation.tail("gradient_norm", 2 * rows)  # longer, because norms are noisier than losses
    gradients = fit_trend(np.log(norms[np.isfinite(norms) & (norms > 0.0)]))
    if gradients is None or not -gradients.fall > max(GRADIENT_RISE, STANDARD_ERRORS * gradients.error):
        return None
    grown = float(np.expm1(min(50.0, -gradients.fall)))
    swing = ", swings more than its noise explains" if trend.roughness > ROUGH_FACTOR else ""
    return (
        f"The loss has not fallen for {steps_in(observation, rows):,} steps{swing}, and the gradients grew "
        f"by {format_share(grown)} meanwhile."
    )


def find_learning_rate_too_low(observation: Observation, *, repeated: bool) -> Diagnosis | None:
    """A straight, slow, quiet fall early in the run. `repeated`: with wider limits, after the same verdict."""
    if (
        observation.progress > EARLY_SHARE * (1.5 if repeated else 1.0)
        or observation.learning_rate_share < DECAYED_SHARE
    ):
        return None
    warm = int(np.searchsorted(observation.step[: observation.rows], observation.warmup_steps, side="right"))
    since = observation.loss[warm : observation.rows]
    values = finite_values(since[:: max(1, len(since) // MOST_POINTS)])
    if len(since) < FEWEST_TREND_ROWS:
        return None
    trend = fit_trend(values)
    if trend is None or not np.isfinite(observation.uniform_loss):
        return None
    straight = STRAIGHT_RATIO * (0.8 if repeated else 1.0)
    if trend.level < STILL_HIGH_SHARE * observation.uniform_loss or not straight < trend.straightness < 1.0 / straight:
        return None
    if trend.fall < 2.0 * STANDARD_ERRORS * trend.error or trend.noise > max(
        TINY_NOISE_SHARE * trend.fall, 0.004 * trend.level
    ):
        return None
    gained = 100.0 * trend.fall / steps_in(observation, len(since))
    return Diagnosis(
        "lr too low",
        f"The loss falls in a straight, quiet line by {gained:.3f} in 100 steps and "
        f"is still {trend.level:.3f}, where knowing nothing costs {observation.uniform_loss:.3f}.",
        "Three times the learning rate would get there sooner.",
        advice=verdicts.suggest_learning_rate(observation, 3.0, "three times the learning rate"),
    )


def find_plateau(observation: Observation, trend: Trend | None, *, repeated: bool) -> Diagnosis | None:
    """No improvement beyond noise over the newest quarter of the run. `repeated`: after the same verdict."""
    if trend is None:
        return None
    least = PLATEAU_FALL * abs(trend.level) * (2.0 if repeated else 1.0)
    if trend.fall > max(least, 2.0 * trend.error):
        return None
    gained = _gained_lately(observation)
    if gained is None:
        # Without evaluations the steps alone must be sure enough.
        if trend.fall + 2.0 * trend.error > 2.0 * least:
            return None
    elif gained[0] > max(gained[1], least):
        return None
    rows = trend_rows(observation)
    undecayed = observation.learning_rate_share >= DECAYED_SHARE
    halve = None
    if observation.floor is not None and trend.level < 1.1 * observation.floor:
        next_ = "It is as good as the text allows: stop."
    elif undecayed:
        next_ = "Halve the learning rate and see whether it falls again."
        halve = verdicts.suggest_learning_rate(observation, 0.5, "halve the learning rate")
    else:
        next_ = "Stop, or give the next run a larger model."
    return Diagnosis(
        "plateau",
        f"The loss {_moved(trend)} in {steps_in(observation, rows):,} steps, no improvement beyond its "
        f"noise, and stands at {trend.level:.3f}.",
        next_,
        advice=halve or verdicts.SUGGEST_STOP,
        alternative=verdicts.SUGGEST_STOP if halve else None,
    )


def _moved(trend: Trend) -> str:
    return f"{'fell' if trend.fall >= 0.0 else 'rose'} by {abs(trend.fall):.3f}"


def _gained_lately(observation: Observation) -> tuple[float, float] | None:
    """Validation loss gained in the same window, and three standard errors of its noise; None with too few."""
    step, _, val, _ = observation.evaluations
    inside = int(np.searchsorted(step, (1.0 - WINDOW_SHARE) * observation.newest_step))
    if len(val) - inside < 2 or inside < 1 or len(val) < 4:
        return None
    earlier, later = float(np.median(val[max(0, inside - 1) : inside + 1])), float(np.median(val[-2:]))
    return earlier - later, STANDARD_ERRORS * evaluation_noise(val[-NOISE_EVALUATIONS:])


def describe_learning(observation: Observation, trend: Trend | None, *, repeated: bool) -> Diagnosis:
    """Learning, or slow when the gain per tenth of the run is tiny. `repeated`: the previous verdict was slow."""
    if trend is None:
        newest = finite_values(observation.tail("loss", MEDIAN_BLOCK_ROWS))
        level = float(np.median(newest)) if len(newest) else float("nan")
        return Diagnosis("learning", f"The loss is {level:.3f} and on its way.", "Nothing to do.")
    rows = trend_rows(observation)
    covered = steps_in(observation, rows)
    tenth = max(1.0, (observation.total_steps or observation.newest_step) / 10.0)
    reducible = max(1e-9, abs(trend.level) - (observation.floor or 0.0))
    rate = trend.fall / covered * tenth / reducible
    why = f"The loss {_moved(trend)} in {covered:,} steps and is {trend.level:.3f}"
    if rate + trend.error / covered * tenth / reducible > SLOW_PER_TENTH * (1.5 if repeated else 1.0):
        return Diagnosis("learning", why + ".", "Nothing to do.")
    if not trend.fall > 0.0:
        return Diagnosis("slow", why + ".", "Wait for the next evaluation: it is too noisy to say more.")
    undecayed = observation.learning_rate_share >= DECAYED_SHARE
    return Diagnosis(
        "slow",
        f"{why}: {format_share(rate)} to every tenth of the run.",
        "Try half as much learning rate again." if undecayed else "The learning rate is nearly spent: let it finish.",
        advice=verdicts.suggest_learning_rate(observation, 1.5, "learning rate × 1.5") if undecayed else None,
    )
