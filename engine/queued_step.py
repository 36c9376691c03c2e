"""A finished step on its way to the record."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from babytrain.runs.events import Step


@dataclass(frozen=True)
class QueuedStep:
    """A step whose loss and gradient norm (scalars) may still be on the device."""

    step: int
    t: float
    loss: Tensor
    gradient_norm: Tensor
    learning_rate: float
    tokens: int
    step_seconds: float
    first_window: int

    def event(self) -> Step:
        """The step as it is recorded. Waits for the device."""
        return Step(
            t=self.t,
            step=self.step,
            loss=float(self.loss),
            learning_rate=self.learning_rate,
            gradient_norm=float(self.gradient_norm),
            tokens=self.tokens,
            step_seconds=self.step_seconds,
        )
