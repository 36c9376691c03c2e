"""The computer's sensors: processor, memory, disk, temperatures, fans, battery and power, by psutil and Linux files.

Choices:

- A sensor that the system does not have is queried once; one that fails is None and tried again. `missing` has the
  reason under the name of its first quantity.
- psutil measures processor load since the last call *of the same thread*. So the first reading, and one that comes too
  soon after another, measures over a tenth of a second.
- The temperature is the processor's; chips report 0, -273 or 255 degrees for a missing sensor.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from babytrain.engine.telemetry.gpu_backend import printable_line
from babytrain.engine.telemetry.processor_and_battery_power import (
    POWER_SUPPLY,
    POWERCAP,
    ProcessorCounter,
    ProcessorEnergy,
    battery_watts,
    has_battery,
)
from babytrain.engine.telemetry.rate_limit import RateLimited
from babytrain.runs.errors import error_reason
from babytrain.runs.events import HostReading

T = TypeVar("T")
MEASURE_SECONDS = 0.1  # the shortest interval that psutil recommends
SLOW_SENSOR_SECONDS = 10.0  # between readings of slow quantities
MOST_SENSORS = 24  # of a kind; server boards list hundreds
NO_SENSOR = "no such sensor found"
ON_MAINS = "the battery gives nothing while it is plugged in"
RAPL_CLOSED = "the processor's energy counter is closed to this user; `babytrain-tui doctor` says how to open it"
RAPL_ABSENT = "this system offers no energy counter of the processor"
RAPL_FIRST_READING = "it takes two looks to tell"
# Kernel drivers of processor temperatures, best first; acpitz is often the board.
_CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal", "cpu", "acpitz")
_GRAPHICS_CHIPS = ("amdgpu", "nouveau", "radeon", "i915", "xe")
_SENSIBLE_CELSIUS = (1.0, 125.0)
_FAN_NONSENSE_RPM = 30_000.0  # a missing fan reads 65535 on some boards
# Raised by psutil on odd systems: absent functions, unreadable or garbled sysfs files, division by a charge of zero.
_SENSOR_ERRORS = (OSError, AttributeError, LookupError, ValueError, TypeError, ArithmeticError, RuntimeError)
SensorTable = Mapping[str, Sequence[Any]]  # psutil's: entries by chip


class _NoReadingError(Exception):
    """A sensor has no value now; the text says why."""


class HostSensors:
    """Reads this computer. `read` never raises; `missing` says why a quantity of the last reading is None.

    `runs_dir` is on the disk to read. `powercap` and `power_supply` are Linux folders; `clock` gives seconds.
    """

    def __init__(
        self,
        runs_dir: Path | None = None,
        *,
        powercap: Path = POWERCAP,
        power_supply: Path = POWER_SUPPLY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.missing: dict[str, str] = {}
        self._clock = clock
        self._absent: set[str] = set()
        self._last_load: tuple[int, float] | None = None  # thread and seconds of the last measurement
        self._process: psutil.Process | None = None
        self._processor = ProcessorCounter(powercap, clock)
        self._has_battery = has_battery(power_supply)
        self._temperatures: RateLimited[SensorTable] = self._limited(lambda: psutil.sensors_temperatures(), 0.0)
        self._fans: RateLimited[SensorTable] = self._limited(lambda: psutil.sensors_fans(), 0.0)
        self._battery = self._limited(_read_battery, 2.0)
        self._battery_watts = self._limited(lambda: battery_watts(power_supply), 0.0)
        self._swap = self._limited(psutil.swap_memory, SLOW_SENSOR_SECONDS)
        self._runs_dir = runs_dir
        self._disk = self._limited(lambda: psutil.disk_usage(str(_existing(runs_dir or Path()))), SLOW_SENSOR_SECONDS)

    def read(self) -> HostReading:
        """All quantities now. The first reading takes a tenth of a second for the processor load."""
        cores = self._attempt("cpu_percent", self._measure_cores) or ()
        memory = self._attempt("memory_used_bytes", psutil.virtual_memory)
        swap = self._attempt("swap_used_bytes", self._swap)
        disk = self._attempt("disk_free_bytes", self._disk) if self._runs_dir is not None else None
        battery = self._attempt("battery_percent", self._battery)
        processor = self._attempt("processor_watts", self._read_processor)
        temperatures = self._attempt("temperature_celsius", lambda: self._temperatures() or None) or {}
        fans = self._attempt("fan_rpm", lambda: self._fans() or None) or {}
        return HostReading(
            cpu_percent=sum(cores) / len(cores) if cores else None,
            core_percents=cores,
            # Not `used`, which is defined differently on each system.
            memory_used_bytes=int(memory.total - memory.available) if memory else None,
            memory_total_bytes=int(memory.total) if memory else None,
            process_memory_bytes=self._attempt("process_memory_bytes", self._measure_process),
            temperature_celsius=self._chosen("temperature_celsius", hottest_cpu(temperatures)),
            fan_rpm=self._chosen("fan_rpm", first_fan(fans)),
            battery_percent=battery[0] if battery else None,
            plugged_in=battery[1] if battery else None,
            swap_used_bytes=int(swap.used) if swap else None,
            swap_total_bytes=int(swap.total) if swap else None,
            disk_free_bytes=int(disk.free) if disk else None,
            disk_total_bytes=int(disk.total) if disk else None,
            temperatures_celsius=plausible_sensors(temperatures, _is_sensible),
            fans_rpm=plausible_sensors(fans, _is_speed),
            processor_watts=self._chosen("processor_watts", processor.watts if processor else None, RAPL_FIRST_READING),
            processor_joules=processor.joules if processor else None,
            battery_watts=self._attempt("battery_watts", self._read_battery_watts),
            missing=dict(self.missing),
        )

    def _limited(self, ask: Callable[[], T], every_seconds: float) -> RateLimited[T]:
        return RateLimited(ask, every_seconds, clock=self._clock)

    def _attempt(self, name: str, ask: Callable[[], T | None]) -> T | None:
        if name in self._absent:
            return None
        try:
            value = ask()
        except AttributeError:
            self._absent.add(name)
            self.missing[name] = "this system offers no such sensor"
            return None
        except (psutil.Error, _NoReadingError, *_SENSOR_ERRORS) as error:
            self.missing[name] = _explain(error)
            return None
        if value is None:
            self._absent.add(name)
            self.missing[name] = NO_SENSOR
        else:
            self.missing.pop(name, None)
        return value

    def _chosen(self, name: str, value: float | None, reason: str = NO_SENSOR) -> float | None:
        if value is None:
            self.missing.setdefault(name, reason)
        return value

    def _measure_cores(self) -> tuple[float, ...]:
        thread, now = threading.get_ident(), self._clock()
        fresh = self._last_load is None or self._last_load[0] != thread or now - self._last_load[1] < MEASURE_SECONDS
        percents = psutil.cpu_percent(interval=MEASURE_SECONDS if fresh else None, percpu=True)
        self._last_load = (thread, self._clock())
        return tuple(float(percent) for percent in percents)

    def _measure_process(self) -> int:
        if self._process is None:
            self._process = psutil.Process()
        return int(self._process.memory_info().rss)

    def _read_processor(self) -> ProcessorEnergy:
        if not self._processor.present:
            raise _NoReadingError(RAPL_ABSENT)
        try:
            return self._processor.read()
        except PermissionError:
            raise _NoReadingError(RAPL_CLOSED) from None

    def _read_battery_watts(self) -> float | None:
        watts = self._battery_watts() if self._has_battery else None
        if self._has_battery and watts is None:
            raise _NoReadingError(ON_MAINS)
        return watts


def plausible_sensors(sensors: SensorTable, is_plausible: Callable[[Any], bool]) -> dict[str, float]:
    """Every plausible sensor of psutil's table by a readable name, such as "coretemp Package id 0"."""
    found: dict[str, float] = {}
    for chip, entries in sensors.items():
        for number, entry in enumerate(entries):
            if len(found) == MOST_SENSORS:
                return found
            name = printable_line(f"{chip} {entry.label or (number + 1 if len(entries) > 1 else '')}".strip(), 60)
            if is_plausible(entry.current):
                found[name if name not in found else f"{name} ({number + 1})"] = float(entry.current)
    return found


