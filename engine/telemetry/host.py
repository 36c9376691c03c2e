"""The computer itself as a reading: processor, memory, temperature, fan and battery, through psutil.

Choices:

- A sensor that a system does not have is asked for once, then left alone; one that fails is None this time and asked
  again. Either way `missing` says why, in words.
- psutil measures processor load since the last call *of the same thread*, and calls its first answer meaningless. So
  the first look, and one that comes too soon after another, measures over a tenth of a second of its own.
- "Hottest sensible temperature" means of the processor: a hot disk or radio says nothing about training, and chips
  report 0, -273 or 255 degrees for "no sensor here".
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psutil

from babytrain.runs.events import HostReading

T = TypeVar("T")

MEASURE_SECONDS = 0.1  # psutil's own advice for the shortest stretch worth measuring

# Kernel drivers of processor temperatures, best first; acpitz is often the board, and better than nothing.
_CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal", "cpu", "acpitz")
_GRAPHICS_CHIPS = ("amdgpu", "nouveau", "radeon", "i915", "xe")
_SENSIBLE_CELSIUS = (1.0, 125.0)
_FAN_NONSENSE_RPM = 30_000.0  # a missing fan reads 65535 on some boards

# What psutil lets through on odd systems: an absent function, unreadable or garbled sysfs files, a division by a full
# charge of zero.
_SENSOR_ERRORS = (OSError, AttributeError, LookupError, ValueError, TypeError, ArithmeticError, RuntimeError)


class HostSensors:
    """Looks at this computer. `read` never raises; `missing` says why a quantity of the last reading is None."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        self._absent: set[str] = set()
        self._last_look: tuple[int, float] | None = None

    def read(self) -> HostReading:
        """One look. The first takes a tenth of a second, to have a processor load to report."""
        cores = self._attempt("cpu_percent", self._measure_cores) or ()
        memory = self._attempt("memory", psutil.virtual_memory)
        battery = self._attempt("battery", _read_battery)
        return HostReading(
            cpu_percent=sum(cores) / len(cores) if cores else None,
            core_percents=cores,
            # Not `used`, which counts differently on each system: what a new program could not have.
            memory_used_bytes=int(memory.total - memory.available) if memory else None,
            memory_total_bytes=int(memory.total) if memory else None,
            process_memory_bytes=self._attempt("process_memory", lambda: int(psutil.Process().memory_info().rss)),
            temperature_celsius=self._attempt("temperature", lambda: hottest_cpu(psutil.sensors_temperatures())),
            fan_rpm=self._attempt("fan", lambda: first_fan(psutil.sensors_fans())),
            battery_percent=battery[0] if battery else None,
            plugged_in=battery[1] if battery else None,
        )

    def _attempt(self, name: str, ask: Callable[[], T | None]) -> T | None:
        if name in self._absent:
            return None
        try:
            value = ask()
        except AttributeError:
            self._absent.add(name)
            self.missing[name] = "this system offers no such sensor"
            return None
        except (psutil.Error, *_SENSOR_ERRORS) as error:
            self.missing[name] = _explain(error)
            return None
        if value is None:
            self._absent.add(name)
            self.missing[name] = "no such sensor found"
        else:
            self.missing.pop(name, None)
        return value

    def _measure_cores(self) -> tuple[float, ...]:
        thread, now = threading.get_ident(), time.monotonic()
        fresh = self._last_look is None or self._last_look[0] != thread or now - self._last_look[1] < MEASURE_SECONDS
        percents = psutil.cpu_percent(interval=MEASURE_SECONDS if fresh else None, percpu=True)
        self._last_look = (thread, time.monotonic())
        return tuple(float(percent) for percent in percents)


def hottest_cpu(sensors: Mapping[str, Sequence[Any]]) -> float | None:
    """The hottest believable processor temperature in degrees Celsius from psutil's table, or None.

    On AMD chips that report both, the die (`Tdie`) is believed over the control value (`Tctl`), which some models raise
    by up to 27 degrees to make fans spin earlier.
    """
    for chip in _CPU_CHIPS:
        entries = list(sensors.get(chip, ()))
        if any(entry.label == "Tdie" for entry in entries):
            entries = [entry for entry in entries if entry.label != "Tctl"]
        believable = [float(entry.current) for entry in entries if _is_sensible(entry.current)]
        if believable:
            return max(believable)
    return None


def first_fan(sensors: Mapping[str, Sequence[Any]]) -> float | None:
    """The first turning fan that is not a graphics card's, in RPM; 0 when all of them stand still, None without any."""
    speeds = [
        float(entry.current)
        for chip, entries in sensors.items()
        if chip not in _GRAPHICS_CHIPS
        for entry in entries
        if _is_number(entry.current) and 0 <= entry.current < _FAN_NONSENSE_RPM
    ]
    return next((speed for speed in speeds if speed > 0), speeds[0] if speeds else None)


def _read_battery() -> tuple[float, bool | None] | None:
    battery = psutil.sensors_battery()
    if battery is None or not _is_number(battery.percent):
        return None
    plugged = battery.power_plugged
    return min(100.0, max(0.0, float(battery.percent))), None if plugged is None else bool(plugged)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_sensible(celsius: Any) -> bool:
    return _is_number(celsius) and _SENSIBLE_CELSIUS[0] <= celsius <= _SENSIBLE_CELSIUS[1]


def _explain(error: Exception) -> str:
    if isinstance(error, PermissionError | psutil.AccessDenied):
        return "this user may not read it"
    return f"reading it failed ({type(error).__name__})"
