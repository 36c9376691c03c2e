"""Whether a run diverges: the loss is NaN, above that of the untrained model, or has risen from its level for good."""

from __future__ import annotations

import math

import numpy as np

from babytrain.engine.diagnosis import verdicts
from babytrain.engine.diagnosis.detectors import DIVERGENCE_MARGIN, RELATIVE_MARGIN, SMALLEST_MARGIN
from babytrain.engine.diagnosis.loss_trends import STANDARD_ERRORS
from babytrain.engine.diagnosis.observation import LEVEL_ROWS, Observation, step_number
from babytrain.engine.diagnosis.overfitting import NOISE_EVALUATIONS
from babytrain.engine.diagnosis.robust_statistics import (
    Float64Array,
    evaluation_noise,
    finite_values,
    fit_trend,
    step_noise,
)
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.runs.formatting import format_loss, format_share

DIVERGENCE_ROWS = 1024  # searched for the lowest level
MEDIAN_BLOCK_ROWS = 16  # rows per median, as many as the detector's slow average
RECENT_ROWS = 6  # all of them but one must be too high
MEDIAN_OF_SIX = 0.5 / 0.378  # noise of a median of six over that of the detector's average
RECOVERY_ROWS = 48  # a loss that falls over so many rows is recovering
# Of both losses, above the best evaluation: the weights are worse, not only a batch.
EVALUATION_RISE_SHARE = 0.15
ABOVE_START = 1.1  # times the loss of the untrained model: the first updates of a healthy run stay below


def find_divergence(observation: Observation) -> Diagnosis | None:
    """The loss is NaN or infinite, above that of the untrained model, or has risen without recovering."""
    losses = observation.tail("loss", DIVERGENCE_ROWS)
    if len(losses) == 0:
        return None
    a_third = "a third of the learning rate"
    lower = verdicts.suggest_learning_rate(observation, 1 / 3, a_third)
    back = observation.best_step > 0
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
    why = (
        _above_the_start(observation)
        or _left_the_level(values, steps[usable])
        or _evaluations_left_behind(observation, values)
    )
    if why is None:
        return None
    return Diagnosis(
        "diverging",
        why,
        f"{'Go back to the best checkpoint, or take' if back else 'Take'} {a_third}.",
        advice=verdicts.SUGGEST_ROLLBACK if back else lower,
        alternative=lower if back else None,
    )


def _above_the_start(observation: Observation) -> str | None:
    start, level = observation.start_loss, observation.level
    if min(observation.rows, len(finite_values(observation.tail("loss", LEVEL_ROWS)))) < LEVEL_ROWS // 2:
        return None
    if not (math.isfinite(start) and level > ABOVE_START * start):
        return None
    return f"The loss is {format_loss(level)}, above the {format_loss(start)} of the untrained model."


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
        f"The loss rose from {format_loss(reached)} to {format_loss(float(np.median(recent)))} in the last "
        f"{step_number(steps[-1] - steps[-rows]):,} steps, far outside its noise of {format_loss(noise)}."
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
