"""AMD and Intel cards through Linux's hwmon files: no library, no root.

Choices:

- A card is `/sys/class/drm/card<n>`; its sensors are under `device/hwmon/hwmon*`, its load and memory beside them.
  NVIDIA's cards are left to NVML. A chip without a sensor of its own (most graphics inside processors) is not shown.
- AMD tells two temperatures of the chip: its edge and its junction, the hottest of many places inside. The junction is
  shown, because it is by the junction that the card slows down, and a temperature and its limit belong together.
- Intel tells energy rather than power; watts are then what was drawn between two looks.
- A file that is not there is not there for good. One that refuses is asked again, and `missing` says why.
- A card asleep to save power is not read: reading would wake it.

Units as in the kernel's documentation of hwmon: millidegrees, microwatts, microjoules, hertz, pwm from 0 to 255.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from babytrain.engine.telemetry.nvml_cards import NO_FAN
from babytrain.engine.telemetry.nvml_queries import printable_line
from babytrain.engine.telemetry.processor_and_battery_power import read_text
from babytrain.runs.events import Fan, GpuReading

DRM = Path("/sys/class/drm")
ASLEEP = "the card is asleep to save power"
NOT_REPORTED = "this card does not report it"
NO_REASONS = "its driver does not say why a clock is lowered"
NEEDS_TWO_READINGS = "it takes two looks to tell"
CARD_GONE = "GPU lost: the card has gone from this computer"

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
# Below `card<n>`: Intel's two drivers keep clocks in different places.
_CLOCKS_MHZ = ("gt_act_freq_mhz", "device/tile0/gt0/freq0/act_freq")
_HIGHEST_CLOCKS_MHZ = ("gt_RP0_freq_mhz", "device/tile0/gt0/freq0/rp0_freq")


@dataclass(frozen=True)
class HwmonFiles:
    """Where the numbers of one card are. A quantity that is missing here is not told."""

    card: Path
    hwmon: Path
    name: str
    uuid: str
    files: Mapping[str, Path]
    fans: tuple[tuple[Path | None, Path | None], ...]  # (revolutions per minute, pwm) of each
    slowdown_celsius: float | None
    power_limit_watts: float | None
    highest_clock_mhz: float | None


class HwmonBackend:
    """Every AMD and Intel card with sensors under `root`, numbered from `first_index` on. `read` raises nothing."""

    note = ""

    def __init__(self, root: Path = DRM, first_index: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        found = find_hwmon_cards(root)
        self._cards = [_HwmonCard(sensors, first_index + number, clock) for number, sensors in enumerate(found)]

    @property
    def count(self) -> int:
        """How many cards there are to read."""
        return len(self._cards)

    def read(self) -> tuple[GpuReading, ...]:
        """One look at every card."""
        return tuple(card.read() for card in self._cards)

    def close(self) -> None:
        """Nothing is held open."""


def find_hwmon_cards(root: Path = DRM) -> list[HwmonFiles]:
    """The cards with sensors, in the kernel's order; an unreadable tree is an empty one."""
    try:
        cards = [path for path in root.iterdir() if _CARD.fullmatch(path.name)]
    except OSError:
        return []
    cards.sort(key=lambda path: int(path.name[4:]))
    return [sensors for card in cards if (sensors := _describe(card)) is not None]


def _describe(card: Path) -> HwmonFiles | None:
    device = card / "device"
    maker = _MAKERS.get(int(_number(device / "vendor", base=16) or 0))
    if maker is None:
        return None
    folders = sorted(device.glob("hwmon/hwmon*"))
    hwmon = next((folder for folder in folders if any((folder / name).exists() for name in _SENSOR_FILES)), None)
    if hwmon is None:
        return None
    files = _find_files(card, hwmon)
    chip = files.get("temperature")
    return HwmonFiles(
        card=card,
        hwmon=hwmon,
        name=_name(device, maker),
        uuid=_identity(device),
        files=files,
        fans=_find_fans(hwmon),
        slowdown_celsius=_sensible(
            _number(chip.with_name(chip.name.replace("_input", "_crit")), 1e-3) if chip else None
        ),
        power_limit_watts=next(
            (watts for name in ("power1_cap", "power1_max") if (watts := _number(hwmon / name, 1e-6))), None
        ),
        highest_clock_mhz=_highest_clock(card),
    )


def _name(device: Path, maker: str) -> str:
    product = read_text(device / "product_name")
    if product:
        return printable_line(product, 80)
    number = _number(device / "device", base=16)
    driver = (device / "driver").resolve().name
    known = f" ({driver})" if driver in _DRIVERS else ""
    return f"{maker} graphics{'' if number is None else f' {int(number):04x}'}{known}"


def _identity(device: Path) -> str:
    unique = read_text(device / "unique_id")
    return printable_line(f"AMD-{unique}" if unique else f"PCI-{device.resolve().name}", 80)


def _find_files(card: Path, hwmon: Path) -> dict[str, Path]:
    """The file of each quantity that this card tells."""
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
        (_first(hwmon, (f"fan{number}_input",)), _first(hwmon, (f"pwm{number}",)))
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


