"""The NVML queries, each with its unit converted, and NVML's answers as text.

Choices:

- A query is a tuple of alternatives: the current call first, then deprecated ones of older drivers.
- Quantities without a function are *fields*, which are read in one call per card (`nvml_queries.CardFields`).
- A value with all bits set is NVML's "not available" and becomes None.
- The binding's `nvmlDeviceGetFanSpeedRPM` reads fan 0 only, so its struct is filled here.
"""

from __future__ import annotations

import ctypes
import functools
import operator
from collections.abc import Callable
from typing import Any, TypeVar

from babytrain.engine.telemetry.gpu_backend import printable_line
from babytrain.engine.telemetry.nvml_queries import NvmlCall, read_field

T = TypeVar("T")

HOT = "hot"
AT_POWER_LIMIT = "at its power limit (normal under load, not a fault)"
POWER_BRAKE = "power supply asked it to slow down"

# Bits of nvmlClocksEventReasons, the most serious first. Idle (0x1) is not a slowdown.
_IDLE = 0x01
_HARDWARE_SLOWDOWN = 0x08  # usually with a bit for the reason
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
_NAMED_BITS = functools.reduce(operator.or_, (mask for mask, _ in _THROTTLE_WORDS), _IDLE | _HARDWARE_SLOWDOWN)

# Field values, by their numbers in nvml.h.
MEMORY_TEMPERATURE_FIELD = 82  # NVML_FI_DEV_MEMORY_TEMP, degrees Celsius
ENERGY_FIELD = 83  # NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, millijoules since the driver was loaded
# Nanoseconds slowed down: NVML_FI_DEV_CLOCKS_EVENT_REASON_{SW_THERM,HW_THERM,HW_POWER_BRAKE}_SLOWDOWN, _SW_POWER_CAP.
SLOWED_FIELDS = {HOT: (269, 270), POWER_BRAKE: (271,), AT_POWER_LIMIT: (74,)}


def describe_throttling(bits: int) -> tuple[str, ...]:
    """NVML's reasons for a lowered clock, the most serious first; unknown bits in hex."""
    words = [word for mask, word in _THROTTLE_WORDS if bits & mask]
    if bits & _HARDWARE_SLOWDOWN and not bits & (0x40 | 0x80):
        words.insert(0, "slowed down by its hardware (heat or power)")
    if unnamed := bits & ~_NAMED_BITS:
        words.append(f"reason {unnamed:#x}")
    return tuple(words)


def _call(function: str, read: Callable[[Any], T | None], argument: int | str | None = None) -> NvmlCall[T]:
    """The binding's `function` of a card, with an argument or a constant by name; `read` converts the unit."""

    def ask(nvml: Any, card: Any) -> T | None:
        arguments = () if argument is None else (getattr(nvml, argument) if isinstance(argument, str) else argument,)
        return read(getattr(nvml, function)(card, *arguments))

    return NvmlCall(function, ask, argument)


def _number(value: float) -> float | None:
    return None if value >= 0xFFFFFFFF else float(value)


def _thousandth(value: float) -> float | None:
    return None if value >= 0xFFFFFFFF else value * 1e-3


def _line(text: str) -> str | None:
    return printable_line(text) or None


def _memory(info: Any) -> tuple[int, int] | None:
    return None if info.total >= 2**63 or info.total == 0 else (int(info.used), int(info.total))


def _joules(millijoules: int) -> float | None:
    return None if millijoules >= 2**64 - 1 else millijoules * 1e-3


def _read_fan_rpm(nvml: Any, card: Any, fan: int) -> float | None:
    info = nvml.c_nvmlFanSpeedInfo_t(version=nvml.nvmlFanSpeedInfo_v1, fan=fan)
    code = nvml._nvmlGetFunctionPointer("nvmlDeviceGetFanSpeedRPM")(card, ctypes.byref(info))
    if code != 0:
        raise nvml.NVMLError(code)
    return _number(info.speed)


