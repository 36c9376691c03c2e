"""What can be felt on this machine: graphics cards, the host's own sensors, and the processor's energy counter."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from babytrain.engine.doctor.check_result import CheckResult
from babytrain.engine.telemetry.gpu_discovery import open_cards
from babytrain.engine.telemetry.gpu_thread import GpuPoll, GpuThread
from babytrain.engine.telemetry.host import HostSensors
from babytrain.engine.telemetry.nvml_cards import NO_DRIVER, GpuBackend
from babytrain.engine.telemetry.processor_and_battery_power import (
    POWERCAP,
    find_rapl_packages,
    rapl_access_command,
    rapl_lasting_access_command,
)
from babytrain.engine.telemetry.sampler import EXPENSIVE_POLL_SECONDS
from babytrain.runs.events import GpuReading, HostReading

DRIVER_SECONDS = 5.0
_GIB = 1024**3
_LOOKS = 3  # the first asks what is asked once, the others cost what a look costs


def check_gpus(
    open_gpu: Callable[[], GpuBackend] = open_cards, timeout: float = DRIVER_SECONDS
) -> tuple[int, list[CheckResult]]:
    """How many NVIDIA cards there are, and what is known about drivers and cards. Waits at most `timeout` seconds."""
    answer = _look(open_gpu, timeout)
    if answer is None:
        what = f"the graphics driver has not answered in {timeout:g} s"
        why = "Training on the processor works without it; a restart of the computer usually wakes the driver."
        return 0, [CheckResult("nvml", False, what, why)]
    if not answer.gpus:
        harmless = answer.note.startswith(NO_DRIVER)
        why = "Nothing to do without a card." if harmless else "The sentence says what to do; cards stay unread."
        return 0, [CheckResult("nvml", None if harmless else False, answer.note, why)]
    nvidia = sum(reading.uuid.startswith("GPU-") or not reading.uuid for reading in answer.gpus)
    if answer.note:
        first = CheckResult("nvml", False, answer.note, "The sentence says what to do; other cards are read meanwhile.")
    elif nvidia:
        binding = f"nvidia-ml-py {metadata.version('nvidia-ml-py')}"
        first = CheckResult("nvml", True, f"the NVIDIA driver answers {binding}: {nvidia} card(s)", "Nothing to do.")
    else:
        first = CheckResult(
            "nvml", None, f"no NVIDIA card here, but {len(answer.gpus)} other card(s)", "Nothing to do."
        )
    return nvidia, [first, *(describe_card(reading) for reading in answer.gpus), describe_cost(answer)]


def _look(open_gpu: Callable[[], GpuBackend], timeout: float) -> GpuPoll | None:
    """The last of a few looks; None when the driver does not answer."""
    thread = GpuThread(open_gpu)
    thread.start()
    answer: GpuPoll | None = None
    for _ in range(_LOOKS):
        thread.ask()
        answer = thread.take(timeout)
        if answer is None or not answer.gpus:
            break
    thread.request_stop()
    return answer


def describe_cost(answer: GpuPoll) -> CheckResult:
    """What one look at every card costs; too much is no fault, because the sensors then come less often."""
    what = f"a look at every card takes {answer.mean_seconds * 1e3:.1f} ms"
    if answer.slowest_call is not None:
        what += (
            f"; its dearest call is {answer.slowest_call.function} ({answer.slowest_call.slowest_seconds * 1e3:.1f} ms)"
        )
    dear = answer.mean_seconds > EXPENSIVE_POLL_SECONDS
    why = "More than 50 ms, so the cards are asked less often than once a second." if dear else "Nothing to do."
    return CheckResult("cost", None if dear else True, what, why)


def describe_card(reading: GpuReading) -> CheckResult:
    """One card as a finding; what it does not tell stands in `why`."""
    facts = [reading.name]
    if reading.memory_total_bytes:
        facts.append(f"{reading.memory_total_bytes / _GIB:.1f} GiB")
    if reading.temperature_celsius is not None:
        limit = "" if reading.slowdown_celsius is None else f" (slows down at {reading.slowdown_celsius:.0f})"
        facts.append(f"{reading.temperature_celsius:.0f} °C{limit}")
    for number, fan in enumerate(reading.fans):
        percent = "" if fan.percent is None else f" {fan.percent:.0f}%"
        rpm = "" if fan.rpm is None else f" {fan.rpm:.0f} rpm"
        facts.append(f"fan {number}{percent}{rpm}")
    if reading.memory_temperature_celsius is not None:
        facts.append(f"memory at {reading.memory_temperature_celsius:.0f} °C")
    if reading.power_watts is not None:
        limit = "" if reading.power_limit_watts is None else f" of {reading.power_limit_watts:.0f}"
        facts.append(f"{reading.power_watts:.0f}{limit} W")
    if reading.shared:
        facts.append("cut into instances (MIG): heat, power and memory are of the whole card")
    if reading.throttle_reasons:
        facts.append("; ".join(reading.throttle_reasons))
    silent = [f"{name.replace('_', ' ')}: {reason}" for name, reason in reading.missing.items()]
    why = f"Not told: {'; '.join(silent)}." if silent else "Nothing to do."
    return CheckResult(f"card {reading.index}", "card" not in reading.missing, ", ".join(facts), why)


def check_host(sensors: HostSensors | None = None) -> list[CheckResult]:
    """The computer's own temperature, fan and battery; absent ones with their reason."""
    reading = (sensors or HostSensors()).read()
    quantities = {"temperature": "temperature_celsius", "fan": "fan_rpm", "battery": "battery_percent"}
    return [
        _host_finding(topic, _host_text(topic, reading), reading.missing.get(quantity, ""))
        for topic, quantity in quantities.items()
    ]