@dataclass
class _HwmonCard:
    """One card: where its numbers are, and its energy at the look before."""

    sensors: HwmonFiles
    index: int
    clock: Callable[[], float]
    last_energy: tuple[float, float] | None = field(default=None)  # seconds, joules

    def read(self) -> GpuReading:
        sensors = self.sensors
        missing: dict[str, str] = {}
        if not sensors.hwmon.exists():
            return self._without({"card": CARD_GONE})
        if "runtime_status" in sensors.files and read_text(sensors.files["runtime_status"]) == "suspended":
            return self._without({"temperature_celsius": ASLEEP, "power_watts": ASLEEP, "utilization_percent": ASLEEP})
        energy = self._ask("energy_joules", "energy", missing, 1e-6)
        memory_used = self._ask("memory_used_bytes", "memory_used", missing)
        memory_total = self._ask("memory_total_bytes", "memory_total", missing)
        return GpuReading(
            index=self.index,
            name=sensors.name,
            uuid=sensors.uuid,
            utilization_percent=self._ask("utilization_percent", "busy", missing),
            memory_used_bytes=None if memory_used is None else int(memory_used),
            memory_total_bytes=None if memory_total is None else int(memory_total),
            temperature_celsius=self._celsius("temperature_celsius", "temperature", missing),
            slowdown_celsius=_or_reason("slowdown_celsius", sensors.slowdown_celsius, missing),
            fans=self._fans(missing),
            power_watts=self._power(energy, missing),
            power_limit_watts=_or_reason("power_limit_watts", sensors.power_limit_watts, missing),
            clock_mhz=self._clock_mhz(missing),
            memory_temperature_celsius=self._celsius("memory_temperature_celsius", "memory_temperature", missing),
            highest_clock_mhz=_or_reason("highest_clock_mhz", sensors.highest_clock_mhz, missing),
            energy_joules=energy,
            missing=missing | {"throttle_reasons": NO_REASONS},
        )

    def _without(self, missing: dict[str, str]) -> GpuReading:
        self.last_energy = None
        return GpuReading(index=self.index, name=self.sensors.name, uuid=self.sensors.uuid, missing=missing)

    def _power(self, joules: float | None, missing: dict[str, str]) -> float | None:
        """Told by the card, or from what its energy counter has grown by since the look before."""
        now = self.clock()
        before, self.last_energy = self.last_energy, None if joules is None else (now, joules)
        if "power" in self.sensors.files or joules is None:
            return self._ask("power_watts", "power", missing, 1e-6)
        if before is None or now <= before[0]:
            missing["power_watts"] = NEEDS_TWO_READINGS
            return None
        watts = (joules - before[1]) / (now - before[0])
        if 0.0 <= watts <= _MOST_WATTS:
            return watts
        missing["power_watts"] = "its energy counter has started again"
        return None

    def _clock_mhz(self, missing: dict[str, str]) -> float | None:
        if "clock_hz" in self.sensors.files:
            return self._ask("clock_mhz", "clock_hz", missing, 1e-6)
        return self._ask("clock_mhz", "clock_mhz", missing)

    def _celsius(self, name: str, quantity: str, missing: dict[str, str]) -> float | None:
        value = self._ask(name, quantity, missing, 1e-3)
        return _or_reason(name, _sensible(value), missing) if value is not None else None

    def _fans(self, missing: dict[str, str]) -> tuple[Fan, ...]:
        if not self.sensors.fans:
            missing["fans"] = NO_FAN
            return ()
        return tuple(
            Fan(
                percent=self._look("fan_percent", pwm, missing, 100.0 / 255.0),
                rpm=self._look("fan_rpm", speed, missing),
            )
            for speed, pwm in self.sensors.fans
        )

    def _ask(self, name: str, quantity: str, missing: dict[str, str], scale: float = 1.0) -> float | None:
        return self._look(name, self.sensors.files.get(quantity), missing, scale)

    def _look(self, name: str, path: Path | None, missing: dict[str, str], scale: float = 1.0) -> float | None:
        if path is None:
            missing[name] = NOT_REPORTED
            return None
        try:
            return int(path.read_bytes()) * scale
        except OSError as error:
            missing[name] = _explain(error)
        except ValueError:
            missing[name] = "its driver gave no sensible value"
        return None


def _or_reason(name: str, value: float | None, missing: dict[str, str]) -> float | None:
    if value is None:
        missing[name] = NOT_REPORTED
    return value


def _sensible(celsius: float | None) -> float | None:
    return celsius if celsius is not None and _SENSIBLE_CELSIUS[0] < celsius < _SENSIBLE_CELSIUS[1] else None


def _explain(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "this user may not read it"
    if error.errno in (errno.ENODEV, errno.ENOENT):
        return "its driver no longer tells it"
    return f"reading it failed ({type(error).__name__})"


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).exists()), None)


def _number(path: Path, scale: float = 1.0, base: int = 10) -> float | None:
    try:
        return int(read_text(path), base) * scale
    except ValueError:
        return None
