"""NVIDIA's cards as readings, through NVML.

Choices:

- Names, limits and thresholds are queried once. Nothing is ever set.
- Fan percent is of the noise-tolerant maximum and may exceed 100; percent and RPM are the driver's targets, so a
  blocked fan still reads normal (nvml.h).
- From Ada on, NVML has a margin to the slowdown threshold (`nvmlDeviceGetMarginTemperature`) in place of the threshold;
  temperature plus margin is shown then.
- A card with MIG instances reports power, temperature and memory of the whole card, and no utilization.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from babytrain.engine.telemetry import nvml_calls
from babytrain.engine.telemetry.gpu_backend import (
    NO_FAN,
    GpuBackend,
    MissingValue,
    NoGpu,
    fan_quantities,
    gpu_reading,
    value_or,
)
from babytrain.engine.telemetry.nvml_queries import (
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_NOT_FOUND,
    NO_PERMISSION,
    NO_VALUE,
    NOT_SUPPORTED,
    CardFields,
    NvmlCall,
    NvmlQueries,
    ThrottledSeconds,
)
from babytrain.runs.events import GpuReading

T = TypeVar("T")

NO_DRIVER = "no NVIDIA driver here"
NO_CARD = "the NVIDIA driver is here, but it sees no card"
NO_BINDING = "the package nvidia-ml-py is missing, so no card can be read: pip install nvidia-ml-py"
MIG_UTILIZATION_REASON = "cut into instances (MIG), which do not report it"
_OPENING_SENTENCES = {
    LIBRARY_NOT_FOUND: NO_DRIVER,
    DRIVER_NOT_LOADED: "the NVIDIA driver is installed but not loaded: restart the computer, or `sudo modprobe nvidia`",
    LIB_RM_VERSION_MISMATCH: "the NVIDIA driver was updated while it was running: restart the computer",
    NO_PERMISSION: "this user may not talk to the NVIDIA driver: ask for access to /dev/nvidia*",
    FUNCTION_NOT_FOUND: "the NVIDIA driver is too old to be asked: update it",
}
_MOST_INSTANCES = 16  # twice the maximum of any card
_SLOWED = tuple(field for fields in nvml_calls.SLOWED_FIELDS.values() for field in fields)


def open_gpu_backend() -> GpuBackend:
    """NVML when it works, else a `NoGpu` that says why. May take seconds, or hang with the driver; never raises."""
    try:
        import pynvml
    except ImportError:
        return NoGpu(NO_BINDING)
    queries = NvmlQueries(pynvml)
    opened = queries.query(nvml_calls.INIT)
    if isinstance(opened, MissingValue):
        fallback = f"the NVIDIA driver does not start: {opened.reason}"
        return NoGpu(fallback if opened.code is None else _OPENING_SENTENCES.get(opened.code, fallback))
    count = queries.query(nvml_calls.CARD_COUNT)
    if isinstance(count, MissingValue) or count == 0:
        queries.query(nvml_calls.SHUTDOWN)
        return NoGpu(
            f"the NVIDIA driver counts no cards: {count.reason}" if isinstance(count, MissingValue) else NO_CARD
        )
    return NvmlBackend(queries, count)


class NvmlBackend(GpuBackend):
    """The `count` cards of an initialised NVML. `read` never raises; a lost card does not stop the others.

    `costs` are those since the first reading, which also queries constants.
    """

    def __init__(self, queries: NvmlQueries, count: int) -> None:
        super().__init__(costs=queries.costs)
        self.count = count
        self._queries = queries
        self._cards = [_Card(queries, index) for index in range(count)]
        self._closed = False
        self._was_read = False

    def instances(self, index: int) -> tuple[str, ...]:
        """The UUIDs of the MIG instances that card `index` had at its first reading."""
        return self._cards[index].instances if 0 <= index < self.count else ()

    def read(self) -> tuple[GpuReading, ...]:
        """A reading of every card, in the driver's order."""
        readings = tuple(card.read() for card in self._cards)
        if not self._was_read:
            self._was_read = True
            self.costs.forget()
        return readings

    def close(self) -> None:
        """Shut NVML down; it counts its users."""
        if not self._closed:
            self._closed = True
            self._queries.query(nvml_calls.SHUTDOWN)


