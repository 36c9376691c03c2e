"""The guard: what is done when a step goes wrong, decided from its loss and gradient norm alone.

- A step whose loss or gradient is NaN or infinite is skipped. After several in a row the run is rolled back to the
  last good checkpoint with a lower learning rate.
- A spike is noted; one that follows closely on another is skipped.
- A run that diverges is rolled back to a checkpoint from before it began to diverge, also after a dial was changed:
  the level reached before the change still counts.
- So is one that is worse than the untrained model, one whose validation loss is NaN or infinite, and one that the
  diagnosis has called diverging for a while.
- After `max_rollbacks` rollbacks the run is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from babytrain.engine.config.settings import Config
from babytrain.engine.diagnosis.detectors import DivergenceDetector, SpikeDetector
from babytrain.runs.dials.spec import LOSS_DIALS
from babytrain.runs.events import Eval, GuardCause

LOWER_LEARNING_RATE = 0.5  # factor after a rollback
CLOSE_STEPS = 10  # a spike this soon after another one is skipped

_WORSE_THAN_UNTRAINED = "the loss was above that of the untrained model"

Action: TypeAlias = Literal["go on", "note", "skip", "go back", "stop"]


@dataclass(frozen=True)
class GuardDecision:
    """What to do with a step, and why."""

    action: Action
    cause: GuardCause = "spike"
    why: str = ""  # where it is not the loss of the step itself


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
            if self._policy == "stop" or self._not_finite_in_a_row > self._patience_steps * 10:
                return GuardDecision("stop", "not finite")  # skipping alone does not help
            patient = self._policy == "skip" or self._not_finite_in_a_row < self._patience_steps
            return GuardDecision("skip", "not finite") if patient else self.recover("not finite")
        self._not_finite_in_a_row = 0
        if self._divergence.update(step, loss) and self._policy != "skip":
            return self.recover("diverging", _WORSE_THAN_UNTRAINED if self._divergence.stays_above_untrained else "")
        if self._spikes.update(step, loss, gradient_norm):
            close = step - self._last_spike <= CLOSE_STEPS
            self._last_spike = step
            return GuardDecision("skip" if close else "note", "spike")
        return GO_ON

    def decide_after_evaluation(self, evaluation: Eval) -> GuardDecision:
        """What to do about the weights that were evaluated; an overfitting model is good on the training text."""
        if not math.isfinite(evaluation.val_loss):
            return self.recover("not finite", "the validation loss was NaN or infinite")
        worse = self._divergence.is_above_untrained(evaluation.train_loss)
        return self.recover("diverging", _WORSE_THAN_UNTRAINED) if worse else GO_ON

    def recover(self, cause: GuardCause, why: str = "") -> GuardDecision:
        """What to do about weights that are bad or about to be."""
        if self._policy == "skip":
            return GO_ON
        return GuardDecision("go back" if self._policy == "rollback" and self.rollbacks_left else "stop", cause, why)

    @property
    def is_stable(self) -> bool:
        """Whether the newest steps are normal, so that a checkpoint saved now is good to roll back to."""
        return not self._not_finite_in_a_row and not self._divergence.suspicious

    def rolled_back(self, saved: Mapping[str, Any], changed: Collection[str]) -> None:
        """Go on from the level of a checkpoint with the `saved` state; the dials `changed` stand elsewhere there."""
        if "divergence" in saved:
            self._divergence.restore(saved["divergence"])
        else:
            self._divergence.reset()
        self.dials_changed(changed)
        self._not_finite_in_a_row = 0
        self._last_spike = -CLOSE_STEPS - 1

    def dials_changed(self, names: Collection[str]) -> None:
        """Let the detectors settle: a dial may move the loss a little, and some change what the loss measures."""
        self._spikes.reset()
        if LOSS_DIALS & set(names):
            self._divergence.reset()
        else:
            self._divergence.restart()

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
