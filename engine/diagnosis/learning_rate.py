"""Whether the learning rate is too high or too low.

Evidence: what the loss did after a raise; swings while gradients grow; a straight, quiet, slow fall; where the loss
stands against that of counting tokens and of the untrained model; and whether updates still point downhill for the
batch after them.
"""

from __future__ import annotations

import numpy as np

from babytrain.engine.diagnosis import verdicts
from babytrain.engine.diagnosis.loss_trends import (
    DECAYED_SHARE,
    FEWEST_TREND_ROWS,
    PLATEAU_FALL,
    STANDARD_ERRORS,
    recent_trend,
    steps_in,
    trend_rows,
)
from babytrain.engine.diagnosis.observation import LEVEL_ROWS, Observation, step_number
from babytrain.engine.diagnosis.robust_statistics import (
    MEDIAN_COST,
    MOST_POINTS,
    Trend,
    finite_values,
    fit_trend,
    step_noise,
)
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.runs.formatting import format_learning_rate, format_loss, format_share

LEARNING_RATE_RAISE = 1.25  # from one step to the next: by command; no schedule rises like that after warm-up
RAISE_ROWS = 512  # later a raise is ignored
FEWEST_ROWS_AFTER_RAISE = 12
RISE_AFTER_RAISE = 0.03  # of the loss
ROUGH_FACTOR = 2.5  # times what independent noise explains: the loss oscillates slowly
GRADIENT_RISE = 0.15  # of the gradient norm in the window
# Later over earlier slope since the warm-up; power laws are below 0.4 from the first 100 steps on.
STRAIGHT_RATIO = 0.65
EARLY_SHARE = 0.5  # of the run: later, the schedule causes a straight fall
TINY_NOISE_SHARE = 0.1  # of the fall so far
STILL_HIGH_SHARE = 0.5  # of the loss of a uniform guess


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
        before = finite_values(losses[max(0, raised - 4 * LEVEL_ROWS) : raised])
        after = finite_values(losses[raised:])
        if len(before) < LEVEL_ROWS or len(after) < FEWEST_ROWS_AFTER_RAISE:
            continue
        then, now = before[-2 * LEVEL_ROWS :], after[-2 * LEVEL_ROWS :]
        was, is_now = float(np.median(then)), float(np.median(now))
        error = MEDIAN_COST * step_noise(before) * float(np.sqrt(1.0 / len(then) + 1.0 / len(now)))
        if is_now - was > max(STANDARD_ERRORS * error, RISE_AFTER_RAISE * abs(was)):
            return (
                f"The loss went from {format_loss(was)} to {format_loss(is_now)} after the learning rate was raised "
                f"from {format_learning_rate(rates[raised - 1])} to {format_learning_rate(rates[raised])} at step "
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
        f"The loss falls in a straight, quiet line by about {format_loss(gained)} in 100 steps and is still "
        f"{format_loss(observation.level)}, where knowing nothing costs {format_loss(observation.uniform_loss)}.",
        "Three times the learning rate would get there sooner.",
        advice=verdicts.suggest_learning_rate(observation, 3.0, "three times the learning rate"),
    )