class _Card:
    def __init__(self, queries: NvmlQueries, index: int) -> None:
        self._queries = queries
        self._index = index
        self._handle: Any = None
        self._name = f"card {index}"
        self._uuid = ""
        self._fan_count: int | None = None
        self._known: dict[str, float] = {}
        self._fields = CardFields(queries, index, (nvml_calls.MEMORY_TEMPERATURE_FIELD, *_SLOWED))
        self._throttled = ThrottledSeconds(nvml_calls.SLOWED_FIELDS)
        self._shared = False
        self.instances: tuple[str, ...] = ()

    def read(self) -> GpuReading:
        unreachable = self._reach()
        quantities = {"card": unreachable} if unreachable else self._quantities()
        lost = self._queries.lost(self._index)
        if lost is not None:  # possibly during the reading: a partial one would mislead
            quantities = {"card": MissingValue(f"GPU lost: {lost.reason}")}
        return gpu_reading(self._index, self._name, self._uuid, **quantities)

    def _reach(self) -> MissingValue | None:
        """Get the handle, the name and the UUID once; the reason while the card cannot be reached."""
        if self._handle is None:
            handle = self._queries.query(nvml_calls.handle_of(self._index), self._index)
            if isinstance(handle, MissingValue):
                return handle
            self._handle = handle
            self._name = value_or(self._ask(nvml_calls.CARD_NAME), self._name)
            self._uuid = value_or(self._ask(nvml_calls.CARD_UUID), "")
            self._shared = value_or(self._ask(nvml_calls.MIG_MODE), False)
            self.instances = self._list_instances() if self._shared else ()
        return None

    def _list_instances(self) -> tuple[str, ...]:
        most = value_or(self._ask(nvml_calls.MIG_INSTANCE_LIMIT), 0)
        found = [self._ask(nvml_calls.mig_instance_uuid(number)) for number in range(min(most, _MOST_INSTANCES))]
        return tuple(uuid for uuid in found if not isinstance(uuid, MissingValue))

    def _quantities(self) -> dict[str, Any]:
        memory = self._ask(nvml_calls.MEMORY)
        used, total = (memory, memory) if isinstance(memory, MissingValue) else memory
        temperature = self._ask(nvml_calls.TEMPERATURE)
        utilization = self._ask(nvml_calls.UTILIZATION)
        if self._shared and isinstance(utilization, MissingValue):
            utilization = MissingValue(MIG_UTILIZATION_REASON)
        throttling = self._ask(nvml_calls.THROTTLE)
        return {
            "memory_used_bytes": used,
            "memory_total_bytes": total,
            "temperature_celsius": temperature,
            "utilization_percent": utilization,
            **self._read_fields(),
            "slowdown_celsius": self._slowdown(temperature),
            **self._fans(),
            "power_watts": self._ask(nvml_calls.POWER),
            "power_limit_watts": self._ask_once("power limit", nvml_calls.POWER_LIMIT),
            "clock_mhz": self._ask(nvml_calls.CLOCK),
            "throttle_reasons": (
                throttling if isinstance(throttling, MissingValue) else nvml_calls.describe_throttling(throttling)
            ),
            "highest_clock_mhz": self._ask_once("highest clock", nvml_calls.HIGHEST_CLOCK),
            "energy_joules": self._ask(nvml_calls.ENERGY),
            "shared": self._shared,
        }

    def _read_fields(self) -> dict[str, Any]:
        values = self._fields.read(self._handle)
        celsius = values[nvml_calls.MEMORY_TEMPERATURE_FIELD]
        if not isinstance(celsius, MissingValue) and celsius <= 0:  # what a card without that sensor may answer
            celsius = NO_VALUE
        nanoseconds = {field: value for field in _SLOWED if not isinstance(value := values[field], MissingValue)}
        seconds = self._throttled.update(nanoseconds)
        return {"memory_temperature_celsius": celsius, "throttled_seconds": seconds or values[_SLOWED[0]]}

    def _slowdown(self, temperature: float | MissingValue) -> float | MissingValue:
        threshold = self._ask_once("slowdown", nvml_calls.SLOWDOWN)
        if not isinstance(threshold, MissingValue) or isinstance(temperature, MissingValue):
            return threshold
        margin = self._ask(nvml_calls.SLOWDOWN_MARGIN)
        return threshold if isinstance(margin, MissingValue) else temperature + margin

    def _fans(self) -> dict[str, Any]:
        count = self._count_fans() if self._fan_count is None else self._fan_count
        if isinstance(count, MissingValue):
            return {"fans": count}
        self._fan_count = count
        fans = [(self._ask(nvml_calls.fan_percent(fan)), self._ask(nvml_calls.fan_rpm(fan))) for fan in range(count)]
        if not fans:
            return {"fans": MissingValue(NO_FAN)}
        silent = all(isinstance(value, MissingValue) for fan in fans for value in fan)
        return {"fans": fans[-1][0]} if silent else fan_quantities(fans)

    def _count_fans(self) -> int | MissingValue:
        """The number of fans; a MissingValue when it must be queried again."""
        count = self._ask(nvml_calls.FAN_COUNT)
        if isinstance(count, MissingValue):
            # A driver too old to count fans may still know the first.
            return {NOT_SUPPORTED: 0, FUNCTION_NOT_FOUND: 1}.get(count.code or 0, count)
        return count

    def _ask(self, alternatives: Sequence[NvmlCall[T]]) -> T | MissingValue:
        return self._queries.query(alternatives, self._index, self._handle)

    def _ask_once(self, quantity: str, alternatives: Sequence[NvmlCall[float]]) -> float | MissingValue:
        """A constant; queried again while it is missing, unless the refusal was final."""
        if quantity not in self._known:
            value = self._ask(alternatives)
            if isinstance(value, MissingValue):
                return value
            self._known[quantity] = value
        return self._known[quantity]
