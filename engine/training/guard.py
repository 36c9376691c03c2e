"""The guard: what is done when a step goes wrong, decided from numbers alone.

It judges every step in order and decides what to do; `train_step.py` says when. It holds no tensors, no clock and no
random number, so a run that is repeated recovers in the same places in the same way.

- A loss or gradient that is NaN or infinite never reaches the weights: the step is skipped. Several in a row, and the
  run goes back to the last good checkpoint with a lower learning rate.
- A spike is noted; one that follows closely on another is skipped.
- A run that diverges goes back, and not to a checkpoint that was saved while it was diverging already.
- After so many rescues it ends in order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from babytrain.engine.config.settings import GuardPolicy
from babytrain.engine.diagnosis.detectors import DivergenceDetector, SpikeDetector
from babytrain.runs.events import GuardCause

LOWER_LEARNING_RATE = 0.5  # factor after going back
CLOSE_STEPS = 10  # a spike this soon after another one is no accident any more

Action: TypeAlias = Literal["go on", "note", "skip", "go back", "stop"]


@dataclass(frozen=True)
class GuardDecision:
    """What to do with a step, and why."""

    action: Action
    cause: GuardCause = "spike"


GO_ON = GuardDecision("go on")


class Guard:
    """Judges the steps of one run. `rescues_left` counts down with every time the run went back."""

    def __init__(self, policy: GuardPolicy, *, patience: int, rescues: int, warmup_steps: int) -> None:
        self._policy = policy
        self._patience = patience
        self.rollbacks_left = rescues
        self._spikes = SpikeDetector(warmup_steps)
        self._divergence = DivergenceDetector(warmup_steps)
        self._broken_in_a_row = 0
        self._last_spike = -CLOSE_STEPS - 1

    def judge(self, step: int, loss: float, gradient_norm: float) -> GuardDecision:
        """What to do with the update of step number `step`; the gradient norm is the one before clipping."""
        if not math.isfinite(loss + gradient_norm):
            self._broken_in_a_row += 1
            if self._policy == "stop":
                return GuardDecision("stop", "not finite")
            if self._broken_in_a_row >= self._patience and self._policy == "rollback":
                return GuardDecision("go back" if self.rollbacks_left > 0 else "stop", "not finite")
            if self._broken_in_a_row > self._patience * 10:
                return GuardDecision("stop", "not finite")  # only skipping gets nowhere
            return GuardDecision("skip", "not finite")
        self._broken_in_a_row = 0
        if self._divergence.update(step, loss):
            if self._policy == "rollback":
                return GuardDecision("go back" if self.rollbacks_left > 0 else "stop", "diverging")
            if self._policy == "stop":
                return GuardDecision("stop", "diverging")
        if self._spikes.update(step, loss, gradient_norm):
            close = step - self._last_spike <= CLOSE_STEPS
            self._last_spike = step
            return GuardDecision("skip" if close else "note", "spike")
        return GO_ON

    @property
    def calm(self) -> bool:
        """Whether the newest steps are as they should be, so that a checkpoint of now is worth going back to."""
        return not self._broken_in_a_row and not self._divergence.suspicious

    def rolled_back(self) -> None:
        """The run stands at a checkpoint again: what was learned about its course no longer holds."""
        self._spikes.reset()
        self._divergence.reset()
        self._broken_in_a_row = 0
        self._last_spike = -CLOSE_STEPS - 1

    def dial_changed(self) -> None:
        """A person turned a dial that moves the loss by itself: a new level is no divergence."""
        self._spikes.reset()
        self._divergence.reset()

    def state(self) -> dict[str, Any]:
        """What it remembers, as plain values: a resumed run must be judged like one that never stopped."""
        return {
            "rescues_left": self.rollbacks_left,
            "calm": self.calm,
            "broken_in_a_row": self._broken_in_a_row,
            "last_spike": self._last_spike,
            "spikes": self._spikes.state(),
            "divergence": self._divergence.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember what `state()` said."""
        self.rollbacks_left = int(state["rescues_left"])
        self._broken_in_a_row = int(state["broken_in_a_row"])
        self._last_spike = int(state["last_spike"])
        self._spikes.restore(state["spikes"])
        self._divergence.restore(state["divergence"])
