"""The guard: what is done when a step goes wrong, decided from its loss and gradient norm alone.

- A step whose loss or gradient is NaN or infinite is skipped. After several in a row the run is rolled back to the
  last good checkpoint with a lower learning rate.
- A spike is noted; one that follows closely on another is skipped.
- A run that diverges is rolled back to a checkpoint from before it began to diverge.
- After `max_rollbacks` rollbacks the run is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from babytrain.engine.config.settings import Config
from babytrain.engine.diagnosis.detectors import DivergenceDetector, SpikeDetector
from babytrain.runs.events import GuardCause

LOWER_LEARNING_RATE = 0.5  # factor after a rollback
CLOSE_STEPS = 10  # a spike this soon after another one is skipped

Action: TypeAlias = Literal["go on", "note", "skip", "go back", "stop"]


@dataclass(frozen=True)
class GuardDecision:
    """What to do with a step, and why."""

    action: Action
    cause: GuardCause = "spike"


GO_ON = GuardDecision("go on")


class Guard:
    """Decides about the steps of one run. `rollbacks_left` counts down."""

    def __init__(self, config: Config) -> None:
        self._policy, self._patience_steps = config.guard, config.guard_patience_steps
        self.rollbacks_left = config.max_rollbacks
        self._spikes = SpikeDetector(config.warmup)
        self._divergence = DivergenceDetector(config.warmup)
        self._not_finite_in_a_row = 0
        self._last_spike = -CLOSE_STEPS - 1

    def decide(self, step: int, loss: float, gradient_norm: float) -> GuardDecision:
        """What to do with the update of step number `step`; the gradient norm is the one before clipping."""
        if not math.isfinite(loss + gradient_norm):
            self._not_finite_in_a_row += 1
            if self._policy == "stop":
                return GuardDecision("stop", "not finite")
            if self._not_finite_in_a_row >= self._patience_steps and self._policy == "rollback":
                return GuardDecision("go back" if self.rollbacks_left > 0 else "stop", "not finite")
            if self._not_finite_in_a_row > self._patience_steps * 10:
                return GuardDecision("stop", "not finite")  # skipping alone does not help
            return GuardDecision("skip", "not finite")
        self._not_finite_in_a_row = 0
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
    def is_stable(self) -> bool:
        """Whether the newest steps are normal, so that a checkpoint saved now is good to roll back to."""
        return not self._not_finite_in_a_row and not self._divergence.suspicious

    def rolled_back(self) -> None:
        """Reset after a rollback: the losses seen no longer apply."""
        self._spikes.reset()
        self._divergence.reset()
        self._not_finite_in_a_row = 0
        self._last_spike = -CLOSE_STEPS - 1

    def dial_changed(self) -> None:
        """Reset the detectors: a dial change may move the loss without a divergence."""
        self._spikes.reset()
        self._divergence.reset()

    def state(self) -> dict[str, Any]:
        """The state as plain values, for a checkpoint."""
        return {
            "rescues_left": self.rollbacks_left,
            "calm": self.is_stable,
            "broken_in_a_row": self._not_finite_in_a_row,
            "last_spike": self._last_spike,
            "spikes": self._spikes.state(),
            "divergence": self._divergence.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state from `state()`."""
        self.rollbacks_left = int(state["rescues_left"])
        self._not_finite_in_a_row = int(state["broken_in_a_row"])
        self._last_spike = int(state["last_spike"])
        self._spikes.restore(state["spikes"])
        self._divergence.restore(state["divergence"])