def hottest_cpu(sensors: SensorTable) -> float | None:
    """The hottest plausible processor temperature in °C from psutil's table, or None.

    On AMD chips that report both, the die (`Tdie`) is used and not the control value (`Tctl`), which some models raise
    by up to 27 degrees for their fans.
    """
    for chip in _CPU_CHIPS:
        entries = list(sensors.get(chip, ()))
        if any(entry.label == "Tdie" for entry in entries):
            entries = [entry for entry in entries if entry.label != "Tctl"]
        plausible = [float(entry.current) for entry in entries if _is_sensible(entry.current)]
        if plausible:
            return max(plausible)
    return None


def first_fan(sensors: SensorTable) -> float | None:
    """The first turning fan that is not a graphics card's, in RPM; 0 when all stand still, None without any."""
    speeds = [
        float(entry.current)
        for chip, entries in sensors.items()
        if chip not in _GRAPHICS_CHIPS
        for entry in entries
        if _is_speed(entry.current)
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


def _is_speed(rpm: Any) -> bool:
    return _is_number(rpm) and 0 <= rpm < _FAN_NONSENSE_RPM


def _existing(path: Path) -> Path:
    return next((folder for folder in (path, *path.absolute().parents) if folder.exists()), Path())


def _explain(error: Exception) -> str:
    if isinstance(error, _NoReadingError):
        return str(error)
    if isinstance(error, PermissionError | psutil.AccessDenied):
        return "this user may not read it"
    return f"reading it failed ({error_reason(error)})"
