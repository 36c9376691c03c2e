"""The simulated card of `sensors=scripted`, deterministic for the same work, with one reading a second.

A first-order thermal model whose cooling grows with fan speed; for 50 of every 240 seconds its air intake is covered.
It works while the run works. Its energy counter is the exact integral of its power, and its throttled seconds match the
seconds it reports as throttled.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT, POWER_BRAKE
from babytrain.runs.events import Fan, GpuReading

_GIB = 1024**3
_ROOM_CELSIUS = 24.0
_SLOWDOWN_CELSIUS = 83.0
_RECOVERED_CELSIUS = 78.0
_TIME_CONSTANT_SECONDS = 35.0
_IDLE_WATTS, _LIMIT_WATTS, _SLOWED_WATTS = 18.0, 200.0, 150.0
_FULL_MHZ, _SLOWED_MHZ, _HIGHEST_MHZ = 2475.0, 1905.0, 2610.0
# Degrees per watt with fans still and at full speed, and the factor while the intake is covered.
_STILL_RESISTANCE, _COOLED_RESISTANCE, _COVERED = 0.42, 0.24, 1.45
_STARTS_SECONDS = 3  # of idling at first
_LEAST_SHARE = 0.01  # of the time; less is an artefact of reading two clocks
_PERIOD_SECONDS, _COVERED_FROM, _COVERED_TO = 240, 25, 75
_FAN_STARTS_CELSIUS, _FAN_FULL_CELSIUS, _FAN_FULL_RPM = 45.0, 90.0, 3200.0


class ScriptedCard:
    """The state of the card: `pass_second` advances it, `reading` reports it."""

    def __init__(self) -> None:
        self._second = 0
        self._share = 1.0  # of the last second in which it worked
        self._celsius = _ROOM_CELSIUS + _IDLE_WATTS * _STILL_RESISTANCE
        self._joules = 0.0
        self._hot = False
        self._slowed = {HOT: 0.0, POWER_BRAKE: 0.0, AT_POWER_LIMIT: 0.0}

    def pass_second(self, share: float = 1.0) -> None:
        """Advance by a second with this share of work, from 0 to 1."""
        self._share = share
        self._update_slowdown()
        watts = self._watts
        cooling = (_fan_at(self._celsius).percent or 0.0) / 100.0
        resistance = _STILL_RESISTANCE + (_COOLED_RESISTANCE - _STILL_RESISTANCE) * cooling
        if _COVERED_FROM <= self._second % _PERIOD_SECONDS < _COVERED_TO:
            resistance *= _COVERED
        target = _ROOM_CELSIUS + resistance * watts
        self._celsius = target + (self._celsius - target) * math.exp(-1.0 / _TIME_CONSTANT_SECONDS)
        self._joules += watts
        for reason in self._reasons:
            self._slowed[reason] += share
        self._second += 1
        self._update_slowdown()

    def reading(self) -> GpuReading:
        """The reading now; power and utilization are means of the last second."""
        first, busy = _fan_at(self._celsius), self._busy
        filled = min(1.0, max(0.0, (self._second - _STARTS_SECONDS) / 5.0))
        return GpuReading(
            index=0,
            name="Scripted GPU",
            uuid="GPU-scripted",
            utilization_percent=float(round((97.0 + self._second % 3) * self._share)) if busy else 0.0,
            memory_used_bytes=int((0.4 + 2.7 * filled) * _GIB),
            memory_total_bytes=12 * _GIB,
            temperature_celsius=float(round(self._celsius)),
            slowdown_celsius=_SLOWDOWN_CELSIUS,
            fans=(first, Fan(percent=first.percent, rpm=round((first.rpm or 0.0) * 0.97))),
            power_watts=self._watts,
            power_limit_watts=_LIMIT_WATTS,
            clock_mhz=(_SLOWED_MHZ if self._hot else _FULL_MHZ) if busy else 210.0,
            highest_clock_mhz=_HIGHEST_MHZ,
            throttle_reasons=self._reasons,
            memory_temperature_celsius=float(round(self._celsius + 0.05 * self._watts)),
            energy_joules=self._joules,
            throttled_seconds=dict(self._slowed),
        )

    @property
    def _busy(self) -> bool:
        return self._second >= _STARTS_SECONDS and self._share > 0.0

    @property
    def _watts(self) -> float:
        if not self._busy:
            return _IDLE_WATTS
        working = _SLOWED_WATTS if self._hot else _LIMIT_WATTS - 1.0 + math.sin(self._second / 7.0)
        return working if self._share == 1.0 else _IDLE_WATTS + self._share * (working - _IDLE_WATTS)

    @property
    def _reasons(self) -> tuple[str, ...]:
        if not self._busy:
            return ()
        return (HOT,) if self._hot else (AT_POWER_LIMIT,)

    def _update_slowdown(self) -> None:
        self._hot = self._busy and self._celsius >= (_RECOVERED_CELSIUS if self._hot else _SLOWDOWN_CELSIUS)


class ScriptedBackend(GpuBackend):
    """The card as a backend. `clock` gives seconds, `rested_seconds` the time in which the run has not worked."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, rested_seconds: Callable[[], float] = lambda: 0.0
    ) -> None:
        super().__init__()
        self._clock, self._rested = clock, rested_seconds
        self._origin = clock()
        self._card = ScriptedCard()
        self._seconds = 0  # simulated so far
        self._read_at, self._rested_before = 0.0, rested_seconds()

    def read(self) -> tuple[GpuReading, ...]:
        """The reading of the current second."""
        now = self._clock() - self._origin
        due = math.floor(now) - self._seconds
        if due > 0:
            rested = self._rested()
            share = 1.0 - (rested - self._rested_before) / (now - self._read_at)
            share = min(1.0, share) if share >= _LEAST_SHARE else 0.0
            for _ in range(due):
                self._card.pass_second(share)
            self._seconds += due
            self._read_at, self._rested_before = now, rested
        return (self._card.reading(),)


def _fan_at(celsius: float) -> Fan:
    """0% below 45°C, then linear from 30% to 100% at 90°C."""
    if celsius < _FAN_STARTS_CELSIUS:
        return Fan(percent=0.0, rpm=0.0)
    share = min(1.0, (celsius - _FAN_STARTS_CELSIUS) / (_FAN_FULL_CELSIUS - _FAN_STARTS_CELSIUS))
    percent = 30.0 + 70.0 * share
    return Fan(percent=round(percent), rpm=round(percent / 100.0 * _FAN_FULL_RPM))
