"""AMD and Intel cards through Linux's hwmon files, without libraries or root.

Choices:

- A card is `/sys/class/drm/card<n>`, its sensors `device/hwmon/hwmon*`. NVIDIA's cards are left to NVML. A chip without
  a sensor (most integrated graphics) is not shown.
- Of AMD's temperatures the junction is shown and not the edge, because slowdown and its limit go by the junction.
- Intel reports energy and not power; watts are the mean between two readings.
- A missing file is final; an unreadable one is tried again. A sleeping card is not read: reading would wake it.

Units as in the kernel's documentation of hwmon: millidegrees, microwatts, microjoules, hertz, pwm from 0 to 255.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babytrain.engine.telemetry.gpu_backend import (
    NO_FAN,
    GpuBackend,
    MissingValue,
    fan_quantities,
    gpu_reading,
    printable_line,
)
from babytrain.engine.telemetry.processor_and_battery_power import read_text
from babytrain.runs.errors import error_reason
from babytrain.runs.events import GpuReading

DRM = Path("/sys/class/drm")
ASLEEP = MissingValue("the card is asleep to save power")
NOT_REPORTED = MissingValue("this card does not report it")
NO_REASONS = MissingValue("its driver does not say why a clock is lowered")
NEEDS_TWO_READINGS = MissingValue("it takes two looks to tell")
CARD_GONE = MissingValue("GPU lost: the card has gone from this computer")

_MAKERS = {0x1002: "AMD", 0x8086: "Intel"}
_CARD = re.compile(r"card\d+")
_DRIVERS = ("amdgpu", "radeon", "i915", "xe")
_SENSOR_FILES = ("fan1_input", "temp1_input", "temp2_input", "power1_average", "power1_input", "energy1_input")
_MOST_FANS = 4
_MOST_TEMPERATURES = 8
_CHIP_LABELS = ("junction", "pkg", "edge", "")  # best first
_MEMORY_LABELS = ("mem", "vram")
_SENSIBLE_CELSIUS = (-40.0, 150.0)
_MOST_WATTS = 2000.0
# Below `card<n>`, for Intel's two drivers.
_CLOCKS_MHZ = ("gt_act_freq_mhz", "device/tile0/gt0/freq0/act_freq")
_HIGHEST_CLOCKS_MHZ = ("gt_RP0_freq_mhz", "device/tile0/gt0/freq0/rp0_freq")


@dataclass
class _HwmonCard:
    """One card: the files of its quantities, and its constant limits. A quantity without a file is not reported."""

    index: int
    clock: Callable[[], float]
    hwmon: Path
    name: str
    uuid: str
    files: Mapping[str, Path]
    fans: tuple[tuple[Path | None, Path | None], ...]  # (pwm, revolutions per minute) of each
    slowdown_celsius: float | MissingValue
    power_limit_watts: float | MissingValue
    highest_clock_mhz: float | MissingValue
    last_energy: tuple[float, float] | None = None  # seconds and joules of the previous reading

    def read(self) -> GpuReading:
        if not self.hwmon.exists():
            return self._unread(card=CARD_GONE)
        if "runtime_status" in self.files and read_text(self.files["runtime_status"]) == "suspended":
            return self._unread(temperature_celsius=ASLEEP, power_watts=ASLEEP, utilization_percent=ASLEEP)
        energy = self._read("energy", 1e-6)
        return gpu_reading(
            self.index,
            self.name,
            self.uuid,
            energy_joules=energy,
            memory_used_bytes=_whole(self._read("memory_used")),
            memory_total_bytes=_whole(self._read("memory_total")),
            utilization_percent=self._read("busy"),
            temperature_celsius=_sensible(self._read("temperature", 1e-3)),
            slowdown_celsius=self.slowdown_celsius,
            **self._fans(),
            power_watts=self._power(energy),
            power_limit_watts=self.power_limit_watts,
            clock_mhz=self._read("clock_hz", 1e-6) if "clock_hz" in self.files else self._read("clock_mhz"),
            memory_temperature_celsius=_sensible(self._read("memory_temperature", 1e-3)),
            highest_clock_mhz=self.highest_clock_mhz,
            throttle_reasons=NO_REASONS,
        )

    def _unread(self, **quantities: MissingValue) -> GpuReading:
        self.last_energy = None
        return gpu_reading(self.index, self.name, self.uuid, **quantities)

    def _power(self, joules: float | MissingValue) -> float | MissingValue:
        """The reported power, or the mean since the previous reading by the energy counter."""
        now = self.clock()
        before, self.last_energy = self.last_energy, None if isinstance(joules, MissingValue) else (now, joules)
        if "power" in self.files or isinstance(joules, MissingValue):
            return self._read("power", 1e-6)
        if before is None or now <= before[0]:
            return NEEDS_TWO_READINGS
        watts = (joules - before[1]) / (now - before[0])
        return watts if 0.0 <= watts <= _MOST_WATTS else MissingValue("its energy counter has started again")

    def _fans(self) -> dict[str, Any]:
        if not self.fans:
            return {"fans": MissingValue(NO_FAN)}
        return fan_quantities((_read_number(pwm, 100.0 / 255.0), _read_number(rpm)) for pwm, rpm in self.fans)

    def _read(self, quantity: str, scale: float = 1.0) -> float | MissingValue:
        return _read_number(self.files.get(quantity), scale)


class HwmonBackend(GpuBackend):
    """All AMD and Intel cards with sensors under `root`, numbered from `first_index`. `read` never raises."""

    def __init__(self, root: Path = DRM, first_index: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._cards = _find_cards(root, first_index, clock)
        self.count = len(self._cards)

    def read(self) -> tuple[GpuReading, ...]:
        """A reading of every card."""
        return tuple(card.read() for card in self._cards)


def _find_cards(root: Path, first_index: int, clock: Callable[[], float]) -> list[_HwmonCard]:
    """The cards with sensors, in the kernel's order; none where the tree is unreadable."""
    try:
        folders = [path for path in root.iterdir() if _CARD.fullmatch(path.name)]
    except OSError:
        return []
    cards: list[_HwmonCard] = []
    for folder in sorted(folders, key=lambda path: int(path.name[4:])):
        card = _describe(folder, first_index + len(cards), clock)
        cards += [card] if card is not None else []
    return cards


