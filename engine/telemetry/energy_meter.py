"""The electricity meter of a run: sensor readings in, one `Energy` so far out. Called by the telemetry thread only.

Which sources make up the total is decided anew for every interval between two readings, so that scopes never overlap:

- A battery that is being discharged says what the whole computer draws; otherwise the watts a person typed in from a
  wall meter do. While one of these measures, everything else is shown but not counted. What was typed in is what the
  computer draws while it trains, so it says nothing about a pause or a rest.
- Otherwise the cards that train and the processor are counted, times the supply factor: it stands for what a power
  supply loses, which a wall meter sees already and a battery never pays.
- A card that does not train is shown but not counted, and on a run that trains on the processor no card is: what an
  idle or borrowed card draws is not this run's doing.
- A card's counter is counted before its polled power. Where both measure both are kept, so that their gap can be shown.
- Nothing is ever guessed. A machine without a readable sensor and without typed-in watts has unmeasured seconds, not
  watts made up from a data sheet; those are wrong by up to 40% (Fischer 2025, arXiv 2509.22092).
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
    """A component of the computer in this session; seconds include sleep where it should have measured then."""

    name: str
    scope: EnergyScope
    seen_at: float  # seconds of the session before it was there
    ours: bool = True  # what it draws belongs to this run
    state: ComponentState = field(default_factory=ComponentState)
    read_at: float = 0.0  # monotonic seconds of its newest reading
    due_seconds: float = 0.0  # in which it should have measured
    measured_seconds: float = 0.0  # in which it did
    covered_seconds: float = (
        0.0  # in which what it drew is in the total, measured by itself or as component of the whole
    )
    newest: MeasuredEnergy | None = None
    source: SourceKey | None = None  # to which its unmeasured seconds are added

    @property
    def is_whole(self) -> bool:
        """Whether it measures the whole computer."""
        return self.scope == "computer"


@dataclass(frozen=True)
class _ComponentSample:
    """What the sensors of a component measure now; None where they are silent."""

    name: str
    scope: EnergyScope
    joules: float | None
    watts: float | None
    ours: bool = True


class EnergyMeter:
    """Adds up the electricity of a run, from the total `before` of its earlier sessions on.

    `wall_watts`, `idle_watts` and `supply_factor` are the settings of these names, 0, 0 and 1 for none. A `before`
    whose money is in another currency than the tariff's must be handed in with `money=None`. Electricity of earlier
    sessions without a price is valued at the price of the first reading: when it was drawn is not on record.
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
        self._idle_until = 0.0  # monotonic: up to where idle draw was taken off
        self._whole_until = 0.0  # monotonic: up to where a source of the whole computer was counted
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
        """Take the newest readings in; `held`: the run was paused or rested just then.

        The clocks are in seconds, `wall_time` is Unix time; `t` and `step` the run's. Where no clock counts sleep, give
        the monotonic one as `boottime`; the wall clock then shows it.
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
        # The watts of a processor are made from its counter, so they are no second opinion.
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
        """What each component measured since its last reading. Nothing is measured across a sleep."""
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
            self._components[BATTERY].state = ComponentState()  # plugged in: what it gives later is another interval
        return readings

    def _add_up(self, readings: dict[str, ComponentReading], whole: str | None, now: ClockReading) -> None:
        """Add the intervals that end now to their sources, and those that count to the total and the bill."""
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
        """Add what was drawn over the last `seconds` to total and bill, less what would have been drawn anyway."""
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
        # Seconds of a silence that may still end: nothing is decided about them yet.
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
        # What should be in the total: the whole computer only where there is nothing else.
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
        """What `components` draw now, idle draw included; None when one of them is silent."""
        watts = 0.0
        for component in components:
            if component.newest is None or now.monotonic - component.read_at > pending[component.name]:
                return None
            watts += component.newest.watts * (1.0 if component.is_whole else self._supply_factor)
        return watts if components else None
