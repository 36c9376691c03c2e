"""The card of the demonstration: it works, warms up, is smothered for a while, slows down for heat, and recovers.

One reading a second, for ever, and always the same ones. The card is a first-order thermal body (`thermal.py`) whose
fans cool it the better the faster they turn; every so often something soft lies on its grille. Its energy counter is
the exact integral of its power, and its counters of slowed seconds grow by the very seconds it says it is slowed.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT, POWER_BRAKE
from babytrain.engine.telemetry.scripted import Beat
from babytrain.engine.telemetry.thermal import fan_at
from babytrain.runs.events import Fan, GpuReading

NAME = "Scripted GPU"
_GIB = 1024**3
_ROOM_CELSIUS = 24.0
_SLOWDOWN_CELSIUS = 83.0
_RECOVERED_CELSIUS = 78.0
_TIME_CONSTANT_SECONDS = 35.0
_IDLE_WATTS, _LIMIT_WATTS, _SLOWED_WATTS = 18.0, 200.0, 150.0
_FULL_MHZ, _SLOWED_MHZ, _HIGHEST_MHZ = 2475.0, 1905.0, 2610.0
# Degrees per watt with fans still and at full speed, and how much worse while the grille is covered.
_STILL_RESISTANCE, _COOLED_RESISTANCE, _COVERED = 0.42, 0.24, 1.45
_STARTS_SECONDS = 3  # it idles that long, then works
_PERIOD_SECONDS, _COVERED_FROM, _COVERED_TO = 240, 25, 75


@dataclass
class _Body:
    """What the card remembers from one second to the next."""

    celsius: float = _ROOM_CELSIUS + _IDLE_WATTS * _STILL_RESISTANCE
    joules: float = 0.0
    hot: bool = False
    slowed: dict[str, float] = field(default_factory=lambda: {HOT: 0.0, POWER_BRAKE: 0.0, AT_POWER_LIMIT: 0.0})


def house_readings() -> Iterator[GpuReading]:
    """One reading a second from the moment the card is switched on, without end."""
    body = _Body()
    for second in itertools.count():
        busy = second >= _STARTS_SECONDS
        body.hot = busy and body.celsius >= (_RECOVERED_CELSIUS if body.hot else _SLOWDOWN_CELSIUS)
        reasons = ((HOT,) if body.hot else (AT_POWER_LIMIT,)) if busy else ()
        watts = (_SLOWED_WATTS if body.hot else _LIMIT_WATTS - 1.0 + math.sin(second / 7.0)) if busy else _IDLE_WATTS
        yield _reading(body, second, watts, reasons, busy)
        _pass_a_second(body, second, watts, reasons)


def house_card(seconds: float = 600.0) -> list[tuple[float, Beat]]:
    """The same as a timeline for a `ScriptedGpu`: a beat a second from 0 to `seconds`."""
    readings = itertools.islice(house_readings(), int(seconds) + 1)
    return [(float(second), (reading,)) for second, reading in enumerate(readings)]


class HouseGpu:
    """The card as a backend that never ends. `clock` gives seconds."""

    note = ""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._origin = clock()
        self._readings = house_readings()
        self._second = 0
        self._reading = next(self._readings)

    def read(self) -> tuple[GpuReading, ...]:
        """The reading of the second that runs."""
        while self._second < math.floor(self._clock() - self._origin):
            self._second += 1
            self._reading = next(self._readings)
        return (self._reading,)

    def close(self) -> None:
        """Nothing is held open."""


def _pass_a_second(body: _Body, second: int, watts: float, reasons: tuple[str, ...]) -> None:
    cooling = (fan_at(body.celsius).percent or 0.0) / 100.0
    resistance = _STILL_RESISTANCE + (_COOLED_RESISTANCE - _STILL_RESISTANCE) * cooling
    if _COVERED_FROM <= second % _PERIOD_SECONDS < _COVERED_TO:
        resistance *= _COVERED
    target = _ROOM_CELSIUS + resistance * watts
    body.celsius = target + (body.celsius - target) * math.exp(-1.0 / _TIME_CONSTANT_SECONDS)
    body.joules += watts
    for reason in reasons:
        body.slowed[reason] += 1.0


def _reading(body: _Body, second: int, watts: float, reasons: tuple[str, ...], busy: bool) -> GpuReading:
    first = fan_at(body.celsius)
    second_fan = Fan(percent=first.percent, rpm=round((first.rpm or 0.0) * 0.97))
    filled = min(1.0, max(0.0, (second - _STARTS_SECONDS) / 5.0))
    return GpuReading(
        index=0,
        name=NAME,
        uuid="GPU-scripted",
        utilization_percent=97.0 + second % 3 if busy else 0.0,
        memory_used_bytes=int((0.4 + 2.7 * filled) * _GIB),
        memory_total_bytes=12 * _GIB,
        temperature_celsius=float(round(body.celsius)),
        slowdown_celsius=_SLOWDOWN_CELSIUS,
        fans=(first, second_fan),
        power_watts=watts,
        power_limit_watts=_LIMIT_WATTS,
        clock_mhz=(_SLOWED_MHZ if body.hot else _FULL_MHZ) if busy else 210.0,
        highest_clock_mhz=_HIGHEST_MHZ,
        throttle_reasons=reasons,
        memory_temperature_celsius=float(round(body.celsius + 0.05 * watts)),
        energy_joules=body.joules,
        throttled_seconds=dict(body.slowed),
    )
