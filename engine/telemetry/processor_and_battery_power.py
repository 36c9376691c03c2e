"""The power of processor and battery on Linux: energy counters (RAPL) and power supplies.

Choices:

- Packages only: cores and uncore are parts of a package, psys contains it, and `intel-rapl-mmio` is the same counter.
- The counter wraps at `max_energy_range_uj` and restarts when the computer wakes up; a wrap of more than a kilowatt is
  taken for a restart and not counted.
- It is closed to users since CVE-2020-8694, because programs can learn from it what others compute. The commands that
  open it are only shown.
- A battery counts while it discharges; on mains power it measures charging.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_MOST_PACKAGE_WATTS = 1000.0  # of one package


@dataclass(frozen=True)
class ProcessorEnergy:
    """`joules` since the first reading, and the mean `watts` since the previous one (None at the first)."""

    joules: float
    watts: float | None


@dataclass
class _Package:
    counter: Path
    range_microjoules: int
    last: int | None = None


def find_rapl_packages(root: Path = POWERCAP) -> list[Path]:
    """The RAPL folders of the processor's packages."""
    zones = sorted(zone for zone in root.glob("intel-rapl:*") if zone.name.count(":") == 1)
    return [zone for zone in zones if read_text(zone / "name").startswith("package")]


def rapl_access_command(root: Path = POWERCAP) -> str:
    """The command that opens the counters to every user until the next restart."""
    return f"sudo chmod a+r {root}/intel-rapl:*/energy_uj"


def rapl_lasting_access_command(root: Path = POWERCAP) -> str:
    """The command that opens them at every start of a system with systemd."""
    line = f"z {root}/intel-rapl:*/energy_uj 0444 root root -"
    return f"echo '{line}' | sudo tee /etc/tmpfiles.d/energy-counter.conf"


class ProcessorCounter:
    """The counters of all packages as one. `root` is Linux's folder of them; `clock` gives seconds."""

    def __init__(self, root: Path = POWERCAP, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        ranges = {zone: read_text(zone / "max_energy_range_uj") for zone in find_rapl_packages(root)}
        self._packages = [
            _Package(zone / "energy_uj", int(text) if text.isdigit() else 0) for zone, text in ranges.items()
        ]
        self._joules = 0.0
        self._last_read: float | None = None

    @property
    def present(self) -> bool:
        """Whether there is a counter."""
        return bool(self._packages)

    def read(self) -> ProcessorEnergy:
        """The energy now. Raises PermissionError for a closed counter, OSError or ValueError for a faulty one.

        A failed reading counts nothing; the next one includes its time.
        """
        readings = [int(package.counter.read_bytes()) for package in self._packages]
        now = self._clock()
        elapsed = None if self._last_read is None else now - self._last_read
        joules = 0.0
        for package, reading in zip(self._packages, readings, strict=True):
            joules += _grown(package, reading, elapsed or 0.0)
            package.last = reading
        self._last_read = now
        self._joules += joules
        return ProcessorEnergy(self._joules, joules / elapsed if elapsed else None)


def _grown(package: _Package, reading: int, elapsed: float) -> float:
    if package.last is None:
        return 0.0
    microjoules = reading - package.last
    if microjoules < 0:
        microjoules += package.range_microjoules
        if microjoules < 0 or microjoules * 1e-6 > _MOST_PACKAGE_WATTS * elapsed:
            return 0.0
    return microjoules * 1e-6


def read_text(path: Path) -> str:
    """The stripped contents of a small kernel file; empty when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


POWER_SUPPLY = Path("/sys/class/power_supply")
_MOST_BATTERY_WATTS = 500.0  # of a laptop's battery; more is a wrong unit of the driver


def battery_watts(root: Path = POWER_SUPPLY) -> float | None:
    """The power of all discharging batteries in watts; None without one. Raises OSError or ValueError.

    Drivers report power (microwatts), or current and voltage (microamperes and microvolts), some with a negative
    current.
    """
    discharging = [path for path in sorted(root.glob("BAT*")) if _read_file(path / "status") == "Discharging"]
    return sum(map(_battery_watts, discharging)) if discharging else None


def has_battery(root: Path = POWER_SUPPLY) -> bool:
    """Whether the computer has a battery."""
    return any(root.glob("BAT*"))


def _battery_watts(battery: Path) -> float:
    power = battery / "power_now"
    if power.exists():
        watts = abs(int(_read_file(power))) * 1e-6
    else:
        watts = abs(int(_read_file(battery / "current_now"))) * int(_read_file(battery / "voltage_now")) * 1e-12
    if watts > _MOST_BATTERY_WATTS:
        raise ValueError("a battery that gives more than a laptop takes")
    return watts


def _read_file(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
