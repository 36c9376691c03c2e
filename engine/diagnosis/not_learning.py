"""Whether a run learns at all: a loss that is no better than counting how often each token comes is never fine.

The cause is looked for in what the loss did: it jumped (the learning rate is too high), it creeps down (too low), or
neither can be told. Training losses include dropout and label smoothing, so evaluations count too.
"""

from __future__ import annotations

import math

import numpy as np

from babytrain.engine.diagnosis import verdicts
from babytrain.engine.diagnosis.learning_rate import highest_level, updates_are_short
from babytrain.engine.diagnosis.loss_trends import STANDARD_ERRORS, measured_change
from babytrain.engine.diagnosis.observation import LEVEL_ROWS, Observation, median_level, step_number
from babytrain.engine.diagnosis.robust_statistics import finite_values, fit_trend
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.runs.formatting import format_factor, format_loss

COUNTING_MARGIN = 0.02  # of the loss of counting: below it by less is no better
RISEN = 1.05  # times the loss of the untrained model, or of the steps before the newest evaluation
SETTLED_ROWS = 24  # rows after the settling steps, for a first opinion
MUCH_DROPOUT = 0.5
UNUSUAL_RATE_FACTOR = 3.0  # times the default rate, or its inverse
PACE_ROWS = 256  # of late, from which the pace is measured


def is_above_counting(observation: Observation) -> bool:
    """Whether the loss is no better than that of how often each token comes."""
    level, most = _unsmoothed_level(observation), (1.0 - COUNTING_MARGIN) * observation.unigram_loss
    return math.isfinite(most) and (level > most or _fails_without_dropout(observation))


def _unsmoothed_level(observation: Observation) -> float:
    """The loss now; with label smoothing that of validation, or NaN without one: a smoothed loss is no measure."""
    if not observation.label_smoothing > 0.0:
        return observation.level
    evaluated = _newest_evaluation(observation)
    return math.nan if evaluated is None else evaluated[0]


def _newest_evaluation(observation: Observation) -> tuple[float, float] | None:
    """Validation and training loss of the newest evaluation.

    None before one after the settling steps, and where the loss has risen since.
    """
    step, _, val, train = observation.evaluations
    if not len(step) or step[-1] <= observation.settled_step:
        return None
    rows = int(np.searchsorted(observation.step[: observation.rows], step[-1], side="right"))
    then = median_level(np.asarray(observation.loss[max(0, rows - LEVEL_ROWS) : rows], dtype=np.float64))
    return (float(val[-1]), float(train[-1])) if observation.level <= RISEN * then else None


def _fails_without_dropout(observation: Observation) -> bool:
    """Much dropout, and evaluations, which are without it, are no better than counting although training is."""
    evaluated = _newest_evaluation(observation)
    return (
        observation.dropout >= MUCH_DROPOUT
        and evaluated is not None
        and min(evaluated) > (1.0 - COUNTING_MARGIN) * observation.unigram_loss
        and observation.level < evaluated[1]
    )


def find_not_learning(observation: Observation) -> Diagnosis | None:
    """The loss is no better than that of counting tokens, with the likeliest cause as the verdict."""
    counting, level = observation.unigram_loss, _unsmoothed_level(observation)
    if not is_above_counting(observation) or observation.settled_rows < SETTLED_ROWS:
        return None
    stands = f"The loss is {format_loss(level)}; counting how often each token comes gives {format_loss(counting)}"
    if _fails_without_dropout(observation):
        return _lower_dropout(observation, counting)
    peak = highest_level(observation)
    rate = verdicts.rate_words(observation)
    if peak > RISEN * observation.start_loss:
        return Diagnosis(
            "lr too high",
            f"{stands}, and at first it jumped to {format_loss(peak)}.",
            f"Take a tenth of the {rate}, or start again with it.",
            advice=verdicts.suggest_learning_rate(observation, 0.1, "a tenth of the learning rate"),
            alternative=verdicts.SUGGEST_STOP,
        )
    rows = min(PACE_ROWS, observation.settled_rows)
    trend = fit_trend(finite_values(observation.tail("loss", rows)))
    falls = trend is not None and trend.fall > STANDARD_ERRORS * trend.error
    # Near the default rates a loss that creeps towards that of counting is of a text that has nothing more to learn.
    falls = falls and min(observation.rate_factors, default=0.0) < 1.0 / UNUSUAL_RATE_FACTOR
    if falls or updates_are_short(observation) is not None:
        return Diagnosis(
            "lr too low",
            f"{stands}, and it {measured_change(observation, rows)}.",
            f"Take ten times the {rate}.",
            advice=verdicts.suggest_learning_rate(observation, 10.0, "ten times the learning rate"),
        )
    factor = max(observation.rate_factors, default=1.0)
    if factor > UNUSUAL_RATE_FACTOR:
        words = f"Take a tenth of the {rate}, which is {format_factor(factor)} times the default"
    else:
        words = f"Stop, and try a tenth and ten times the {rate}"
    lower = verdicts.suggest_learning_rate(observation, 0.1, "a tenth of the learning rate")
    return Diagnosis(
        "not learning",
        f"{stands}, and it {measured_change(observation, rows)}.",
        f"{words}; a text of chance cannot be learnt.",
        advice=lower if factor > UNUSUAL_RATE_FACTOR else verdicts.SUGGEST_STOP,
        alternative=verdicts.SUGGEST_STOP if factor > UNUSUAL_RATE_FACTOR else lower,
    )


def _lower_dropout(observation: Observation, counting: float) -> Diagnosis:
    step, _, val, _ = observation.evaluations
    return Diagnosis(
        "not learning",
        f"Without dropout the validation loss of step {step_number(step[-1]):,} is {format_loss(val[-1])}; counting "
        f"how often each token comes gives {format_loss(counting)}.",
        f"Lower the dropout of {observation.dropout:g}: the model that samples and evaluations use has none.",
        advice=verdicts.Suggestion("dropout", "dropout 0.1", value=0.1),
        alternative=verdicts.SUGGEST_STOP,
    )
