"""The output of a diagnosis: one of the verdicts, two sentences, and suggested commands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.diagnosis.paired_bootstrap import LossComparison
from babytrain.runs.events import VerdictName
from babytrain.runs.formatting import format_learning_rate

VerdictKind: TypeAlias = VerdictName
VERDICTS: tuple[VerdictKind, ...] = get_args(VerdictKind)
SuggestedAction: TypeAlias = Literal[
    "lr_scale",  # value: factor on the scheduled learning rate, replaces the factor before it
    "lr_hold",  # value: a fixed learning rate
    "lr_release",  # back to the schedule
    "stop",
    "rollback",  # text: "best"
    "total_steps",  # value: where the run ends
    "dropout",  # value: dropout probability
    "weight_decay",  # value: decoupled weight decay
]


@dataclass(frozen=True)
class Suggestion:
    """A suggested command: `value` in the unit of the dial, `label` for the key that sends it."""

    action: SuggestedAction
    label: str
    value: float | None = None
    text: str = ""


@dataclass(frozen=True)
class EvaluationRise:
    """The newest evaluation (at `newest_step`) against the best one: per-window bootstrap, newest minus best.

    `second` compares the second newest with the best; None when it is the best or its window losses are missing.
    """

    best_step: int
    newest_step: int
    comparison: LossComparison
    second: LossComparison | None


@dataclass(frozen=True)
class Diagnosis:
    """The verdict on a run at `step`.

    `why` and `next_` are a sentence each. `advice` is what the key applies, `alternative` the second choice. `since` is
    the first step of the verdict; `candidate` a new verdict to be confirmed, since `candidate_since`; `rise` the newest
    comparison of evaluations, cached.
    """

    verdict: VerdictKind
    why: str
    next_: str
    advice: Suggestion | None = None
    alternative: Suggestion | None = None
    step: int = 0
    since: int = 0
    candidate: VerdictKind | None = None
    candidate_since: int = 0
    rise: EvaluationRise | None = None


URGENT_VERDICTS = frozenset({"diverging", "overfitting"})  # given at once, others when found twice
LR_SCALE_LIMITS = (1e-6, 1e6)  # of the dial


def suggest_learning_rate(observation: Observation, factor: float, label: str) -> Suggestion:
    """Suggest `factor` times the current learning rate: a scale of the schedule, or a new held rate."""
    if observation.lr_held and observation.rows and math.isfinite(held := float(observation.learning_rate[-1])):
        return Suggestion("lr_hold", label, value=held * factor)
    low, high = LR_SCALE_LIMITS
    return Suggestion("lr_scale", label, value=min(high, max(low, observation.lr_scale * factor)))


def rate_words(observation: Observation) -> str:
    """`learning rate of 3e-3`, without the number where the schedule has lowered it."""
    rate = float(observation.learning_rate[observation.rows - 1])
    return (
        f"learning rate of {format_learning_rate(rate)}" if observation.learning_rate_share > 0.9 else "learning rate"
    )


SUGGEST_STOP = Suggestion("stop", "stop here")
SUGGEST_ROLLBACK = Suggestion("rollback", "go back to the best checkpoint", text="best")
