"""The machine of a run: sensor readings, energy, and what the power policy did."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from babytrain.runs.events.base import Event

PolicyCause: TypeAlias = Literal["quiet hours", "heat", "power", "battery", "lost card"]
PolicyOutcome: TypeAlias = Literal["paused", "slowed", "released", "overridden", "stopped"]
EnergyScope: TypeAlias = Literal["gpu", "processor", "computer"]
EnergyQuality: TypeAlias = Literal["counter", "polled", "estimated", "manual"]


class Fan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fan: percent of its noise-tolerant maximum (may pass 100) and revolutions per minute."""

    percent: float | None = None
    rpm: float | None = None


class GpuReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reading of one graphics card; `missing` has a reason for each quantity that is None."""

    index: int
    name: str
    uuid: str = ""
    utilization_percent: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_celsius: float | None = None
    slowdown_celsius: float | None = None
    fans: tuple[Fan, ...] = ()
    power_watts: float | None = None
    power_limit_watts: float | None = None
    clock_mhz: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    nickname: str = ""  # from the settings
    trains: bool = False  # the card this run trains on
    memory_temperature_celsius: float | None = None
    highest_clock_mhz: float | None = None
    energy_joules: float | None = None  # the card's own counter, of any origin
    throttled_seconds: dict[str, float] = msgspec.field(default_factory=dict)  # by reason, since the driver was loaded
    shared: bool = False  # cut into instances (MIG): power, heat and memory are of the whole card
    missing: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def fan_percent(self) -> float | None:
        """The highest percent of any fan; None when unknown."""
        return max((fan.percent for fan in self.fans if fan.percent is not None), default=None)


class HostReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reading of the computer itself; None where the system has no such sensor."""

    cpu_percent: float | None = None
    core_percents: tuple[float, ...] = ()
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    process_memory_bytes: int | None = None
    temperature_celsius: float | None = None
    fan_rpm: float | None = None
    battery_percent: float | None = None
    plugged_in: bool | None = None
    swap_used_bytes: int | None = None
    swap_total_bytes: int | None = None
    disk_free_bytes: int | None = None  # where the runs are kept
    disk_total_bytes: int | None = None
    temperatures_celsius: dict[str, float] = msgspec.field(default_factory=dict)  # every plausible sensor by name
    fans_rpm: dict[str, float] = msgspec.field(default_factory=dict)
    processor_watts: float | None = None  # of the processor packages (RAPL), over the last second or so
    processor_joules: float | None = None  # the same as a counter, of any origin
    battery_watts: float | None = None  # drawn from the battery; None on mains power
    missing: dict[str, str] = msgspec.field(default_factory=dict)  # why a quantity is None


class Vitals(Event, frozen=True, kw_only=True, tag="vitals"):
    """About once a second: the cards, the host, and a note when there is no card to read."""

    host: HostReading
    gpus: tuple[GpuReading, ...] = ()
    gpu_note: str = ""

    @property
    def training_gpu(self) -> GpuReading | None:
        """The card that trains; None where the processor trains, or it is not known which card does."""
        return next((gpu for gpu in self.gpus if gpu.trains), None)


class EnergySource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The energy of a run by one way of measuring, since the run started."""

    name: str  # "gpu 0", "processor", "battery", "wall meter"
    scope: EnergyScope
    quality: EnergyQuality
    joules: float
    measured_seconds: float
    unmeasured_seconds: float = 0.0  # gaps (sleep, silent sensor); never filled in
    counted: bool = True  # part of the total; the others cross-check a source that is


class Energy(Event, frozen=True, kw_only=True, tag="energy"):
    """The electricity of a run so far, over all its sessions."""

    joules: float  # the counted sources together, times the supply factor, less the idle draw
    idle_joules: float = 0.0  # taken off because the computer would have drawn it anyway
    watts: float | None = None  # now; None when nothing is measured
    money: float | None = None  # in the currency of the settings; None without a price
    measured_seconds: float = 0.0
    unmeasured_seconds: float = 0.0
    sources: tuple[EnergySource, ...] = ()


class PolicyEvent(Event, frozen=True, kw_only=True, tag="policy"):
    """The power policy paused, slowed or released the run. Never changes a result."""

    cause: PolicyCause
    action: PolicyOutcome
    text: str
    duty_cycle: float = 1.0  # share of the time it works from now on