# The driver as a whole.
INIT = (NvmlCall("nvmlInitWithFlags", lambda nvml, _: nvml.nvmlInit() is None),)
SHUTDOWN = (NvmlCall("nvmlShutdown", lambda nvml, _: nvml.nvmlShutdown() is None),)
CARD_COUNT = (NvmlCall[int]("nvmlDeviceGetCount", lambda nvml, _: nvml.nvmlDeviceGetCount()),)

# Once per card. A limit of 0 is unset.
CARD_NAME = (_call("nvmlDeviceGetName", _line),)
CARD_UUID = (_call("nvmlDeviceGetUUID", _line),)
FAN_COUNT = (_call("nvmlDeviceGetNumFans", int),)
POWER_LIMIT = (_call("nvmlDeviceGetEnforcedPowerLimit", lambda milliwatts: _thousandth(milliwatts) or None),)
SLOWDOWN = (
    _call(
        "nvmlDeviceGetTemperatureThreshold",
        lambda celsius: _number(celsius) or None,
        "NVML_TEMPERATURE_THRESHOLD_SLOWDOWN",
    ),
)
HIGHEST_CLOCK = (_call("nvmlDeviceGetMaxClockInfo", lambda mhz: _number(mhz) or None, "NVML_CLOCK_SM"),)
MIG_MODE = (_call("nvmlDeviceGetMigMode", lambda modes: bool(modes[0])),)
MIG_INSTANCE_LIMIT = (_call("nvmlDeviceGetMaxMigDeviceCount", int),)

# At every reading.
ENERGY = (
    _call("nvmlDeviceGetTotalEnergyConsumption", _joules),
    NvmlCall(  # the same counter as a field
        "nvmlDeviceGetFieldValues", lambda nvml, card: read_field(nvml, card, ENERGY_FIELD, 1e-3), "energy"
    ),
)
UTILIZATION = (_call("nvmlDeviceGetUtilizationRates", lambda rates: _number(rates.gpu)),)
MEMORY = (_call("nvmlDeviceGetMemoryInfo", _memory),)
POWER = (_call("nvmlDeviceGetPowerUsage", _thousandth),)
CLOCK = (_call("nvmlDeviceGetClockInfo", _number, "NVML_CLOCK_SM"),)
TEMPERATURE = (
    _call("nvmlDeviceGetTemperatureV", _number, "NVML_TEMPERATURE_GPU"),
    # Deprecated in CUDA 13, gone in 14; drivers before it know nothing else.
    _call("nvmlDeviceGetTemperature", _number, "NVML_TEMPERATURE_GPU"),
)
SLOWDOWN_MARGIN = (_call("nvmlDeviceGetMarginTemperature", float),)
THROTTLE = (
    _call("nvmlDeviceGetCurrentClocksEventReasons", int),
    _call("nvmlDeviceGetCurrentClocksThrottleReasons", int),  # the same under its old name
)


def handle_of(index: int) -> tuple[NvmlCall[Any], ...]:
    """The handle of card `index`, an argument of all other calls."""
    return (NvmlCall("nvmlDeviceGetHandleByIndex", lambda nvml, _: nvml.nvmlDeviceGetHandleByIndex(index), index),)


def mig_instance_uuid(instance: int) -> tuple[NvmlCall[str], ...]:
    """The UUID of MIG instance number `instance` of a card; refused where it does not exist."""

    def ask(nvml: Any, card: Any) -> str | None:
        return _line(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, instance)))

    return (NvmlCall("nvmlDeviceGetMigDeviceHandleByIndex", ask, instance),)


def fan_percent(fan: int) -> tuple[NvmlCall[float], ...]:
    """Percent of the noise-tolerant maximum; old drivers know the first fan only."""
    indexed = _call("nvmlDeviceGetFanSpeed_v2", _number, fan)
    return (indexed, _call("nvmlDeviceGetFanSpeed", _number)) if fan == 0 else (indexed,)


def fan_rpm(fan: int) -> tuple[NvmlCall[float], ...]:
    """Revolutions per minute."""
    return (NvmlCall("nvmlDeviceGetFanSpeedRPM", lambda nvml, card: _read_fan_rpm(nvml, card, fan), fan),)
