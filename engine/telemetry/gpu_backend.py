"""The interface of graphics-card backends, and missing quantities with their reasons.

A quantity is a value or a `MissingValue`; `gpu_reading` makes a reading of both kinds.
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
    """Why there is no value. `code` is NVML's return code where the driver refused."""

    reason: str
    code: int | None = None


class CallCosts:
    """The number of driver calls, and the slowest call of each function in seconds of wall time."""

    def __init__(self) -> None:
        self.calls = 0
        self._slowest: dict[str, float] = {}

    def add(self, function: str, seconds: float) -> None:
        """Count a call."""
        self.calls += 1
        self._slowest[function] = max(seconds, self._slowest.get(function, 0.0))

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The function with the slowest call since `forget`, and its seconds; None before the first."""
        return max(self._slowest.items(), key=lambda cost: cost[1], default=None)

    def forget(self) -> None:
        """Restart the timing, as after the slow first reading."""
        self._slowest.clear()


class GpuBackend:
    """Graphics cards to read. Every method may block, so call it in a thread of its own.

    `note` is a sentence when there is nothing to read, else empty. `costs` are those of driver calls.
    """

    def __init__(self, note: str = "", costs: CallCosts | None = None) -> None:
        self.note = note
        self.costs = costs or CallCosts()

    def read(self) -> tuple[GpuReading, ...]:
        """A reading of every card."""
        return ()

    def instances(self, index: int) -> tuple[str, ...]:
        """The UUIDs of the MIG instances of card `index`."""
        return ()

    def close(self) -> None:
        """Release the driver."""


class NoGpu(GpuBackend):
    """No card; the note says why."""


def gpu_reading(index: int, name: str, uuid: str, **quantities: Any) -> GpuReading:
    """A reading of the quantities with a value; the reasons of the others are in its `missing`."""
    missing = {field: value.reason for field, value in quantities.items() if isinstance(value, MissingValue)}
    known = {field: value for field, value in quantities.items() if field not in missing}
    return GpuReading(index=index, name=name, uuid=uuid, missing=missing, **known)


def fan_quantities(fans: Iterable[tuple[float | MissingValue, float | MissingValue]]) -> dict[str, Any]:
    """The quantity `fans` from (percent, rpm) of each; reasons as `fan_percent` and `fan_rpm`."""
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
    """Foreign text without control characters, at most `limit` characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)[:limit]
