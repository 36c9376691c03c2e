"""Whether a run learns at all: a loss that is no better than counting how often each token comes is never fine.

The cause is looked for in what the loss did: it jumped (the learning rate is too high), it creeps down (too low), or
neither can be told.
"""

from __future__ import annotations

import math

from babytrain.engine.diagnosis import verdicts
from babytrain.engine.diagnosis.learning_rate import highest_level, updates_are_short
from babytrain.engine.diagnosis.loss_trends import STANDARD_ERRORS, measured_change, steps_in
from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.diagnosis.robust_statistics import finite_values, fit_trend
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.runs.formatting import format_count, format_factor, format_loss

COUNTING_MARGIN = 0.02  # of the loss of counting: below it by less is no better
JUMPED = 1.05  # times the loss of the untrained model
SETTLED_ROWS = 24  # rows after the settling steps, for a first opinion
FAR_FROM_DEFAULT = 3.0  # times the default rate
PACE_ROWS = 256  # of late, from which the pace is measured


def is_above_counting(observation: Observation) -> bool:
    """Whether the loss is no better than that of how often each token comes."""
    counting = observation.unigram_loss
    return math.isfinite(counting) and observation.level > (1.0 - COUNTING_MARGIN) * counting


def find_not_learning(observation: Observation) -> Diagnosis | None:
    """The loss is no better than that of counting tokens, or validation is worse than before the first step."""
    counting, level = observation.unigram_loss, observation.level
    if not is_above_counting(observation) or observation.settled_rows < SETTLED_ROWS:
        return None
    stands = f"The loss is {format_loss(level)}; counting how often each token comes gives {format_loss(counting)}"
    peak = highest_level(observation)
    rate = verdicts.rate_words(observation)
    if peak > JUMPED * observation.start_loss:
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
    if falls or updates_are_short(observation) is not None:
        change = measured_change(observation, rows)
        return Diagnosis(
            "lr too low",
            f"{stands}, and it {change}.",
            f"Take ten times the {rate}.",
            advice=verdicts.suggest_learning_rate(observation, 10.0, "ten times the learning rate"),
        )
    factor = max(observation.rate_factors, default=1.0)
    if factor > FAR_FROM_DEFAULT:
        words = f"Take a tenth of the {rate}, which is {format_factor(factor)} times the default"
    else:
        words = f"Stop, and try a tenth and ten times the {rate}"
    lower = verdicts.suggest_learning_rate(observation, 0.1, "a tenth of the learning rate")
    return Diagnosis(
        "not learning",
        f"{stands}, and it has not moved in {format_count(steps_in(observation, rows))} steps.",
        f"{words}; a text of chance cannot be learnt.",
        advice=lower if factor > FAR_FROM_DEFAULT else verdicts.SUGGEST_STOP,
        alternative=verdicts.SUGGEST_STOP if factor > FAR_FROM_DEFAULT else lower,
    )
