"""Overfitting and memorising, decided on evaluations.

A run overfits when
- the newest evaluation, and the one before it, are worse than the best by a paired block bootstrap over the windows;
- by more than the noise between evaluations: the best is the luckiest of many;
- and the training loss, in evaluation mode on fixed windows, fell.
"""

from __future__ import annotations

import numpy as np

from babytrain.engine.diagnosis import verdicts
from babytrain.engine.diagnosis.observation import Observation, step_number
from babytrain.engine.diagnosis.paired_bootstrap import RESAMPLES, LossComparison, compare_windows
from babytrain.engine.diagnosis.robust_statistics import Float64Array, evaluation_noise, theil_sen
from babytrain.engine.diagnosis.verdicts import (
    Diagnosis,
    EvaluationRise,
    Suggestion,
    VerdictKind,
)
from babytrain.runs.formatting import format_count, format_loss, format_share, format_whole_seconds

OVERFITTING_CONFIDENCE = 0.98  # of the interval: 1% chance that windows alone make the newest look worse
SECOND_PROBABILITY = 0.9  # the evaluation before only has to agree
SECOND_RESAMPLES = 500  # which gives that probability to 1.3%
FEWEST_AFTER_BEST = 2  # evaluations
NOISE_FACTOR = 3.0  # standard deviations of an evaluation: the luckiest of ten is 1.5 below, one in 15 is 1.5 above
# Of the rise, must be in the trend of all evaluations since the best: after a lucky best there is no trend.
TREND_SHARE_OF_RISE = 0.5
SMALLEST_RISE = 0.004  # of the best loss; less is negligible
OVERFITTING_RELEASE_SHARE = 0.5  # a verdict stays until the rise is below this share of the threshold
NOISE_EVALUATIONS = 10
FEWEST_FOR_NOISE = 6
UNKNOWN_NOISE_SHARE = 0.003  # of the loss, for few evaluations: that of a noisy small run
AFTER_MEMORISING = 2.0  # factor on the threshold after that verdict: a flat loss fluctuates for long
TRAIN_FALL = 0.002  # of the training loss; less is not a fall on a sample of windows
TRAIN_NOISE_FACTOR = 2.0  # standard deviations of an evaluation, for the mean of two of them

# The best evaluation is that of the untrained model, the newest is worse, and the training loss fell.
VAL_ABOVE_START, FALLEN_SINCE_START = 1.02, 0.9

MEMORISING_SHARE = 0.6  # of the validation loss: a training loss below it took many epochs
BELOW_FLOOR = 0.97  # of the source's entropy, which no loss on new text is below
LEARNT_BY_HEART_SHARE = 0.4  # of the validation loss: enough without a look at its course
MEMORISING_EVALUATIONS = 3  # over which validation stood still and training fell
MEMORISING_FALL = 0.015  # of the training loss over those evaluations
STANDSTILL_SHARE = 0.004  # of the validation loss over those evaluations

DROPOUT_ADVICE = 0.2  # nanoGPT's choice for small texts
LARGEST_WEIGHT_DECAY = 10.0  # what the dial takes
WEIGHT_DECAY_FACTOR = 3.0  # where dropout is already on (multi-epoch recipes use 0.8 and more)


def measure_rise(observation: Observation, previous: Diagnosis | None) -> EvaluationRise | None:
    """Compare the newest evaluation with the best one; None without window losses or a later evaluation."""
    step, _, val, _ = observation.evaluations
    if len(val) < 2 or (best := int(np.argmin(val))) == len(val) - 1:
        return None
    best_step, newest_step = step_number(step[best]), step_number(step[-1])
    known = previous.rise if previous is not None else None
    if known is not None and (known.best_step, known.newest_step) == (best_step, newest_step):
        return known
    comparison = _compare(observation, newest_step, best_step)
    if comparison is None or best == len(val) - 2:
        return EvaluationRise(best_step, newest_step, comparison, None) if comparison is not None else None
    second_step = step_number(step[-2])
    if known is not None and (known.best_step, known.newest_step) == (best_step, second_step):
        return EvaluationRise(best_step, newest_step, comparison, known.comparison)
    second = _compare(observation, second_step, best_step, SECOND_RESAMPLES)
    return EvaluationRise(best_step, newest_step, comparison, second)


def _compare(observation: Observation, step: int, best_step: int, resamples: int = RESAMPLES) -> LossComparison | None:
    newer, best = observation.window_losses(step), observation.window_losses(best_step)
    if newer is None or best is None or np.shape(newer) != np.shape(best) or np.ndim(newer) != 1:
        return None
    return compare_windows(newer, best, seed=max(0, step), resamples=resamples, confidence=OVERFITTING_CONFIDENCE)


