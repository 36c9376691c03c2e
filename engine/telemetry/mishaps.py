"""Things that go wrong with a scripted card: each takes a timeline of `scripted.py` and gives one with the mishap.

`HangingGpu` is the one that no timeline can hold: a driver that stops answering.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from babytrain.engine.telemetry.gpu import NO_FAN, GpuBackend
from babytrain.engine.telemetry.query import GPU_IS_LOST, NOT_SUPPORTED, refusal
from babytrain.engine.telemetry.scripted import Beat
from babytrain.runs.events import GpuReading

Timeline: TypeAlias = Sequence[tuple[float, Beat]]


def lost(timeline: Timeline, at_seconds: float, index: int = 0) -> list[tuple[float, Beat]]:
    """Card `index` falls off the bus at that time, for good; the others go on."""
    reason = {"card": f"GPU lost: {refusal(GPU_IS_LOST).reason}"}

    def lose(reading: GpuReading) -> GpuReading:
        gone = reading.index == index
        return GpuReading(index=index, name=reading.name, uuid=reading.uuid, missing=reason) if gone else reading

    return _changed(timeline, lose, at_seconds)


def passive(timeline: Timeline) -> list[tuple[float, Beat]]:
    """The card has no fan of its own, as in a server."""
    return _changed(
        timeline, lambda reading: msgspec.structs.replace(reading, fans=(), missing=reading.missing | {"fans": NO_FAN})
    )


def flaky(timeline: Timeline, every: int = 3) -> list[tuple[float, Beat]]:
    """Every so many beats the driver fails to tell temperature, power and energy; then it tells them again."""
    quantities = ("temperature_celsius", "power_watts", "energy_joules")
    reason = refusal(999).reason
    failing = {entry[0] for entry in list(timeline)[every - 1 :: every]}

    def fail(reading: GpuReading) -> GpuReading:
        nothing = dict.fromkeys(quantities)
        return msgspec.structs.replace(reading, **nothing, missing=reading.missing | dict.fromkeys(quantities, reason))

    return [(seconds, _on_each(beat, fail) if seconds in failing else beat) for seconds, beat in timeline]


def without(timeline: Timeline, *quantities: str) -> list[tuple[float, Beat]]:
    """The card never tells these quantities (fields of a reading that may be None)."""
    reasons = dict.fromkeys(quantities, refusal(NOT_SUPPORTED).reason)
    return _changed(
        timeline,
        lambda reading: msgspec.structs.replace(
            reading, **dict.fromkeys(quantities), missing=reading.missing | reasons
        ),
    )


def counters_reset(timeline: Timeline, at_seconds: float) -> list[tuple[float, Beat]]:
    """The driver is loaded afresh at that time: energy and slowed seconds count from nothing again."""
    before: dict[int, GpuReading] = {}

    def count_afresh(reading: GpuReading) -> GpuReading:
        first = before.setdefault(reading.index, reading)
        slowed = {
            why: value - first.throttled_seconds.get(why, 0.0) for why, value in reading.throttled_seconds.items()
        }
        joules = None if reading.energy_joules is None else reading.energy_joules - (first.energy_joules or 0.0)
        return msgspec.structs.replace(reading, energy_joules=joules, throttled_seconds=slowed)

    return _changed(timeline, count_afresh, at_seconds)


def counter_wraps(timeline: Timeline, every_joules: float) -> list[tuple[float, Beat]]:
    """The energy counter starts again whenever it has counted so much."""

    def wrap(reading: GpuReading) -> GpuReading:
        if reading.energy_joules is None:
            return reading
        return msgspec.structs.replace(reading, energy_joules=reading.energy_joules % every_joules)

    return _changed(timeline, wrap)


def counter_stands_still(timeline: Timeline) -> list[tuple[float, Beat]]:
    """The energy counter never moves, as on some cards."""
    return _changed(timeline, lambda reading: msgspec.structs.replace(reading, energy_joules=0.0))


class HangingGpu:
    """Another backend until `at_seconds`; then a look does not come back until `release`, or `close` from outside."""

    def __init__(self, gpu: GpuBackend, at_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.note = gpu.note
        self.hanging = threading.Event()  # set while somebody waits for an answer
        self._gpu = gpu
        self._at_seconds = at_seconds
        self._clock = clock
        self._origin = clock()
        self._released = threading.Event()

    def read(self) -> tuple[GpuReading, ...]:
        """A look that may never end."""
        if not self._released.is_set() and self._clock() - self._origin >= self._at_seconds:
            self.hanging.set()
            self._released.wait()
            self.hanging.clear()
        return self._gpu.read()

    def release(self) -> None:
        """The driver wakes up, and works from now on."""
        self._released.set()

    def close(self) -> None:
        """Let go of the card, and of whoever waits for it."""
        self._released.set()
        self._gpu.close()


def _changed(
    timeline: Timeline, change: Callable[[GpuReading], GpuReading], from_seconds: float = 0.0
) -> list[tuple[float, Beat]]:
    return [(seconds, _on_each(beat, change) if seconds >= from_seconds else beat) for seconds, beat in timeline]


def _on_each(beat: Beat, change: Callable[[GpuReading], GpuReading]) -> Beat:
    return beat if isinstance(beat, Exception) else tuple(change(reading) for reading in beat)
