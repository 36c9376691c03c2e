"""What a diagnosis says: one of twelve verdicts, two sentences, and what can be done at a key press."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from babytrain.runs.bootstrap import Comparison
from babytrain.runs.events import VerdictName

Verdict: TypeAlias = VerdictName
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

AdviceAction: TypeAlias = Literal[
    "lr_scale",  # value: factor on the scheduled learning rate, replaces the factor before it
    "lr_hold",  # value: a fixed learning rate
    "lr_release",  # back to the schedule
    "stop",
    "go_back",  # text: "best"
    "total_steps",  # value: where the run ends
    "dropout",  # value: dropout probability
    "weight_decay",  # value: decoupled weight decay
]


@dataclass(frozen=True)
class Advice:
    """A command that follows the diagnosis: `value` in the dial's own unit, `label` for the key that sends it."""

    action: AdviceAction
    label: str
    value: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """What one check found. `urgent` findings are believed at once, the others when they are found twice."""

    verdict: Verdict
    why: str
    next_: str
    advice: Advice | None = None
    alternative: Advice | None = None
    urgent: bool = False


@dataclass(frozen=True)
class Rise:
    """The newest evaluation (at step `newest_step`) against the best one: per-window bootstrap, newest minus best.

    `second` compares the newest but one with the best; None when there are no window losses of it or it is the best.
    """

    best_step: int
    newest_step: int
    comparison: Comparison
    second: Comparison | None


@dataclass(frozen=True)
class Diagnosis:
    """The verdict on a run at `step`, and the little memory that keeps the next one from flickering.

    `why` and `next_` are a sentence each. `advice` is what the key applies, `alternative` the other way out. `since` is
    the step the verdict was first given at; `candidate` another verdict that waits to be confirmed since
    `candidate_since`; `rise` the newest comparison of evaluations, kept so that it is not drawn again.
    """

    verdict: Verdict
    why: str
    next_: str
    advice: Advice | None = None
    alternative: Advice | None = None
    step: int = 0
    since: int = 0
    candidate: Verdict | None = None
    candidate_since: int = 0
    rise: Rise | None = None
