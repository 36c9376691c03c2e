"""What every source of graphics-card readings offers, and how a quantity that is missing is said.

A quantity is a value or a `MissingValue` with a reason in plain words; `gpu_reading` makes a reading of both kinds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from babytrain.runs.events import Fan, GpuReading

T = TypeVar("T")
Default = TypeVar("Default")
NO_FAN = "no fan of its own"


@dataclass(frozen=True)
class MissingValue:
    """Why there is no value. `code` is NVML's return code where the driver itself said no."""

    reason: str
    code: int | None = None


class CallCosts:
    """How often a driver was called, and the longest that each function took, in seconds of wall time."""

    def __init__(self) -> None:
        self.calls = 0
        self._slowest: dict[str, float] = {}

    def add(self, function: str, seconds: float) -> None:
        """Count a call."""
        self.calls += 1
        self._slowest[function] = max(seconds, self._slowest.get(function, 0.0))

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The function whose slowest call took longest since `forget`, and its seconds; None before the first."""
        return max(self._slowest.items(), key=lambda cost: cost[1], default=None)

    def forget(self) -> None:
        """Time afresh, as after the opening, which is slow and happens once."""
        self._slowest.clear()


class GpuBackend:
    """Graphics cards to read. Every method may block: call it away from screen and training.

    `note` is one sentence when there is nothing to read, else empty. `costs` are those of the driver's calls.
    """

    def __init__(self, note: str = "", costs: CallCosts | None = None) -> None:
        self.note = note
        self.costs = costs or CallCosts()

    def read(self) -> tuple[GpuReading, ...]:
        """A reading of every card."""
        return ()

    def instances(self, index: int) -> tuple[str, ...]:
        """The UUIDs of the instances (MIG) that card `index` is cut into."""
        return ()

    def close(self) -> None:
        """Let go of the driver."""


class NoGpu(GpuBackend):
    """No card to read; the note says why."""


def gpu_reading(index: int, name: str, uuid: str, **quantities: Any) -> GpuReading:
    """A reading of the quantities that have a value; the reasons of the others are in its `missing`."""
    missing = {field: value.reason for field, value in quantities.items() if isinstance(value, MissingValue)}
    known = {field: value for field, value in quantities.items() if field not in missing}
    return GpuReading(index=index, name=name, uuid=uuid, missing=missing, **known)


def fan_quantities(fans: Iterable[tuple[float | MissingValue, float | MissingValue]]) -> dict[str, Any]:
    """The quantity `fans` from (percent, rpm) of each, and why a fan has no `fan_percent` or `fan_rpm`."""
    pairs = list(fans)
    quantities: dict[str, Any] = {
        "fans": tuple(Fan(percent=value_or(percent, None), rpm=value_or(rpm, None)) for percent, rpm in pairs)
    }
    for pair in pairs:
        named = zip(("fan_percent", "fan_rpm"), pair, strict=True)
        quantities |= {field: value for field, value in named if isinstance(value, MissingValue)}
    return quantities


def value_or(value: T | MissingValue, default: Default) -> T | Default:
    """The value, or `default` where it is missing."""
    return default if isinstance(value, MissingValue) else value


def printable_line(text: str, limit: int = 200) -> str:
    """Text from outside as one harmless line: nothing a terminal could obey, no more than `limit` characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)[:limit]
