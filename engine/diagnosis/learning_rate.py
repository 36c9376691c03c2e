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
    Float64Array,
    Trend,
    finite_values,
    fit_trend,
    step_noise,
)
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.runs.formatting import format_factor, format_learning_rate, format_loss, format_share

JUMP_ROWS = 8  # rows per median, of the first ones, in search of a jump
FIRST_ROWS = 4096
JUMPED = 1.2  # times the loss of the untrained model
LOWERED = 0.5  # of the scheduled rate: then the jump is of the past
FAR_ABOVE_DEFAULT, FAR_BELOW_DEFAULT = 15.0, 0.04  # times the default rate
TENTH_ADVISED = 10.0  # times the default rate: above it a tenth is advised, not half
MANY_EPOCHS = 8.0
# Mean cosines of updates and the descent direction after them, see `bench.judging.real_verdicts`.
FEWEST_ALIGNMENTS, FEWEST_CLEAR_ALIGNMENTS = 16, 4
OVERSHOOTING, SAME_DIRECTION = -0.02, 0.02
HINT_HIGHER, HINT_LOWER = -0.03, -0.055  # of AdamW's part: less certain than a verdict
HINT_FACTOR, NEAR_DEFAULT = 3.0, 0.7  # times the default rate
LEARNT = 0.1  # nats per token: below it nothing is left to gain
MUCH_WEIGHT_DECAY = 1.0  # ten times the default
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
    """The loss rose after a raise of the rate or above that of the untrained model, swings, or updates overshoot.

    `repeated`: the previous verdict was the same; a longer trend must then end it.
    """
    if repeated:
        trend = recent_trend(observation, 2) or trend
    why = (
        _rose_after_a_raise(observation)
        or _jumped(observation)
        or _swings(observation, trend)
        or _overshoots(observation)
    )
    if why is None:
        return None
    far = max(observation.rate_factors, default=1.0) > TENTH_ADVISED
    factor, words = (0.1, "a tenth of the learning rate") if far else (0.5, "halve the learning rate")
    return Diagnosis(
        "lr too high",
        why,
        f"{'Take a tenth of' if far else 'Halve'} the {verdicts.rate_words(observation)}.",
        advice=verdicts.suggest_learning_rate(observation, factor, words),
        alternative=verdicts.SUGGEST_ROLLBACK if observation.best_step > 0 else None,
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


def highest_level(observation: Observation) -> float:
    """The highest median of 8 losses among the first ones, in nats per token; infinite for NaN or infinite ones."""
    losses = np.asarray(observation.loss[: min(observation.rows, FIRST_ROWS)], dtype=np.float64)
    blocks = losses[: len(losses) - len(losses) % JUMP_ROWS].reshape(-1, JUMP_ROWS)
    medians = np.median(np.where(np.isfinite(blocks), blocks, np.inf), axis=1)
    return float(medians.max(initial=-np.inf))


def _jumped(observation: Observation) -> str | None:
    """The loss jumped above that of the untrained model, and the rate is still the same."""
    peak, start = highest_level(observation), observation.start_loss
    if not peak > JUMPED * start or observation.lr_scale <= LOWERED or observation.lr_held:
        return None
    return (
        f"The loss jumped to {format_loss(peak)} at first, above the {format_loss(start)} of the untrained model, "
        f"and is {format_loss(observation.level)} now."
    )


def _overshoots(observation: Observation) -> str | None:
    """A rate far above the default, and updates turn against the gradient after them."""
    factor = max(observation.rate_factors, default=1.0)
    means = update_alignments(observation)
    if factor < FAR_ABOVE_DEFAULT or means is None or means.min() > OVERSHOOTING:
        return None
    if observation.planned_epochs > MANY_EPOCHS:
        return None  # large steps also keep a model from learning a small text by heart
    return (
        f"The learning rate is {format_factor(factor)} times the default, and updates overshoot: the next gradient "
        f"points back (cosine {means.min():.3f})."
    )


def update_alignments(observation: Observation) -> Float64Array | None:
    """The mean cosine of updates and the descent direction after them, of each part [parts]; None for too few."""
    measured = observation.alignments
    return np.asarray(measured, dtype=np.float64).mean(axis=0) if len(measured) >= FEWEST_ALIGNMENTS else None


def updates_are_short(observation: Observation, least: float = SAME_DIRECTION) -> float | None:
    """The mean cosine of the part whose updates agree most with the gradient after them, if above `least`, else None.

    Of a few measurements three standard errors must be above it.
    """
    measured = np.asarray(observation.alignments, dtype=np.float64)
    if len(measured) < FEWEST_CLEAR_ALIGNMENTS:
        return None
    means = measured.mean(axis=0)
    part = int(means.argmax())
    error = float(measured[:, part].std(ddof=1)) / np.sqrt(len(measured)) if len(measured) < FEWEST_ALIGNMENTS else 0.0
    return float(means[part]) if means[part] - 3.0 * error > least else None


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
    """Updates that all point the same way, or a straight, slow, quiet fall early in the run."""
    why = _keeps_its_direction(observation, repeated=repeated) or _falls_straight(observation, repeated=repeated)
    if why is None:
        return None
    return Diagnosis(
        "lr too low",
        why,
        "Three times the learning rate would get there sooner.",
        advice=verdicts.suggest_learning_rate(observation, 3.0, "three times the learning rate"),
    )


def _keeps_its_direction(observation: Observation, *, repeated: bool) -> str | None:
    least = SAME_DIRECTION * (0.8 if repeated else 1.0)
    if observation.planned_epochs > MANY_EPOCHS:
        least *= 10.0  # short steps keep a model from learning a small text by heart
    elif min(observation.rate_factors, default=0.0) > NEAR_DEFAULT:
        least *= 3.0
    if (cosine := updates_are_short(observation, least)) is not None:
        return (
            f"The updates are short: the next gradient still points their way (cosine {cosine:.3f}), and the loss "
            f"is {format_loss(observation.level)}."
        )
    means = update_alignments(observation)
    if means is None or observation.planned_epochs > MANY_EPOCHS:
        return None
    factors = np.array(observation.rate_factors)
    far_below = (factors < FAR_BELOW_DEFAULT) & (means > OVERSHOOTING) if len(factors) == len(means) else np.zeros(1)
    if not far_below.any():
        return None
    part = "AdamW's rate" if factors.argmin() == 0 else "Muon's rate"
    return (
        f"{part} is {format_factor(float(factors.min()))} times the default, and updates do not overshoot; the loss "
        f"is {format_loss(observation.level)}."
    )


def rate_hint(observation: Observation) -> str:
    """What another learning rate or less weight decay may bring to a run that has no trouble; or nothing."""
    means, factor = update_alignments(observation), max(observation.rate_factors, default=1.0)
    if observation.planned_epochs > MANY_EPOCHS:
        return ""
    if observation.weight_decay >= MUCH_WEIGHT_DECAY:
        return f"A weight decay of {observation.weight_decay:g} is very high: a lower one may end lower."
    if factor >= FAR_ABOVE_DEFAULT:
        return f"The learning rate is {format_factor(factor)} times the default: a lower one may end lower."
    if means is None:
        return ""
    if means[0] > HINT_HIGHER and factor < NEAR_DEFAULT and observation.level > LEARNT:
        return "Updates hardly overshoot: a higher learning rate may end lower."
    if means[0] < HINT_LOWER and factor > HINT_FACTOR:
        return "Updates overshoot: a lower learning rate may end lower."
    return ""


def _falls_straight(observation: Observation, *, repeated: bool) -> str | None:
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
    return (
        f"The loss falls in a straight, quiet line by about {format_loss(gained)} in 100 steps and is still "
        f"{format_loss(observation.level)}, where knowing nothing costs {format_loss(observation.uniform_loss)}."
    )
