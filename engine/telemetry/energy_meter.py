"""The electricity meter of a run: sensor readings in, one `Energy` so far out. Called by the telemetry thread only.

Which sources make up the total is decided anew for every stretch between two looks, so that scopes never overlap:

- A battery that is being discharged says what the whole computer draws; otherwise the watts a person typed in from a
  wall meter do. While one of these measures, everything else is shown but not counted. What was typed in is what the
  computer draws while it trains, so it says nothing about a pause or a rest.
- Otherwise the cards that train and the processor are counted, times the supply factor: it stands for what a power
  supply loses, which a wall meter sees already and a battery never pays.
- A card that does not train is shown but not counted, and on a run that trains on the processor no card is: what an
  idle or borrowed card draws is not this run's doing.
- A card's counter is counted before its polled power. Where both speak both are kept, so that their gap can be told.
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

REMEMBERED_INTERVALS = 5  # between looks; their median is the usual one
BATTERY, WALL_METER, PROCESSOR = "battery", "wall meter", "processor"
_SAME_MOMENT_SECONDS = 1e-6


@dataclass
class _Part:
    """A part of the computer in this session; seconds include sleep where the part should have measured then."""

    name: str
    scope: EnergyScope
    seen_at: float  # seconds of the session before it was there
    ours: bool = True  # what it draws belongs to this run
    probe: ComponentState = field(default_factory=ComponentState)
    read_at: float = 0.0  # monotonic seconds of its newest reading
    due_seconds: float = 0.0  # in which it should have measured
    measured_seconds: float = 0.0  # in which it did
    covered_seconds: float = 0.0  # in which what it drew is in the total, by its own word or by that of the whole
    newest: MeasuredEnergy | None = None
    line: SourceKey | None = None  # where it is told what was missed


@dataclass(frozen=True)
class _PartReading:
    """What a part says at a look; None where it is silent."""

    name: str
    scope: EnergyScope
    joules: float | None
    watts: float | None
    ours: bool = True


class EnergyMeter:
    """Adds up the electricity of a run; goes on from what `before`, its earlier sessions, came to.

    `wall_watts`, `idle_watts` and `supply_factor` are the settings of these names, 0, 0 and 1 for none. A `before`
    whose money is in another currency than the tariff's must be handed in with `money=None`. Electricity of earlier
    sessions without a price is valued at the price of the first look: when it was drawn is not on record.
    """

    def __init__(
        self, *, tariff: Tariff, wall_watts: float, idle_watts: float, supply_factor: float, before: Energy | None
    ) -> None:
        self._tariff = tariff
        self._wall_watts = wall_watts
        self._idle_watts = idle_watts
        self._supply_factor = supply_factor
        self._joules = before.joules if before else 0.0
        self._idle_joules = before.idle_joules if before else 0.0
        self._money = before.money if before else None
        self._measured_before = before.measured_seconds if before else 0.0
        self._unmeasured_before = before.unmeasured_seconds if before else 0.0
        self._ledger = EnergyTotals(before)
        self._parts: dict[str, _Part] = {}
        self._clocks: ClockReading | None = None
        self._session_seconds = 0.0  # since the first look, sleep included
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
        the monotonic one as `boottime`; the wall clock then tells of it.
        """
        now = ClockReading(monotonic, boottime, wall_time)
        usual_seconds = max(SENSOR_INTERVAL_SECONDS, statistics.median(self._intervals))
        passed = self._pass_time(now)
        looks = self._read_parts(self._readings(host, gpus, held=held), now, passed, usual_seconds)
        whole = next((name for name in (BATTERY, WALL_METER) if name in looks and looks[name].best), None)
        if self._money is None:
            self._money = self._tariff.cost(self._joules, wall_time)
        self._add_up(looks, whole, now)
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

    def _readings(self, host: HostReading, gpus: tuple[GpuReading, ...], *, held: bool) -> list[_PartReading]:
        readings = [
            _PartReading(f"gpu {gpu.index}", "gpu", gpu.energy_joules, gpu.power_watts, ours=gpu.trains) for gpu in gpus
        ]
        # The watts of a processor are made from its counter, so they are no second opinion.
        watts = host.processor_watts if host.processor_joules is None else None
        if host.processor_joules is not None or watts is not None:
            readings.append(_PartReading(PROCESSOR, "processor", host.processor_joules, watts))
        if host.battery_watts is not None:
            readings.append(_PartReading(BATTERY, "computer", None, host.battery_watts))
        if self._wall_watts > 0 and not held:
            readings.append(_PartReading(WALL_METER, "computer", None, self._wall_watts))
        return readings

    def _read_parts(
        self, readings: list[_PartReading], now: ClockReading, passed: ElapsedTime, usual_seconds: float
    ) -> dict[str, ComponentReading]:
        """What each part measured since its last reading. Nothing is measured across a sleep."""
        for part in self._parts.values():
            if passed.slept:
                part.probe = ComponentState(highest_watts=part.probe.highest_watts)
            if part.name != BATTERY:
                part.due_seconds += passed.seconds
        looks: dict[str, ComponentReading] = {}
        for reading in readings:
            part = self._parts.setdefault(reading.name, _Part(reading.name, reading.scope, self._session_seconds))
            part.ours = reading.ours
            look = looks[reading.name] = advance_component(
                part.probe,
                joules=reading.joules,
                watts=reading.watts,
                at=now.monotonic,
                usual_seconds=usual_seconds,
            )
            if part.name == BATTERY and part.probe.power.watts is not None:
                part.due_seconds += passed.seconds
            part.probe = look.probe
            if reading.joules is not None or reading.watts is not None:
                part.read_at = now.monotonic
            part.newest = look.best or part.newest
        if BATTERY in self._parts and BATTERY not in looks:
            self._parts[BATTERY].probe = ComponentState()  # plugged in: what it gives later is another stretch
        return looks

    def _add_up(self, looks: dict[str, ComponentReading], whole: str | None, now: ClockReading) -> None:
        """Put the stretches that end now on their lines, and those that count on the bill."""
        inside = outside = longest = 0.0
        for name, look in looks.items():
            part, best = self._parts[name], look.best
            if best is None:
                continue
            told_already = part.scope != "computer" and (
                now.monotonic - best.seconds < self._whole_until - _SAME_MOMENT_SECONDS
            )
            counts = part.ours and not told_already and whole in (None, name)
            self._put_on_lines(part, look, counts=counts)
            part.measured_seconds += best.seconds
            if not counts:
                continue
            part.covered_seconds += best.seconds
            longest = max(longest, best.seconds)
            if part.scope == "computer":
                outside += best.joules
            else:
                inside += best.joules
        if whole is not None:
            for part in self._parts.values():
                if part.scope != "computer":
                    part.covered_seconds += longest
            self._whole_until = now.monotonic
        if longest > 0:
            self._charge(inside * self._supply_factor + outside, longest, now)

    def _put_on_lines(self, part: _Part, look: ComponentReading, *, counts: bool) -> None:
        if look.counted is not None:
            line: SourceKey = (part.name, part.scope, "counter", counts)
            self._ledger.add(line, look.counted)
            if look.polled is not None:
                self._ledger.add((part.name, part.scope, "polled", False), look.polled)
        else:
            assert look.polled is not None
            quality: EnergyQuality = "manual" if part.name == WALL_METER else "polled"
            line = (part.name, part.scope, quality, counts)
            self._ledger.add(line, look.polled)
        part.line = part.line or line

    def _charge(self, joules: float, seconds: float, now: ClockReading) -> None:
        """Put what was drawn over the last `seconds` on the bill, less what would have been drawn anyway."""
        idle_seconds = min(seconds, now.monotonic - self._idle_until)
        idle = min(joules, self._idle_watts * idle_seconds)
        self._idle_until = now.monotonic
        self._joules += joules - idle
        self._idle_joules += idle
        cost = self._tariff.cost(joules - idle, now.wall_time - seconds / 2)
        if cost is not None:
            self._money = (self._money or 0.0) + cost

    def _energy(self, now: ClockReading, whole: str | None, usual_seconds: float, *, t: float, step: int) -> Energy:
        pending = {
            part.name: silent if (silent := now.monotonic - part.read_at) <= GAP_INTERVALS * usual_seconds else 0.0
            for part in self._parts.values()
        }
        missing = {
            part.line or (part.name, part.scope, "polled", True): max(
                0.0, part.due_seconds - part.measured_seconds - pending[part.name]
            )
            for part in self._parts.values()
            if part.line is not None or part.ours
        }
        expected = self._expected()
        covered = [part.covered_seconds + part.seen_at + pending[part.name] for part in expected]
        missed = min((part.seen_at for part in expected), default=self._session_seconds)
        missed += max((self._session_seconds - seconds for seconds in covered), default=0.0)
        missed = min(max(0.0, missed), self._session_seconds)
        undecided = max((pending[part.name] for part in expected), default=0.0)
        return Energy(
            t=t,
            step=step,
            joules=self._joules,
            idle_joules=self._idle_joules,
            watts=self._watts(whole, pending, now),
            money=self._money if self._ledger.counts_anything else None,
            measured_seconds=self._measured_before + max(0.0, self._session_seconds - missed - undecided),
            unmeasured_seconds=self._unmeasured_before + missed,
            sources=self._ledger.sources(missing),
        )

    def _expected(self) -> list[_Part]:
        """The parts whose draw should be in the total: those of the whole computer only where there are no others."""
        ours = [part for part in self._parts.values() if part.ours]
        return [part for part in ours if part.scope != "computer"] or ours

    def _watts(self, whole: str | None, pending: dict[str, float], now: ClockReading) -> float | None:
        """What is drawn now, idle draw included, by the sources that count; None when one has nothing to say."""
        parts = [self._parts[whole]] if whole else self._expected()
        watts = 0.0
        for part in parts:
            silent = now.monotonic - part.read_at
            if part.newest is None or silent > pending[part.name]:
                return None
            watts += part.newest.watts * (1.0 if part.scope == "computer" else self._supply_factor)
        return watts if parts else None