def _describe(card: Path, index: int, clock: Callable[[], float]) -> _HwmonCard | None:
    device = card / "device"
    maker = _MAKERS.get(int(_number(device / "vendor", base=16) or 0))
    folders = sorted(device.glob("hwmon/hwmon*"))
    hwmon = next((folder for folder in folders if any((folder / name).exists() for name in _SENSOR_FILES)), None)
    if maker is None or hwmon is None:
        return None
    files = _find_files(card, hwmon)
    chip = files.get("temperature")
    slowdown = _number(chip.with_name(chip.name.replace("_input", "_crit")), 1e-3) if chip else None
    return _HwmonCard(
        index=index,
        clock=clock,
        hwmon=hwmon,
        name=_name(device, maker),
        uuid=_uuid(device),
        files=files,
        fans=_find_fans(hwmon),
        slowdown_celsius=NOT_REPORTED if slowdown is None else _sensible(slowdown),
        power_limit_watts=_number(hwmon / "power1_cap", 1e-6) or _number(hwmon / "power1_max", 1e-6) or NOT_REPORTED,
        highest_clock_mhz=_highest_clock(card) or NOT_REPORTED,
    )


def _name(device: Path, maker: str) -> str:
    product = read_text(device / "product_name")
    if product:
        return printable_line(product, 80)
    number = _number(device / "device", base=16)
    driver = (device / "driver").resolve().name
    known = f" ({driver})" if driver in _DRIVERS else ""
    return f"{maker} graphics{'' if number is None else f' {int(number):04x}'}{known}"


def _uuid(device: Path) -> str:
    unique = read_text(device / "unique_id")
    return printable_line(f"AMD-{unique}" if unique else f"PCI-{device.resolve().name}", 80)


def _find_files(card: Path, hwmon: Path) -> dict[str, Path]:
    by_label: dict[str, Path] = {}
    for number in range(1, _MOST_TEMPERATURES + 1):
        path = hwmon / f"temp{number}_input"
        if path.exists():
            by_label.setdefault(read_text(hwmon / f"temp{number}_label").lower(), path)
    chip = {label: path for label, path in by_label.items() if label not in _MEMORY_LABELS}
    found = {
        "temperature": next((chip[label] for label in (*_CHIP_LABELS, *chip) if label in chip), None),
        "memory_temperature": next((by_label[label] for label in _MEMORY_LABELS if label in by_label), None),
        "power": _first(hwmon, ("power1_average", "power1_input")),
        "energy": _first(hwmon, ("energy1_input", "energy2_input")),  # of the card, else of its chip
        "clock_hz": _first(hwmon, ("freq1_input",)),
        "clock_mhz": _first(card, _CLOCKS_MHZ),
        "busy": _first(card, ("device/gpu_busy_percent",)),
        "memory_used": _first(card, ("device/mem_info_vram_used",)),
        "memory_total": _first(card, ("device/mem_info_vram_total",)),
        "runtime_status": _first(card, ("device/power/runtime_status",)),
    }
    return {quantity: path for quantity, path in found.items() if path is not None}


def _find_fans(hwmon: Path) -> tuple[tuple[Path | None, Path | None], ...]:
    pairs = [
        (_first(hwmon, (f"pwm{number}",)), _first(hwmon, (f"fan{number}_input",)))
        for number in range(1, _MOST_FANS + 1)
    ]
    return tuple(pair for pair in pairs if pair != (None, None))


def _highest_clock(card: Path) -> float | None:
    """From Intel's limit, or from the last line of AMD's table ("1: 2575Mhz *")."""
    for name in _HIGHEST_CLOCKS_MHZ:
        if mhz := _number(card / name):
            return mhz
    steps = re.findall(r"(\d+)mhz", read_text(card / "device/pp_dpm_sclk").lower())
    return float(steps[-1]) if steps else None


def _read_number(path: Path | None, scale: float = 1.0) -> float | MissingValue:
    if path is None:
        return NOT_REPORTED
    try:
        return int(path.read_bytes()) * scale
    except OSError as error:
        return MissingValue(_explain(error))
    except ValueError:
        return MissingValue("its driver gave no sensible value")


def _whole(number: float | MissingValue) -> int | MissingValue:
    return number if isinstance(number, MissingValue) else int(number)


def _sensible(celsius: float | MissingValue) -> float | MissingValue:
    low, high = _SENSIBLE_CELSIUS
    return celsius if isinstance(celsius, MissingValue) or low < celsius < high else NOT_REPORTED


def _explain(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "this user may not read it"
    if error.errno in (errno.ENODEV, errno.ENOENT):
        return "its driver no longer tells it"
    return f"reading it failed ({error_reason(error)})"


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).exists()), None)


def _number(path: Path, scale: float = 1.0, base: int = 10) -> float | None:
    try:
        return int(read_text(path), base) * scale
    except ValueError:
        return None
