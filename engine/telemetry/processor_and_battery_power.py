"""What the processor and the battery draw, from Linux: energy counters (RAPL) and power supplies.

Choices:

- Packages only. Cores and uncore are parts of a package, and psys holds the package too, so either would count twice;
  `intel-rapl-mmio` reads the same counter. AMD processors use the same tree.
- The counter wraps at `max_energy_range_uj`. It also starts again when the computer wakes up, which looks the same; a
  wrap that would mean more than a kilowatt is taken for a new start, and nothing is counted.
- Closed to users since CVE-2020-8694, because programs can learn from it what others compute. The commands that open it
  are here, and are never run by us.
- A battery counts while it discharges. On mains power it would say what goes into the battery, which is not the run's
  doing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_MOST_PACKAGE_WATTS = 1000.0  # of one package; none draws as much


@dataclass(frozen=True)
class ProcessorEnergy:
    """`joules` since the first reading, and the mean `watts` since the one before (None at the first)."""

    joules: float
    watts: float | None


@dataclass
class _Package:
    counter: Path
    range_microjoules: int
    last: int | None = None


def find_rapl_packages(root: Path = POWERCAP) -> list[Path]:
    """The folders of the processor's packages."""
    zones = sorted(zone for zone in root.glob("intel-rapl:*") if zone.name.count(":") == 1)
    return [zone for zone in zones if read_text(zone / "name").startswith("package")]


def rapl_access_command(root: Path = POWERCAP) -> str:
    """What opens the counters to every user until the next restart."""
    return f"sudo chmod a+r {root}/intel-rapl:*/energy_uj"


def rapl_lasting_access_command(root: Path = POWERCAP) -> str:
    """What opens them at every start of a system with systemd."""
    line = f"z {root}/intel-rapl:*/energy_uj 0444 root root -"
    return f"echo '{line}' | sudo tee /etc/tmpfiles.d/energy-counter.conf"


class ProcessorCounter:
    """The counters of all packages as one. `root` is where Linux keeps them; `clock` gives seconds."""

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
        """Whether there is a counter at all."""
        return bool(self._packages)

    def read(self) -> ProcessorEnergy:
        """The energy now. Raises PermissionError when a package is closed, OSError or ValueError when one breaks.

        A reading that fails counts nothing; the next one that works counts what was drawn in between.
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
    """Joules since the reading before."""
    if package.last is None:
        return 0.0
    microjoules = reading - package.last
    if microjoules < 0:
        microjoules += package.range_microjoules
        if microjoules < 0 or microjoules * 1e-6 > _MOST_PACKAGE_WATTS * elapsed:
            return 0.0
    return microjoules * 1e-6


def read_text(path: Path) -> str:
    """The contents of a small file of the kernel, without spaces around them; empty when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


POWER_SUPPLY = Path("/sys/class/power_supply")
_MOST_BATTERY_WATTS = 500.0  # of a laptop's battery; more is a driver's slip of units


def battery_watts(root: Path = POWER_SUPPLY) -> float | None:
    """What the batteries that discharge give together, in watts; None when none does. Raises OSError or ValueError.

    Drivers report power (microwatts), or current and voltage (microamperes and microvolts); some give a current that
    leaves the battery a minus sign.
    """
    discharging = [path for path in sorted(root.glob("BAT*")) if _read_file(path / "status") == "Discharging"]
    return sum(map(_battery_watts, discharging)) if discharging else None


def has_battery(root: Path = POWER_SUPPLY) -> bool:
    """Whether Linux knows a battery of the computer itself."""
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
