"""Energy from sensor readings: power integrated, counters subtracted, summed by source over all sessions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from msgspec import structs

from babytrain.runs.events import Energy, EnergyQuality, EnergyScope, EnergySource, GpuReading, HostReading

SENSOR_INTERVAL_SECONDS = 1.0  # between readings, at least
GAP_INTERVALS = 3.0
SLEEP_SECONDS = 2.0  # lead of other clocks over the monotonic one beyond which the computer slept
MAX_WATTS = 5000.0  # of one part of a computer
MIN_BOUND_WATTS = 1000.0  # a card may go from idle to full power within a reading
BOUND_FACTOR = 4.0
# After a longer gap a processor's counter may have wrapped unseen: the smallest, 65.5 kJ, does at 220 W.
MAX_COUNTER_GAP_SECONDS = 300.0
FROZEN_SECONDS = 10.0
FROZEN_ABOVE_WATTS = 5.0
# Where energy counters are known to wrap, in joules: 32 bits of microjoules, of RAPL's usual units (15.3, 61 and 977
# microjoules, as `max_energy_range_uj` has them), and of millijoules.
WRAPS_JOULES = (4294.967296, 65532.610987, 262143.328850, 4194304.0, 4294967.296)


@dataclass(frozen=True)
class ClockReading:
    """A moment on three clocks, in seconds. Only `boottime` and `wall_time` (Unix) run while the computer sleeps."""

    monotonic: float
    boottime: float
    wall_time: float


@dataclass(frozen=True)
class ElapsedTime:
    """Between two readings: `awake` seconds, and all of them, sleep included."""

    awake: float
    seconds: float

    @property
    def slept(self) -> bool:
        """Whether the computer was asleep in between."""
        return self.seconds > self.awake


@dataclass(frozen=True)
class MeasuredEnergy:
    """Energy measured over the last `seconds` before a reading."""

    joules: float
    seconds: float

    @property
    def watts(self) -> float:
        """The mean power."""
        return self.joules / self.seconds


@dataclass(frozen=True)
class PowerState:
    """The newest reading of a polled power: when (monotonic seconds) and watts."""

    at: float = 0.0
    watts: float | None = None


@dataclass(frozen=True)
class CounterState:
    """The newest reading of an energy counter, and for how long it has not moved while power was drawn."""

    at: float = 0.0
    joules: float | None = None
    still_seconds: float = 0.0

    @property
    def frozen(self) -> bool:
        """Whether the counter has stopped counting."""
        return self.still_seconds >= FROZEN_SECONDS


@dataclass(frozen=True)
class ComponentState:
    """What is kept of one component from one reading to the next."""

    counter: CounterState = CounterState()
    power: PowerState = PowerState()
    highest_watts: float = 0.0


@dataclass(frozen=True)
class ComponentReading:
    """What was measured since the previous reading, by counter and by integrated power; None if nothing was."""

    state: ComponentState
    counted: MeasuredEnergy | None = None
    polled: MeasuredEnergy | None = None

    @property
    def best(self) -> MeasuredEnergy | None:
        """The more accurate of the two."""
        return self.counted or self.polled


def elapsed_time(before: ClockReading, now: ClockReading) -> ElapsedTime:
    """The time between two readings. A clock put forward by hand cannot be told from a sleep."""
    awake = max(0.0, now.monotonic - before.monotonic)
    longest = max(now.boottime - before.boottime, now.wall_time - before.wall_time)
    return ElapsedTime(awake, longest if longest - awake > SLEEP_SECONDS else awake)


def trapezoid(before: float, now: float, seconds: float) -> float:
    """Joules drawn while the power changed linearly from `before` to `now` watts."""
    return (before + now) / 2 * seconds


def advance_power(
    state: PowerState, watts: float | None, at: float, *, usual_seconds: float = SENSOR_INTERVAL_SECONDS
) -> tuple[PowerState, MeasuredEnergy | None]:
    """The state after a polled power, and the energy since the previous one; None when the sensor was silent."""
    if watts is None:
        return state, None
    reading = PowerState(at, watts)
    seconds = at - state.at
    if state.watts is None or not 0 < seconds <= GAP_INTERVALS * usual_seconds:
        return reading, None
    return reading, MeasuredEnergy(trapezoid(state.watts, watts, seconds), seconds)


def counter_difference(before: float, now: float, seconds: float, most_watts: float = MAX_WATTS) -> float | None:
    """Joules between two counter readings; None when it was reset or the difference exceeds `most_watts`."""
    most = most_watts * seconds
    if now >= before:
        return now - before if now - before <= most else None
    wrapped = (now + size - before for size in WRAPS_JOULES if before <= size)
    return next((joules for joules in wrapped if joules <= most), None)


def advance_counter(
    state: CounterState, joules: float | None, at: float, *, most_watts: float = MAX_WATTS
) -> tuple[CounterState, MeasuredEnergy | None]:
    """The state after a counter reading, and the energy since the previous one; None when it was silent."""
    if joules is None:
        return state, None
    reading = CounterState(at, joules)
    seconds = at - state.at
    if state.joules is None or not 0 < seconds <= MAX_COUNTER_GAP_SECONDS:
        return reading, None
    difference = counter_difference(state.joules, joules, seconds, most_watts)
    if difference is None or (state.frozen and difference > 0):
        return reading, None  # when a frozen counter began to count again is not known
    still_seconds = state.still_seconds if difference == 0 else 0.0
    return replace(reading, still_seconds=still_seconds), MeasuredEnergy(difference, seconds)


def advance_component(
    state: ComponentState,
    *,
    joules: float | None,
    watts: float | None,
    at: float,
    usual_seconds: float = SENSOR_INTERVAL_SECONDS,
) -> ComponentReading:
    """Take a reading of a component at `at` (monotonic seconds); `joules` and `watts` are None when silent."""
    joules, watts = _valid_or_none(joules, math.inf), _valid_or_none(watts, MAX_WATTS)
    highest = max(state.highest_watts, watts or 0.0)
    most = min(MAX_WATTS, max(MIN_BOUND_WATTS, BOUND_FACTOR * highest)) if highest else MAX_WATTS
    power, polled = advance_power(state.power, watts, at, usual_seconds=usual_seconds)
    counter, counted = advance_counter(state.counter, joules, at, most_watts=most)
    if counted is not None and counted.joules == 0 and polled is not None and polled.watts > FROZEN_ABOVE_WATTS:
        counter = replace(counter, still_seconds=counter.still_seconds + counted.seconds)
    if counter.frozen:
        counted = None
    if counted is None and polled is not None:
        # The interval was counted by power, so the counter must not count it again.
        counter = replace(counter, at=at, joules=joules)
    elif counted is not None and watts is None:
        power = PowerState()
    return ComponentReading(ComponentState(counter, power, highest), counted, polled)


def _valid_or_none(value: float | None, most: float) -> float | None:
    """A reading, or None for an impossible one."""
    return value if value is not None and math.isfinite(value) and 0 <= value <= most else None


SourceKey: TypeAlias = tuple[str, EnergyScope, EnergyQuality, bool]  # name, scope, quality, counted


class EnergyTotals:
    """Joules and seconds by source, continuing from the recorded `before`."""

    def __init__(self, before: Energy | None = None) -> None:
        recorded = before.sources if before else ()
        self._sources = {(source.name, source.scope, source.quality, source.counted): source for source in recorded}

    def add(self, key: SourceKey, energy: MeasuredEnergy) -> None:
        """Add measured energy to a source."""
        source = self._sources.get(key) or _no_energy(key)
        joules, seconds = source.joules + energy.joules, source.measured_seconds + energy.seconds
        self._sources[key] = structs.replace(source, joules=joules, measured_seconds=seconds)

    @property
    def counts_anything(self) -> bool:
        """Whether any part of the total was measured."""
        return any(source.counted and source.measured_seconds > 0 for source in self._sources.values())

    def sources(self, missed: Mapping[SourceKey, float]) -> tuple[EnergySource, ...]:
        """Every source, those of earlier sessions first; `missed` are this session's unmeasured seconds."""
        silent = {key: _no_energy(key) for key, seconds in missed.items() if seconds and key not in self._sources}
        return tuple(
            structs.replace(source, unmeasured_seconds=source.unmeasured_seconds + missed.get(key, 0.0))
            for key, source in (self._sources | silent).items()
        )


def _no_energy(key: SourceKey) -> EnergySource:
    name, scope, quality, counted = key
    return EnergySource(name=name, scope=scope, quality=quality, counted=counted, joules=0.0, measured_seconds=0.0)


def training_power(card: GpuReading | None, host: HostReading) -> tuple[str, float] | None:
    """What draws the power that counts for a run, and its watts: the card, else the processor, else the battery."""
    if card is not None and card.power_watts is not None:
        return f"{card.nickname or card.name} draws", card.power_watts
    if host.processor_watts is not None:
        return "The processor draws", host.processor_watts
    return ("The battery gives", host.battery_watts) if host.battery_watts is not None else None
