"""Graphics cards as readings: NVIDIA's through NVML, or one calm sentence about why there is none to read.

Choices:

- Names, limits and thresholds are asked once; what changes is asked every round. Nothing is ever set.
- Fan percent is of the noise-tolerant maximum and may pass 100; percent and RPM are what the driver intends, so a
  blocked fan still reads normal (nvml.h).
- From Ada on, NVML moves from a slowdown threshold to a margin that counts down to it
  (`nvmlDeviceGetMarginTemperature`, "distance to nearest slowdown threshold"); temperature plus margin is shown then.
- NVML ignores CUDA_VISIBLE_DEVICES: every card of the machine is read, and carries its UUID.
- A card cut into instances (MIG) tells power, heat and memory of the whole card, and no utilisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from babytrain.engine.telemetry import nvml_calls
from babytrain.engine.telemetry.nvml_queries import (
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_NOT_FOUND,
    NO_PERMISSION,
    NO_VALUE,
    NOT_SUPPORTED,
    CallCost,
    CardFields,
    MissingValue,
    NvmlCall,
    NvmlQueries,
    ThrottledSeconds,
)
from babytrain.runs.events import Fan, GpuReading

T = TypeVar("T")

NO_DRIVER = "no NVIDIA driver here, so no fan to listen to"
NO_CARD = "the NVIDIA driver is here, but it sees no card"
NO_BINDING = "the package nvidia-ml-py is missing, so no card can be read: pip install nvidia-ml-py"
NO_FAN = "no fan of its own"
MIG_UTILIZATION_REASON = "cut into instances (MIG), which do not report it"
_OPENING_SENTENCES = {
    LIBRARY_NOT_FOUND: NO_DRIVER,
    DRIVER_NOT_LOADED: "the NVIDIA driver is installed but not loaded: restart the computer, or `sudo modprobe nvidia`",
    LIB_RM_VERSION_MISMATCH: "the NVIDIA driver was updated while it was running: restart the computer",
    NO_PERMISSION: "this user may not talk to the NVIDIA driver: ask for access to /dev/nvidia*",
    FUNCTION_NOT_FOUND: "the NVIDIA driver is too old to be asked: update it",
}
_MOST_INSTANCES = 16  # twice what any card can be cut into
_SLOWED = tuple(field for fields in nvml_calls.SLOWED_FIELDS.values() for field in fields)


class GpuBackend(Protocol):
    """Whatever can be asked about graphics cards. Every method may block: call it away from screen and training."""

    @property
    def note(self) -> str:
        """One calm sentence when there is nothing to read, else empty."""

    def read(self) -> tuple[GpuReading, ...]:
        """One look at every card."""

    def close(self) -> None:
        """Let go of the driver."""


class NoGpu:
    """No card to read, and why."""

    def __init__(self, note: str) -> None:
        self.note = note

    def read(self) -> tuple[GpuReading, ...]:
        """Nothing, calmly."""
        return ()

    def close(self) -> None:
        """Nothing to let go of."""


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


class NvmlBackend:
    """The `count` cards of an initialised NVML. `read` raises nothing; a lost card does not stop the others."""

    note = ""

    def __init__(self, queries: NvmlQueries, count: int) -> None:
        self._queries = queries
        self._cards = [_Card(queries, index) for index in range(count)]
        self._closed = False
        self._opened = False

    @property
    def count(self) -> int:
        """How many cards the driver counted."""
        return len(self._cards)

    @property
    def slowest_call(self) -> CallCost | None:
        """The call that has taken longest since the first look, which also asks what is asked once."""
        return self._queries.slowest_call

    @property
    def calls_made(self) -> int:
        """How many calls of the driver there have been."""
        return self._queries.calls_made

    def instances(self, index: int) -> tuple[str, ...]:
        """The UUIDs of the instances (MIG) card `index` was cut into when it was first looked at."""
        return self._cards[index].instances if 0 <= index < len(self._cards) else ()

    def read(self) -> tuple[GpuReading, ...]:
        """One look at every card, in the driver's order."""
        readings = tuple(card.read() for card in self._cards)
        if not self._opened:
            self._opened = True
            self._queries.forget_costs()
        return readings

    def close(self) -> None:
        """Shut NVML down (it counts its users, so nobody else is cut off)."""
        if not self._closed:
            self._closed = True
            self._queries.query(nvml_calls.SHUTDOWN)


