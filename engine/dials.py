"""The dials of a run: what a person may turn while it trains, and how a request becomes a new position.

Pure data and pure functions; the trainer applies requests at step boundaries and records each with its step, which is
what makes a steered run repeatable.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from babytrain.engine.config import FIELDS, Config
from babytrain.engine.optim.schedule import learning_rate_factor
from babytrain.runs.events import Request

SMALLEST_SCALE = 1e-6
LARGEST_SCALE = 1e6


@dataclass(frozen=True)
class Dials:
    """Positions of the dials. `lr_scale` multiplies the schedule, `lr_hold` replaces it."""

    total_steps: int
    lr_scale: float = 1.0
    lr_hold: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)


@dataclass(frozen=True)
class Turn:
    """What a request did to the dials: the new positions with the changed number before and after, or a refusal."""

    dials: Dials
    before: float | None = None
    after: float | None = None
    refusal: str = ""


def learning_rate(config: Config, dials: Dials, step: int) -> float:
    """The learning rate of the step after `step` finished ones."""
    if dials.lr_hold is not None:
        return dials.lr_hold
    return config.lr * dials.lr_scale * learning_rate_factor(config, step, dials.total_steps)


def turn_dial(config: Config, dials: Dials, request: Request, step: int) -> Turn:
    """The effect of a request that only turns a dial; a value out of range is refused with the range."""
    value = request.value
    match request.action:
        case "lr_release":
            before = learning_rate(config, dials, step)
            released = replace(dials, lr_hold=None)
            return Turn(released, before, learning_rate(config, released, step))
        case "lr_scale":
            if value is None or not math.isfinite(value) or not SMALLEST_SCALE <= value <= LARGEST_SCALE:
                return Turn(
                    dials, refusal=f"the factor must lie between {SMALLEST_SCALE:g} and {LARGEST_SCALE:g}, not {value}"
                )
            before = learning_rate(config, dials, step)
            scaled = replace(dials, lr_scale=value, lr_hold=None)
            return Turn(scaled, before, learning_rate(config, scaled, step))
        case "lr_hold":
            low, high = FIELDS["lr"].metadata["low"], FIELDS["lr"].metadata["high"]
            if value is None or not math.isfinite(value) or not low <= value <= high:
                return Turn(dials, refusal=f"lr must lie between {low:g} and {high:g}, not {value}")
            return Turn(replace(dials, lr_hold=value), learning_rate(config, dials, step), value)
        case "total_steps":
            if value is None or not math.isfinite(value) or value < step or value > FIELDS["steps"].metadata["high"]:
                return Turn(dials, refusal=f"the run is at step {step} and cannot end at {value}")
            return Turn(replace(dials, total_steps=int(value)), dials.total_steps, int(value))
    return Turn(dials, refusal=f"{request.action} is not a dial")
