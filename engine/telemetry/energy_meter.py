"""The energy meter of a run: sensor readings in, `Energy` totals out. Called by the telemetry thread only.

The sources of the total are chosen anew for every interval between two readings, so that they never overlap:

- A discharging battery measures the whole computer, else the wall meter's watts in the settings do, except in pauses
  and rests, for which they are not valid. All other sources are then shown but not counted.
- Otherwise the cards that train and the processor are counted, times the supply factor for the losses of the power
  supply, which a wall meter includes and a battery does not have.
- A card that does not train is shown but not counted.
- A card's energy counter is preferred to its polled power; both are kept, so that their difference can be shown.
- Nothing is estimated: without a sensor seconds are unmeasured. Estimates from data sheets are wrong by up to 40%
  (Fischer 2025, arXiv 2509.22092).
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field

from babytrain.runs.energy.measurement import (
    GAP_INTERVALS,
    SENSOR_INTERVAL_SECONDS,
    ClockReading,
    ComponentReading,
    ComponentState,
    ElapsedTime,
    EnergyTotals,
    MeasuredEnergy,
    SourceKey,
    advance_component,
    elapsed_time,
)
from babytrain.runs.energy.tariff import Tariff
from babytrain.runs.events import Energy, EnergyQuality, EnergyScope, GpuReading, HostReading

REMEMBERED_INTERVALS = 5  # between readings; their median is the usual one
BATTERY, WALL_METER, PROCESSOR = "battery", "wall meter", "processor"
_SAME_MOMENT_SECONDS = 1e-6


@dataclass
class _Component:
    """A component of the computer in this session; seconds include sleep in which it should have measured."""

    name: str
    scope: EnergyScope
    seen_at: float  # seconds of the session before its first reading
    ours: bool = True  # its energy belongs to this run
    state: ComponentState = field(default_factory=ComponentState)
    read_at: float = 0.0  # monotonic seconds of its newest reading
    due_seconds: float = 0.0  # in which it should have measured
    measured_seconds: float = 0.0  # in which it did
    covered_seconds: float = 0.0  # in which its energy is in the total, by its own sensor or the whole computer's
    newest: MeasuredEnergy | None = None
    source: SourceKey | None = None  # to which its unmeasured seconds are added

    @property
    def is_whole(self) -> bool:
        """Whether it measures the whole computer."""
        return self.scope == "computer"


@dataclass(frozen=True)
class _ComponentSample:
    """The measurements of a component now; None where its sensors are silent."""

    name: str
    scope: EnergyScope
    joules: float | None
    watts: float | None
    ours: bool = True


class EnergyMeter:
    """Adds up the energy of a run, starting from the total `before` of its earlier sessions.

    `wall_watts`, `idle_watts` and `supply_factor` are the settings, 0, 0 and 1 for none. A `before` in another currency
    than the tariff's must have `money=None`. Energy of earlier sessions without a price gets the price of the first
    reading.
    """

    def __init__(
        self, *, tariff: Tariff, wall_watts: float, idle_watts: float, supply_factor: float, before: Energy | None
    ) -> None:
        self._tariff = tariff
        self._wall_watts = wall_watts
        self._idle_watts = idle_watts
        self._supply_factor = supply_factor
        self._totals = EnergyTotals(before)
        before = before or Energy(t=0.0, step=0, joules=0.0)
        self._joules, self._idle_joules, self._money = before.joules, before.idle_joules, before.money
        self._seconds_before = before.measured_seconds, before.unmeasured_seconds
        self._components: dict[str, _Component] = {}
        self._clocks: ClockReading | None = None
        self._session_seconds = 0.0  # since the first reading, sleep included
        self._idle_until = 0.0  # monotonic: end of the time whose idle draw was subtracted
        self._whole_until = 0.0  # monotonic: end of the time counted by a source of the whole computer
        self._intervals = deque([SENSOR_INTERVAL_SECONDS] * REMEMBERED_INTERVALS, maxlen=REMEMBERED_INTERVALS)

    def take_reading(
        self,
        *,
        monotonic: float,
        boottime: float,
        wall_time: float,
        host: HostReading,
        gpus: tuple[GpuReading, ...],
        t: float,
        step: int,
        held: bool = False,
    ) -> Energy:
        """Add the newest readings; `held`: the run was paused or resting.

        Clocks are in seconds, `wall_time` is Unix time; `t` and `step` the run's. Where no clock counts sleep, pass the
        monotonic one as `boottime`; sleep is then found by the wall clock.
        """
        now = ClockReading(monotonic, boottime, wall_time)
        usual_seconds = max(SENSOR_INTERVAL_SECONDS, statistics.median(self._intervals))
        passed = self._pass_time(now)
        readings = self._read_components(self._samples(host, gpus, held=held), now, passed, usual_seconds)
        whole = next((name for name in (BATTERY, WALL_METER) if name in readings and readings[name].best), None)
        if self._money is None:
            self._money = self._tariff.cost(self._joules, wall_time)
        self._add_up(readings, whole, now)
        return self._energy(now, whole, usual_seconds, t=t, step=step)

    def _pass_time(self, now: ClockReading) -> ElapsedTime:
        if self._clocks is None:
            self._clocks, self._idle_until = now, now.monotonic
        passed = elapsed_time(self._clocks, now)
        self._clocks = now
        self._session_seconds += passed.seconds
        if passed.awake > 0:
            self._intervals.append(passed.awake)
        return passed

    def _samples(self, host: HostReading, gpus: tuple[GpuReading, ...], *, held: bool) -> list[_ComponentSample]:
        samples = [
            _ComponentSample(f"gpu {gpu.index}", "gpu", gpu.energy_joules, gpu.power_watts, ours=gpu.trains)
            for gpu in gpus
        ]
        # The watts of a processor are derived from its counter, so they are no second source.
        watts = host.processor_watts if host.processor_joules is None else None
        if host.processor_joules is not None or watts is not None:
            samples.append(_ComponentSample(PROCESSOR, "processor", host.processor_joules, watts))
        if host.battery_watts is not None:
            samples.append(_ComponentSample(BATTERY, "computer", None, host.battery_watts))
        if self._wall_watts > 0 and not held:
            samples.append(_ComponentSample(WALL_METER, "computer", None, self._wall_watts))
        return samples

    def _read_components(
        self, samples: list[_ComponentSample], now: ClockReading, passed: ElapsedTime, usual_seconds: float
    ) -> dict[str, ComponentReading]:
        """The energy of each component since its last reading; none across a sleep."""
        for component in self._components.values():
            if passed.slept:
                component.state = ComponentState(highest_watts=component.state.highest_watts)
            if component.name != BATTERY:
                component.due_seconds += passed.seconds
        readings: dict[str, ComponentReading] = {}
        for sample in samples:
            name, joules, watts = sample.name, sample.joules, sample.watts
            component = self._components.setdefault(name, _Component(name, sample.scope, self._session_seconds))
            component.ours = sample.ours
            if name == BATTERY and component.state.power.watts is not None:
                component.due_seconds += passed.seconds
            reading = readings[name] = advance_component(
                component.state, joules=joules, watts=watts, at=now.monotonic, usual_seconds=usual_seconds
            )
            component.state = reading.state
            if joules is not None or watts is not None:
                component.read_at = now.monotonic
            component.newest = reading.best or component.newest
        if BATTERY in self._components and BATTERY not in readings:
            self._components[BATTERY].state = ComponentState()  # plugged in: the next discharge is a new interval
        return readings

    def _add_up(self, readings: dict[str, ComponentReading], whole: str | None, now: ClockReading) -> None:
        inside = outside = longest = 0.0
        for name, reading in readings.items():
            component, best = self._components[name], reading.best
            if best is None:
                continue
            began = now.monotonic - best.seconds
            already_counted = not component.is_whole and began < self._whole_until - _SAME_MOMENT_SECONDS
            counts = component.ours and not already_counted and whole in (None, name)
            self._add_to_sources(component, reading, best, counts=counts)
            component.measured_seconds += best.seconds
            if not counts:
                continue
            component.covered_seconds += best.seconds
            longest = max(longest, best.seconds)
            if component.is_whole:
                outside += best.joules
            else:
                inside += best.joules
        if whole is not None:
            for component in self._components.values():
                component.covered_seconds += 0.0 if component.is_whole else longest
            self._whole_until = now.monotonic
        if longest > 0:
            self._charge(inside * self._supply_factor + outside, longest, now)

    def _add_to_sources(
        self, component: _Component, reading: ComponentReading, best: MeasuredEnergy, *, counts: bool
    ) -> None:
        polled: EnergyQuality = "manual" if component.name == WALL_METER else "polled"
        source: SourceKey = (component.name, component.scope, "counter" if reading.counted else polled, counts)
        self._totals.add(source, best)
        if reading.counted and reading.polled:
            self._totals.add((component.name, component.scope, "polled", False), reading.polled)
        component.source = component.source or source

    def _charge(self, joules: float, seconds: float, now: ClockReading) -> None:
        """Add the energy of the last `seconds` to total and cost, less the idle draw."""
        idle_seconds = min(seconds, now.monotonic - self._idle_until)
        idle = min(joules, self._idle_watts * idle_seconds)
        self._idle_until = now.monotonic
        self._joules += joules - idle
        self._idle_joules += idle
        cost = self._tariff.cost(joules - idle, now.wall_time - seconds / 2)
        if cost is not None:
            self._money = (self._money or 0.0) + cost

    def _energy(self, now: ClockReading, whole: str | None, usual_seconds: float, *, t: float, step: int) -> Energy:
        components = list(self._components.values())
        # Seconds of a silence that may still end: not yet unmeasured.
        silent = {component.name: now.monotonic - component.read_at for component in components}
        longest = GAP_INTERVALS * usual_seconds
        pending = {name: seconds if seconds <= longest else 0.0 for name, seconds in silent.items()}
        missing = {
            component.source or (component.name, component.scope, "polled", True): max(
                0.0, component.due_seconds - component.measured_seconds - pending[component.name]
            )
            for component in components
            if component.source is not None or component.ours
        }
        # Components expected in the total: the whole computer only where there is no other.
        ours = [component for component in components if component.ours]
        expected = [component for component in ours if not component.is_whole] or ours
        covered = [component.covered_seconds + component.seen_at + pending[component.name] for component in expected]
        missed = min((component.seen_at for component in expected), default=self._session_seconds)
        missed += max((self._session_seconds - seconds for seconds in covered), default=0.0)
        missed = min(max(0.0, missed), self._session_seconds)
        undecided = max((pending[component.name] for component in expected), default=0.0)
        return Energy(
            t=t,
            step=step,
            joules=self._joules,
            idle_joules=self._idle_joules,
            watts=self._watts([self._components[whole]] if whole else expected, pending, now),
            money=self._money if self._totals.counts_anything else None,
            measured_seconds=self._seconds_before[0] + max(0.0, self._session_seconds - missed - undecided),
            unmeasured_seconds=self._seconds_before[1] + missed,
            sources=self._totals.sources(missing),
        )

    def _watts(self, components: list[_Component], pending: dict[str, float], now: ClockReading) -> float | None:
        """The power of `components` now, idle draw included; None when one of them is silent."""
        watts = 0.0
        for component in components:
            if component.newest is None or now.monotonic - component.read_at > pending[component.name]:
                return None
            watts += component.newest.watts * (1.0 if component.is_whole else self._supply_factor)
        return watts if components else None
