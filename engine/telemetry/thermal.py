"""A card that exists only as a formula: it warms as a first-order body does, for tests and benchmarks of restraint.

Its temperature tends to ambient + resistance x power, with one time constant; its power is the idle draw plus the share
of the time it works times the rest. Both are solved exactly over each stretch of time, so the result does not depend on
how often somebody looks. Time comes from a clock, or from `advance` when there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from babytrain.runs.events import Fan, GpuReading

_FAN_STARTS_CELSIUS = 45.0
_FAN_FULL_CELSIUS = 90.0
_FAN_FULL_RPM = 3200.0


class SimulatedCard:
    """One card. `clock` gives seconds and lets time pass by itself; None leaves time to `advance`.

    `ambient` is in degrees Celsius, `resistance` in degrees Celsius per watt: a card of 0.25 °C/W that draws 200 W ends
    50 degrees above ambient, and is 63% of the way there after `time_constant_s`. It starts idle and at rest.
    """

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        ambient: float = 25.0,
        resistance: float = 0.25,
        time_constant_s: float = 60.0,
        idle_watts: float = 15.0,
        busy_watts: float = 200.0,
        *,
        slowdown_celsius: float = 90.0,
        name: str = "Simulated GPU",
    ) -> None:
        if time_constant_s <= 0 or resistance < 0 or not 0 <= idle_watts <= busy_watts:
            raise ValueError("a card needs a time constant above 0, a resistance of 0 or more, and idle <= busy watts")
        self._clock = clock
        self._ambient, self._resistance, self._time_constant = ambient, resistance, time_constant_s
        self._idle_watts, self._busy_watts = idle_watts, busy_watts
        self._slowdown, self._name = slowdown_celsius, name
        self._share = 0.0
        self._temperature = self.settles_at(0.0)
        self._joules = 0.0
        self._seconds = 0.0
        self._at_last_read = (0.0, 0.0)  # seconds, joules
        self._last_tick = clock() if clock is not None else 0.0

    @property
    def temperature_celsius(self) -> float:
        """The temperature now."""
        self._pass_by_clock()
        return self._temperature

    @property
    def energy_joules(self) -> float:
        """What it has drawn since it was made: the exact integral of its power."""
        self._pass_by_clock()
        return self._joules

    def settles_at(self, share: float) -> float:
        """The temperature it tends to, in degrees Celsius, when it works that share of the time for good."""
        return self._ambient + self._resistance * self._watts(share)

    def working(self, share: float) -> None:
        """From now on it works this share of the time, from 0 to 1. Raises ValueError for any other share."""
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"a share of the time lies between 0 and 1, not {share}")
        self._pass_by_clock()
        self._share = share

    def advance(self, seconds: float, busy: bool) -> None:
        """Let `seconds` pass, all of them busy or all idle. Only for a card without a clock: raises ValueError else."""
        if self._clock is not None:
            raise ValueError("the time of this card passes by its clock; use working()")
        self._share = 1.0 if busy else 0.0
        self._pass(seconds)

    def read(self) -> GpuReading:
        """What a driver would say. Power is the mean since the look before (real ones give the mean of a second)."""
        self._pass_by_clock()
        seconds, joules = self._at_last_read
        elapsed = self._seconds - seconds
        power = (self._joules - joules) / elapsed if elapsed > 0 else self._watts(self._share)
        self._at_last_read = (self._seconds, self._joules)
        span = self._busy_watts - self._idle_watts
        return GpuReading(
            index=0,
            name=self._name,
            uuid="GPU-simulated",
            utilization_percent=100.0 * (power - self._idle_watts) / span if span > 0 else 100.0 * self._share,
            temperature_celsius=self._temperature,
            slowdown_celsius=self._slowdown,
            fans=(fan_at(self._temperature),),
            power_watts=power,
            power_limit_watts=self._busy_watts,
            energy_joules=self._joules,
        )

    def _watts(self, share: float) -> float:
        return self._idle_watts + share * (self._busy_watts - self._idle_watts)

    def _pass_by_clock(self) -> None:
        if self._clock is not None:
            now = self._clock()
            self._pass(max(0.0, now - self._last_tick))
            self._last_tick = now

    def _pass(self, seconds: float) -> None:
        target = self.settles_at(self._share)
        self._temperature = target + (self._temperature - target) * math.exp(-seconds / self._time_constant)
        self._joules += self._watts(self._share) * seconds
        self._seconds += seconds


def fan_at(celsius: float, full_rpm: float = _FAN_FULL_RPM) -> Fan:
    """The fan of a card at that temperature: still below 45 degrees, then a straight line from 30% to 100% at 90."""
    if celsius < _FAN_STARTS_CELSIUS:
        return Fan(percent=0.0, rpm=0.0)
    share = min(1.0, (celsius - _FAN_STARTS_CELSIUS) / (_FAN_FULL_CELSIUS - _FAN_STARTS_CELSIUS))
    percent = 30.0 + 70.0 * share
    return Fan(percent=round(percent), rpm=round(percent / 100.0 * full_rpm))