class _Card:
    """One card: its handle, and what is known about it for good."""

    def __init__(self, queries: NvmlQueries, index: int) -> None:
        self._queries = queries
        self._index = index
        self._handle: Any = None
        self._name = f"card {index}"
        self._uuid = ""
        self._fan_count: int | None = None
        self._known: dict[str, Any] = {}
        self._fields = CardFields(queries, index, (nvml_calls.MEMORY_TEMPERATURE_FIELD, *_SLOWED))
        self._slowed = ThrottledSeconds(nvml_calls.SLOWED_FIELDS)
        self._shared = False
        self.instances: tuple[str, ...] = ()

    def read(self) -> GpuReading:
        missing: dict[str, str] = {}
        reading = self._look(missing) if self._reach(missing) else None
        lost = self._queries.lost(self._index)
        if lost is not None:  # possibly in the middle of the look: half a reading would mislead
            missing = {"card": f"GPU lost: {lost.reason}"}
            reading = None
        return reading or GpuReading(index=self._index, name=self._name, uuid=self._uuid, missing=missing)

    def _reach(self, missing: dict[str, str]) -> bool:
        """Get the handle, the name and the UUID once; False while the card cannot be reached."""
        if self._handle is None:
            handle = self._queries.query(nvml_calls.handle_of(self._index), self._index)
            if isinstance(handle, MissingValue):
                missing["card"] = handle.reason
                return False
            self._handle = handle
            self._name = self._ask("name", nvml_calls.CARD_NAME, {}) or self._name
            self._uuid = self._ask("uuid", nvml_calls.CARD_UUID, {}) or ""
            self._shared = self._ask("shared", nvml_calls.MIG_MODE, {}) or False
            self.instances = self._list_instances() if self._shared else ()
        return True

    def _list_instances(self) -> tuple[str, ...]:
        most = self._ask("instances", nvml_calls.MIG_INSTANCE_LIMIT, {}) or 0
        found = [
            self._queries.query(nvml_calls.mig_instance_uuid(number), self._index, self._handle)
            for number in range(min(most, _MOST_INSTANCES))
        ]
        return tuple(uuid for uuid in found if not isinstance(uuid, MissingValue))

    def _look(self, missing: dict[str, str]) -> GpuReading:
        memory = self._ask("memory_used_bytes", nvml_calls.MEMORY, missing)
        if memory is None:
            missing["memory_total_bytes"] = missing["memory_used_bytes"]
        temperature = self._ask("temperature_celsius", nvml_calls.TEMPERATURE, missing)
        utilization = self._ask("utilization_percent", nvml_calls.UTILIZATION, missing)
        if utilization is None and self._shared:
            missing["utilization_percent"] = MIG_UTILIZATION_REASON
        memory_temperature, throttled_seconds = self._read_fields(missing)
        return GpuReading(
            index=self._index,
            name=self._name,
            uuid=self._uuid,
            utilization_percent=utilization,
            memory_used_bytes=memory[0] if memory else None,
            memory_total_bytes=memory[1] if memory else None,
            temperature_celsius=temperature,
            slowdown_celsius=self._slowdown(temperature, missing),
            fans=self._fans(missing),
            power_watts=self._ask("power_watts", nvml_calls.POWER, missing),
            power_limit_watts=self._ask_once("power_limit_watts", nvml_calls.POWER_LIMIT, missing),
            clock_mhz=self._ask("clock_mhz", nvml_calls.CLOCK, missing),
            throttle_reasons=nvml_calls.describe_throttling(
                self._ask("throttle_reasons", nvml_calls.THROTTLE, missing) or 0
            ),
            memory_temperature_celsius=memory_temperature,
            highest_clock_mhz=self._ask_once("highest_clock_mhz", nvml_calls.HIGHEST_CLOCK, missing),
            energy_joules=self._ask("energy_joules", nvml_calls.ENERGY, missing),
            throttled_seconds=throttled_seconds,
            shared=self._shared,
            missing=missing,
        )

    def _read_fields(self, missing: dict[str, str]) -> tuple[float | None, dict[str, float]]:
        """The memory's temperature, and the seconds slowed down by reason."""
        values = self._fields.read(self._handle)
        celsius = values[nvml_calls.MEMORY_TEMPERATURE_FIELD]
        if not isinstance(celsius, MissingValue) and celsius <= 0:  # what a card without that sensor may answer
            celsius = NO_VALUE
        if isinstance(celsius, MissingValue):
            missing["memory_temperature_celsius"] = celsius.reason
        nanoseconds = {field: value for field in _SLOWED if not isinstance(value := values[field], MissingValue)}
        refusals = [value for field in _SLOWED if isinstance(value := values[field], MissingValue)]
        if not nanoseconds:
            missing["throttled_seconds"] = refusals[0].reason
        return None if isinstance(celsius, MissingValue) else celsius, self._slowed.look(nanoseconds)

    def _slowdown(self, temperature: float | None, missing: dict[str, str]) -> float | None:
        threshold = self._ask_once("slowdown_celsius", nvml_calls.SLOWDOWN, missing)
        if threshold is not None or temperature is None:
            return threshold
        margin = self._ask("margin", nvml_calls.SLOWDOWN_MARGIN, {})
        if margin is None:
            return None
        del missing["slowdown_celsius"]
        return temperature + margin

    def _fans(self, missing: dict[str, str]) -> tuple[Fan, ...]:
        if self._fan_count is None:
            self._fan_count = self._count_fans(missing)
        if not self._fan_count:
            missing.setdefault("fans", NO_FAN)
            return ()
        fans = tuple(
            Fan(
                percent=self._ask("fan_percent", nvml_calls.fan_percent(fan), missing),
                rpm=self._ask("fan_rpm", nvml_calls.fan_rpm(fan), missing),
            )
            for fan in range(self._fan_count)
        )
        if any(fan != Fan() for fan in fans):
            return fans
        missing["fans"] = missing.pop("fan_percent")
        del missing["fan_rpm"]
        return ()

    def _count_fans(self, missing: dict[str, str]) -> int | None:
        """How many fans to ask about; None when that has to be asked again."""
        count = self._queries.query(nvml_calls.FAN_COUNT, self._index, self._handle)
        if not isinstance(count, MissingValue):
            return count
        if count.code == NOT_SUPPORTED:
            return 0
        if count.code == FUNCTION_NOT_FOUND:
            return 1  # a driver too old to count fans may still know the first
        missing["fans"] = count.reason
        return None

    def _ask(self, field: str, alternatives: Sequence[NvmlCall[T]], missing: dict[str, str]) -> T | None:
        answer = self._queries.query(alternatives, self._index, self._handle)
        if isinstance(answer, MissingValue):
            missing[field] = answer.reason
            return None
        return answer

    def _ask_once(self, field: str, alternatives: Sequence[NvmlCall[T]], missing: dict[str, str]) -> T | None:
        if field not in self._known:
            value = self._ask(field, alternatives, missing)
            if value is None:  # asked again next time, unless the answer was final
                return None
            self._known[field] = value
        known: T = self._known[field]
        return known