def find_overfitting(
    observation: Observation, rise: EvaluationRise | None, previous_verdict: VerdictKind | None
) -> Diagnosis | None:
    """Training loss falls while validation loss rises. `previous_verdict`: of the previous diagnosis."""
    step, t, val, train = observation.evaluations
    worse = len(val) > 1 and step[0] == 0 and val[-1] > VAL_ABOVE_START * val.min() >= VAL_ABOVE_START * val[0]
    if worse and train[-1] < FALLEN_SINCE_START * train[0]:
        return _unlike_validation(observation)
    if rise is None or (best := int(np.argmin(val))) > len(val) - 1 - FEWEST_AFTER_BEST:
        return None
    noise = _evaluation_noise(val, train)
    enough = max(NOISE_FACTOR * noise, SMALLEST_RISE * abs(float(val[best])))
    fell = float(train[best] - np.mean(train[-2:]))
    if not fell > max(TRAIN_FALL * abs(float(train[best])), TRAIN_NOISE_FACTOR * noise):
        return None
    if previous_verdict == "overfitting":
        confirmed = rise.comparison.difference > OVERFITTING_RELEASE_SHARE * enough
    else:
        if previous_verdict == "memorising":
            enough *= AFTER_MEMORISING
        climb = theil_sen(val[best:]) * (len(val) - 1 - best)
        confirmed = (
            (rise.second is None or rise.second.probability_above >= SECOND_PROBABILITY)
            and climb > TREND_SHARE_OF_RISE * rise.comparison.difference
            and rise.comparison.low > 0.0
            and rise.comparison.difference > enough
        )
    return _overfitting(observation, rise, float(t[best]), fell) if confirmed else None


def _unlike_validation(observation: Observation) -> Diagnosis:
    _, _, val, train = observation.evaluations
    return Diagnosis(
        "overfitting",
        f"Validation loss is {format_loss(val[-1])}, above the {format_loss(val[0])} of the untrained model, while "
        f"training loss fell to {format_loss(train[-1])}: the validated end of the text is unlike the rest.",
        "Stop, and mix the parts of the text or take out what stands at its end only.",
        advice=verdicts.SUGGEST_STOP,
    )


def _evaluation_noise(val: Float64Array, train: Float64Array) -> float:
    """Standard deviation of an evaluation's loss that is due to the weights.

    Training and validation loss share it, and the training loss has no kink at the best evaluation that would look like
    noise. The lower of the two counts, in proportion to the losses.
    """
    if len(val) < FEWEST_FOR_NOISE:
        return UNKNOWN_NOISE_SHARE * abs(float(val[-1]))
    scale = max(1.0, abs(float(val[-1])) / max(1e-9, abs(float(train[-1]))))
    return min(
        evaluation_noise(val[-NOISE_EVALUATIONS:]), min(scale, 2.0) * evaluation_noise(train[-NOISE_EVALUATIONS:])
    )


def _overfitting(observation: Observation, rise: EvaluationRise, best_t: float, fell: float) -> Diagnosis:
    past = max(0.0, observation.newest_t - best_t)
    share = past / observation.newest_t if observation.newest_t > 0.0 else 0.0
    best = format_count(rise.best_step)
    return Diagnosis(
        "overfitting",
        f"Validation loss rose by {format_loss(rise.comparison.difference)} since its best at step {best} "
        f"(between {format_loss(rise.comparison.low)} and {format_loss(rise.comparison.high)}) "
        f"while training loss fell by {format_loss(fell)}.",
        f"Stop, or go back to step {best}: {format_whole_seconds(past)} were trained past it, and stopping there "
        f"would have saved {format_share(share)} of the run so far.",
        advice=Suggestion("stop", f"stop, keep the best of step {best}"),
        alternative=Suggestion("rollback", f"go back to step {best}", text="best"),
    )


def find_memorising(observation: Observation, *, repeated: bool) -> Diagnosis | None:
    """Training loss falls far below a flat validation loss. `repeated`: the previous verdict was the same."""
    _, _, val, train = observation.evaluations
    if not len(val) or val[-1] <= 0.0 or train[-1] < 0.0:
        return None
    if len(val) <= MEMORISING_EVALUATIONS:
        return _memorising(observation, "") if train[-1] < LEARNT_BY_HEART_SHARE * val[-1] else None
    floor = observation.floor
    below_floor = floor is not None and floor > 0.0 and bool(train[-1] < BELOW_FLOOR * floor)
    if not below_floor and train[-1] > MEMORISING_SHARE * val[-1]:
        return None
    noise = evaluation_noise(val[-NOISE_EVALUATIONS:])
    then = len(val) - 1 - MEMORISING_EVALUATIONS
    gained = float(np.median(val[: then + 1][-2:]) - val[-2:].min())
    if gained > (2.0 if repeated else 1.0) * max(2.0 * noise, STANDSTILL_SHARE * float(val[-1])):
        return None
    fell = float(train[then] - train[-1])
    if not repeated and fell < MEMORISING_FALL * float(train[then]):
        return None
    so_far = f", while validation gained {format_loss(max(0.0, gained))} in {MEMORISING_EVALUATIONS} evaluations"
    if below_floor and floor is not None:
        so_far = f", below the {format_loss(floor)} that no model can beat on new text{so_far}"
    return _memorising(observation, so_far)


def _memorising(observation: Observation, so_far: str) -> Diagnosis:
    step, _, val, train = observation.evaluations
    if observation.dropout < DROPOUT_ADVICE:
        advice = Suggestion("dropout", f"dropout {DROPOUT_ADVICE:g}", value=DROPOUT_ADVICE)
    else:
        more = min(LARGEST_WEIGHT_DECAY, max(0.1, WEIGHT_DECAY_FACTOR * observation.weight_decay))
        advice = Suggestion("weight_decay", f"weight decay {more:g}", value=more)
    best = format_count(step_number(step[val.argmin()]))
    return Diagnosis(
        "memorising",
        f"Training loss fell to {format_loss(train[-1])}, validation is {format_loss(val[-1])}{so_far}: "
        "it learns the text by heart.",
        f"Try {advice.label} or more text; the best model so far is that of step {best}.",
        advice=advice,
        alternative=verdicts.SUGGEST_STOP,
    )
