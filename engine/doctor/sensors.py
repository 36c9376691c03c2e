"""Checks of graphics cards, the computer's sensors, and the processor's energy counter."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from babytrain.engine.doctor.check_result import CheckResult
from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.engine.telemetry.gpu_discovery import open_cards
from babytrain.engine.telemetry.gpu_thread import GpuPoll, GpuThread
from babytrain.engine.telemetry.host import HostSensors
from babytrain.engine.telemetry.nvml_cards import NO_DRIVER
from babytrain.engine.telemetry.processor_and_battery_power import (
    POWERCAP,
    find_rapl_packages,
    rapl_access_command,
    rapl_lasting_access_command,
)
from babytrain.engine.telemetry.sampler import EXPENSIVE_POLL_SECONDS
from babytrain.runs.events import GpuReading, HostReading
from babytrain.runs.formatting import format_bytes, format_count, format_percent, format_seconds, format_watts
from babytrain.runs.state.throttling import current_reasons

DRIVER_SECONDS = 5.0
_GIB = 1024**3
_READINGS = 3  # the first also queries constants; the others have the usual cost
_WHY_ABSENT = {
    "temperature": "Normal in a virtual machine and on macOS; on a real Linux machine try: sudo sensors-detect",
    "fan": "Normal in a virtual machine, on macOS and on many laptops; its space on the screen stays empty.",
    "battery": "Normal for anything that is not a laptop.",
}


def check_gpus(
    open_gpu: Callable[[], GpuBackend] = open_cards, timeout: float = DRIVER_SECONDS
) -> tuple[int, list[CheckResult]]:
    """How many NVIDIA cards there are, and results on drivers and cards. Waits at most `timeout` seconds."""
    poll = _poll(open_gpu, timeout)
    if poll is None:
        what = f"the graphics driver has not answered in {timeout:g} s"
        why = "Training on the processor works without it; a restart of the computer usually wakes the driver."
        return 0, [CheckResult("NVIDIA", False, what, why)]
    if not poll.gpus:
        harmless = poll.note.startswith(NO_DRIVER)
        why = "Nothing to do without a card." if harmless else "The sentence says what to do; cards stay unread."
        return 0, [CheckResult("NVIDIA", None if harmless else False, poll.note, why)]
    nvidia = sum(reading.uuid.startswith("GPU-") or not reading.uuid for reading in poll.gpus)
    if poll.note:
        first = CheckResult("NVIDIA", False, poll.note, "The sentence says what to do; other cards are read meanwhile.")
    elif nvidia:
        binding = f"nvidia-ml-py {metadata.version('nvidia-ml-py')}"
        first = CheckResult("NVIDIA", True, f"the NVIDIA driver answers {binding}: {nvidia} card(s)")
    else:
        first = CheckResult("NVIDIA", None, f"no NVIDIA card here, but {len(poll.gpus)} other card(s)")
    return nvidia, [first, *(describe_card(reading) for reading in poll.gpus), describe_cost(poll)]


def _poll(open_gpu: Callable[[], GpuBackend], timeout: float) -> GpuPoll | None:
    thread = GpuThread(open_gpu)
    thread.start()
    poll: GpuPoll | None = None
    for _ in range(_READINGS):
        thread.ask()
        poll = thread.take(timeout)
        if poll is None or not poll.gpus:
            break
    thread.request_stop()
    return poll


def describe_cost(poll: GpuPoll) -> CheckResult:
    """The cost of one reading of every card; a high one is no fault, because readings then become rarer."""
    what = f"reading every card takes {format_seconds(poll.mean_seconds)}"
    if poll.slowest_call is not None:
        function, seconds = poll.slowest_call
        what += f"; its slowest call is {function} ({format_seconds(seconds)})"
    expensive = poll.mean_seconds > EXPENSIVE_POLL_SECONDS
    why = "More than 50 ms, so the cards are asked less often than once a second." if expensive else "Nothing to do."
    return CheckResult("cost", None if expensive else True, what, why)


def describe_card(reading: GpuReading) -> CheckResult:
    """A result on one card; what it does not report is in `why`."""
    facts = [reading.name]
    if reading.memory_total_bytes:
        facts.append(format_bytes(reading.memory_total_bytes))
    if reading.temperature_celsius is not None:
        limit = "" if reading.slowdown_celsius is None else f" (slows down at {reading.slowdown_celsius:.0f})"
        facts.append(f"{reading.temperature_celsius:.0f}°C{limit}")
    for number, fan in enumerate(reading.fans):
        percent = "" if fan.percent is None else f" {format_percent(fan.percent)}"
        rpm = "" if fan.rpm is None else f" {format_count(fan.rpm)} rpm"
        facts.append(f"fan {number}{percent}{rpm}")
    if reading.memory_temperature_celsius is not None:
        facts.append(f"memory at {reading.memory_temperature_celsius:.0f}°C")
    if reading.power_watts is not None:
        limit = "" if reading.power_limit_watts is None else f" of {format_watts(reading.power_limit_watts)}"
        facts.append(f"{format_watts(reading.power_watts)}{limit}")
    if reading.shared:
        facts.append("cut into instances (MIG): heat, power and memory are of the whole card")
    if reasons := current_reasons(reading):
        facts.append("; ".join(reasons))
    silent = [f"{name.replace('_', ' ')}: {reason}" for name, reason in reading.missing.items()]
    why = f"Not told: {'; '.join(silent)}." if silent else "Nothing to do."
    return CheckResult(f"card {reading.index}", "card" not in reading.missing, ", ".join(facts), why)


def check_host(sensors: HostSensors | None = None) -> list[CheckResult]:
    """The computer's temperature, fan and battery; a missing one with its reason."""
    reading = (sensors or HostSensors()).read()
    power = {True: ", plugged in", False: ", on battery", None: ""}[reading.plugged_in]
    gives = "" if reading.battery_watts is None else f", gives {format_watts(reading.battery_watts)}"
    return [
        _host_result("temperature", "processor at {:.0f}°C", "temperature_celsius", reading),
        _host_result("fan", "fan at {:,.0f} rpm", "fan_rpm", reading),
        _host_result("battery", f"battery at {{:.0f}}%{power}{gives}", "battery_percent", reading),
    ]


def _host_result(topic: str, template: str, quantity: str, reading: HostReading) -> CheckResult:
    value = getattr(reading, quantity)
    if value is not None:
        return CheckResult(topic, True, template.format(value))
    return CheckResult(topic, None, f"no {topic} to read: {reading.missing.get(quantity, '')}", _WHY_ABSENT[topic])


def check_energy_counter(powercap: Path = POWERCAP) -> CheckResult:
    """Whether the processor's energy counter (RAPL) can be read, or the commands that make it readable."""
    counters = [zone / "energy_uj" for zone in find_rapl_packages(powercap)]
    if not counters:
        why = "Normal in a virtual machine, and anywhere but Linux on x86: the processor's energy stays unknown."
        return CheckResult("energy", None, "no energy counter (RAPL) of the processor", why)
    try:
        for counter in counters:
            counter.read_bytes()
    except OSError:
        pass
    else:
        return CheckResult("energy", True, f"energy counter (RAPL) readable: {len(counters)} package(s)")
    why = (
        f"To open it until the next restart: {rapl_access_command(powercap)} "
        f"- to open it for good, on a system with systemd: {rapl_lasting_access_command(powercap)} "
        "(closed since CVE-2020-8694: programs can learn from it what other programs do)."
    )
    return CheckResult("energy", None, "the processor's energy counter (RAPL) is there but closed to this user", why)