def _host_text(topic: str, reading: HostReading) -> str | None:
    if topic == "temperature" and reading.temperature_celsius is not None:
        return f"processor at {reading.temperature_celsius:.0f} °C"
    if topic == "fan" and reading.fan_rpm is not None:
        return f"fan at {reading.fan_rpm:.0f} rpm"
    if topic == "battery" and reading.battery_percent is not None:
        power = {True: ", plugged in", False: ", on battery", None: ""}[reading.plugged_in]
        gives = "" if reading.battery_watts is None else f", gives {reading.battery_watts:.1f} W"
        return f"battery at {reading.battery_percent:.0f}%{power}{gives}"
    return None


def _host_finding(topic: str, text: str | None, reason: str) -> CheckResult:
    if text is not None:
        return CheckResult(topic, True, text, "Nothing to do.")
    why = {
        "temperature": "Normal in a virtual machine and on macOS; on a real Linux machine try: sudo sensors-detect",
        "fan": "Normal in a virtual machine, on macOS and on many laptops; its space on the screen stays empty.",
        "battery": "Normal for anything that is not a laptop.",
    }[topic]
    return CheckResult(topic, None, f"no {topic} to read: {reason}", why)


def check_energy_counter(powercap: Path = POWERCAP) -> CheckResult:
    """Whether the processor's energy counter (RAPL) can be read, or the commands that make it readable."""
    counters = [zone / "energy_uj" for zone in find_rapl_packages(powercap)]
    if not counters:
        why = "Normal in a virtual machine, and anywhere but Linux on x86: the processor's energy stays unknown."
        return CheckResult("energy", None, "no energy counter (RAPL) of the processor", why)
    if all(_is_readable(counter) for counter in counters):
        return CheckResult(
            "energy", True, f"energy counter (RAPL) readable: {len(counters)} package(s)", "Nothing to do."
        )
    why = (
        f"To open it until the next restart: {rapl_access_command(powercap)} "
        f"- to open it for good, on a system with systemd: {rapl_lasting_access_command(powercap)} "
        "(closed since CVE-2020-8694: programs can learn from it what other programs do)."
    )
    return CheckResult("energy", None, "the processor's energy counter (RAPL) is there but closed to this user", why)


def _is_readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
