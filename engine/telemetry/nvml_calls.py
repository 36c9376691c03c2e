"""The questions put to NVML, each as the binding's call with its unit turned into ours, and its answers put in words.

Choices:

- A question is a tuple of alternatives: the current call first, then the deprecated one that older drivers know.
- What has no call of its own is a *field*; the fields of a card are asked for in one call (`nvml_fields.py`).
- A value with all bits set is NVML's "not available" mark and becomes None.
- The binding's `nvmlDeviceGetFanSpeedRPM` asks about fan 0 only, so its struct is filled here.
"""

from __future__ import annotations

import ctypes
from typing import Any

from babytrain.engine.telemetry.nvml_queries import NvmlCall, printable_line, read_field

HOT = "hot"
AT_POWER_LIMIT = "at its power limit (normal under load, not a fault)"
POWER_BRAKE = "power supply asked it to slow down"

# Bits of nvmlClocksEventReasons, the grave ones first. Idle (0x1) is not a slowdown.
_IDLE = 0x01
_HARDWARE_SLOWDOWN = 0x08  # comes with the bit that says why; alone it needs words of its own
_THROTTLE_WORDS = (
    (0x20 | 0x40, HOT),
    (0x80, POWER_BRAKE),
    (0x04, AT_POWER_LIMIT),
    (0x10, "keeping step with other cards"),
    (0x02, "clocks set by hand"),
    (0x100, "clocks set for the display"),
    (0x200, "at its board's limit"),
    (0x400, "held back for reliability"),
)

# Field values, by their numbers in nvml.h.
MEMORY_TEMPERATURE_FIELD = 82  # NVML_FI_DEV_MEMORY_TEMP, degrees Celsius
ENERGY_FIELD = 83  # NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, millijoules since the driver was loaded
# Nanoseconds slowed down: NVML_FI_DEV_CLOCKS_EVENT_REASON_{SW_THERM,HW_THERM,HW_POWER_BRAKE}_SLOWDOWN, _SW_POWER_CAP.
SLOWED_FIELDS = {HOT: (269, 270), POWER_BRAKE: (271,), AT_POWER_LIMIT: (74,)}


def describe_throttling(bits: int) -> tuple[str, ...]:
    """NVML's reasons for a lowered clock in words, the grave ones first; bits nobody has named yet in hex."""
    words = [word for mask, word in _THROTTLE_WORDS if bits & mask]
    if bits & _HARDWARE_SLOWDOWN and not bits & (0x40 | 0x80):
        words.insert(0, "slowed down by its hardware (heat or power)")
    unnamed = bits & ~(_IDLE | _HARDWARE_SLOWDOWN)
    for mask, _ in _THROTTLE_WORDS:
        unnamed &= ~mask
    if unnamed:
        words.append(f"reason {unnamed:#x}")
    return tuple(words)


def _sensible(value: float, scale: float = 1.0) -> float | None:
    return None if value >= 0xFFFFFFFF else value * scale


def _memory(info: Any) -> tuple[int, int] | None:
    return None if info.total >= 2**63 or info.total == 0 else (int(info.used), int(info.total))


def _read_fan_rpm(nvml: Any, card: Any, fan: int) -> float | None:
    info = nvml.c_nvmlFanSpeedInfo_t(version=nvml.nvmlFanSpeedInfo_v1, fan=fan)
    code = nvml._nvmlGetFunctionPointer("nvmlDeviceGetFanSpeedRPM")(card, ctypes.byref(info))
    if code != 0:
        raise nvml.NVMLError(code)
    return _sensible(info.speed)


def _joules(nvml: Any, card: Any) -> float | None:
    millijoules = nvml.nvmlDeviceGetTotalEnergyConsumption(card)
    return None if millijoules >= 2**64 - 1 else millijoules * 1e-3


def _instance_uuid(nvml: Any, card: Any, instance: int) -> str | None:
    return printable_line(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, instance))) or None


# The driver as a whole.
INIT = (NvmlCall("nvmlInitWithFlags", lambda nvml, _: nvml.nvmlInit() is None),)
SHUTDOWN = (NvmlCall("nvmlShutdown", lambda nvml, _: nvml.nvmlShutdown() is None),)
CARD_COUNT = (NvmlCall[int]("nvmlDeviceGetCount", lambda nvml, _: nvml.nvmlDeviceGetCount()),)

