"""Numbers as the sentences of a diagnosis show them, and the advice that several verdicts share."""

from __future__ import annotations

import math

from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.diagnosis.verdicts import Advice

SCALE_LIMITS = (1e-6, 1e6)  # what the dial takes


def percent(share: float) -> str:
    """`34%`; a little more exact below 10."""
    if not math.isfinite(share):
        return "?%"
    return f"{100 * share:.1f}%" if abs(share) < 0.0995 else f"{100 * share:.0f}%"


def minutes(seconds: float) -> str:
    """`12.3 minutes`, or seconds below one and a half."""
    if not math.isfinite(seconds):
        return "an unknown time"
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:,.1f} minutes"


def count(number: int) -> str:
    """`1,204`."""
    return f"{number:,}"


def loss(value: float) -> str:
    """A loss in nats per token."""
    return f"{value:.3f}"


def change_learning_rate(observation: Observation, factor: float, label: str) -> Advice:
    """Advice to multiply the learning rate as it is now, keeping the schedule unless it is held."""
    if observation.lr_held and observation.rows and math.isfinite(held := float(observation.learning_rate[-1])):
        return Advice("lr_hold", label, value=held * factor)
    low, high = SCALE_LIMITS
    return Advice("lr_scale", label, value=min(high, max(low, observation.lr_scale * factor)))


STOP = Advice("stop", "stop here")
GO_BACK = Advice("go_back", "go back to the best checkpoint", text="best")