# Once per card.
CARD_NAME = (NvmlCall("nvmlDeviceGetName", lambda nvml, card: printable_line(nvml.nvmlDeviceGetName(card)) or None),)
CARD_UUID = (NvmlCall("nvmlDeviceGetUUID", lambda nvml, card: printable_line(nvml.nvmlDeviceGetUUID(card)) or None),)
FAN_COUNT = (NvmlCall[int]("nvmlDeviceGetNumFans", lambda nvml, card: nvml.nvmlDeviceGetNumFans(card)),)
POWER_LIMIT = (
    NvmlCall(
        "nvmlDeviceGetEnforcedPowerLimit",
        lambda nvml, card: _sensible(nvml.nvmlDeviceGetEnforcedPowerLimit(card), 1e-3) or None,
    ),
)
SLOWDOWN = (
    NvmlCall(
        "nvmlDeviceGetTemperatureThreshold",
        # Some cards answer 0 for "never told".
        lambda nvml, card: (
            _sensible(nvml.nvmlDeviceGetTemperatureThreshold(card, nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)) or None
        ),
    ),
)
HIGHEST_CLOCK = (
    NvmlCall(
        "nvmlDeviceGetMaxClockInfo",
        lambda nvml, card: _sensible(nvml.nvmlDeviceGetMaxClockInfo(card, nvml.NVML_CLOCK_SM)) or None,
    ),
)
MIG_MODE = (NvmlCall("nvmlDeviceGetMigMode", lambda nvml, card: bool(nvml.nvmlDeviceGetMigMode(card)[0])),)
MIG_INSTANCE_LIMIT = (
    NvmlCall[int]("nvmlDeviceGetMaxMigDeviceCount", lambda nvml, card: nvml.nvmlDeviceGetMaxMigDeviceCount(card)),
)

# Every round.
ENERGY = (
    NvmlCall("nvmlDeviceGetTotalEnergyConsumption", lambda nvml, card: _joules(nvml, card)),
    NvmlCall(  # the same counter as a field
        "nvmlDeviceGetFieldValues",
        lambda nvml, card: read_field(nvml, card, ENERGY_FIELD, 1e-3),
        "energy",
    ),
)
UTILIZATION = (
    NvmlCall(
        "nvmlDeviceGetUtilizationRates", lambda nvml, card: _sensible(nvml.nvmlDeviceGetUtilizationRates(card).gpu)
    ),
)
MEMORY = (NvmlCall("nvmlDeviceGetMemoryInfo", lambda nvml, card: _memory(nvml.nvmlDeviceGetMemoryInfo(card))),)
POWER = (NvmlCall("nvmlDeviceGetPowerUsage", lambda nvml, card: _sensible(nvml.nvmlDeviceGetPowerUsage(card), 1e-3)),)
CLOCK = (
    NvmlCall(
        "nvmlDeviceGetClockInfo", lambda nvml, card: _sensible(nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_SM))
    ),
)
TEMPERATURE = (
    NvmlCall(
        "nvmlDeviceGetTemperatureV",
        lambda nvml, card: _sensible(nvml.nvmlDeviceGetTemperatureV(card, nvml.NVML_TEMPERATURE_GPU)),
    ),
    NvmlCall(  # deprecated in CUDA 13, gone in 14; drivers before it know nothing else
        "nvmlDeviceGetTemperature",
        lambda nvml, card: _sensible(nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)),
    ),
)
SLOWDOWN_MARGIN = (
    NvmlCall[float](
        "nvmlDeviceGetMarginTemperature", lambda nvml, card: float(nvml.nvmlDeviceGetMarginTemperature(card))
    ),
)
THROTTLE = (
    NvmlCall[int](
        "nvmlDeviceGetCurrentClocksEventReasons",
        lambda nvml, card: nvml.nvmlDeviceGetCurrentClocksEventReasons(card),
    ),
    NvmlCall[int](  # the same under its old name
        "nvmlDeviceGetCurrentClocksThrottleReasons",
        lambda nvml, card: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(card),
    ),
)


def handle_of(index: int) -> tuple[NvmlCall[Any], ...]:
    """The handle that every other question about card `index` needs."""
    return (NvmlCall("nvmlDeviceGetHandleByIndex", lambda nvml, _: nvml.nvmlDeviceGetHandleByIndex(index), index),)


def mig_instance_uuid(instance: int) -> tuple[NvmlCall[str], ...]:
    """The UUID of one of the instances (MIG) a card is cut into; refused where there is none of that number."""
    return (
        NvmlCall(
            "nvmlDeviceGetMigDeviceHandleByIndex", lambda nvml, card: _instance_uuid(nvml, card, instance), instance
        ),
    )


def fan_percent(fan: int) -> tuple[NvmlCall[float], ...]:
    """Percent of the noise-tolerant maximum; drivers that cannot count fans still know the first one."""
    indexed = NvmlCall(
        "nvmlDeviceGetFanSpeed_v2", lambda nvml, card: _sensible(nvml.nvmlDeviceGetFanSpeed_v2(card, fan)), fan
    )
    first = NvmlCall("nvmlDeviceGetFanSpeed", lambda nvml, card: _sensible(nvml.nvmlDeviceGetFanSpeed(card)))
    return (indexed, first) if fan == 0 else (indexed,)


def fan_rpm(fan: int) -> tuple[NvmlCall[float], ...]:
    """Revolutions per minute."""
    return (NvmlCall("nvmlDeviceGetFanSpeedRPM", lambda nvml, card: _read_fan_rpm(nvml, card, fan), fan),)
