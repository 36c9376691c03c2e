"""What can be felt on this machine: graphics cards, the host's own sensors, and the processor's energy counter."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from babytrain.engine.checks.finding import Finding
from babytrain.engine.telemetry.gpu import NO_DRIVER, GpuBackend, open_gpu_backend
from babytrain.engine.telemetry.gpu_thread import GpuThread
from babytrain.engine.telemetry.host import HostSensors
from babytrain.runs.events import GpuReading, HostReading

DRIVER_SECONDS = 5.0
_GIB = 1024**3


def check_gpus(
    open_gpu: Callable[[], GpuBackend] = open_gpu_backend, timeout: float = DRIVER_SECONDS
) -> tuple[int, list[Finding]]:
    """How many cards the driver counts, and what is known about driver and cards. Waits at most `timeout` seconds."""
    thread = GpuThread(open_gpu)
    thread.start()
    thread.ask()
    answer = thread.take(timeout)
    thread.request_stop()
    if answer is None:
        what = f"the graphics driver has not answered in {timeout:g} s"
        why = "Training on the processor works without it; a restart of the computer usually wakes the driver."
        return 0, [Finding("nvml", False, what, why)]
    if not answer.gpus:
        harmless = answer.note == NO_DRIVER
        why = (
            "Nothing to do without an NVIDIA card." if harmless else "The sentence says what to do; cards stay unread."
        )
        return 0, [Finding("nvml", None if harmless else False, answer.note, why)]
    binding = f"nvidia-ml-py {metadata.version('nvidia-ml-py')}"
    count = len(answer.gpus)
    first = Finding("nvml", True, f"the NVIDIA driver answers {binding}: {count} card(s)", "Nothing to do.")
    return count, [first, *(describe_card(reading) for reading in answer.gpus)]


def describe_card(reading: GpuReading) -> Finding:
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
    if reading.power_watts is not None:
        limit = "" if reading.power_limit_watts is None else f" of {reading.power_limit_watts:.0f}"
        facts.append(f"{reading.power_watts:.0f}{limit} W")
    if reading.throttle_reasons:
        facts.append("; ".join(reading.throttle_reasons))
    silent = [f"{name.replace('_', ' ')}: {reason}" for name, reason in reading.missing.items()]
    why = f"Not told: {'; '.join(silent)}." if silent else "Nothing to do."
    return Finding(f"card {reading.index}", "card" not in reading.missing, ", ".join(facts), why)


def check_host(sensors: HostSensors | None = None) -> list[Finding]:
    """The computer's own temperature, fan and battery; absent ones with their reason."""
    sensors = sensors or HostSensors()
    reading = sensors.read()
    return [
        _host_finding(topic, _host_text(topic, reading), sensors.missing.get(topic, ""))
        for topic in ("temperature", "fan", "battery")
    ]


def _host_text(topic: str, reading: HostReading) -> str | None:
    if topic == "temperature" and reading.temperature_celsius is not None:
        return f"processor at {reading.temperature_celsius:.0f} °C"
    if topic == "fan" and reading.fan_rpm is not None:
        return f"fan at {reading.fan_rpm:.0f} rpm"
    if topic == "battery" and reading.battery_percent is not None:
        power = {True: ", plugged in", False: ", on battery", None: ""}[reading.plugged_in]
        return f"battery at {reading.battery_percent:.0f}%{power}"
    return None


def _host_finding(topic: str, text: str | None, reason: str) -> Finding:
    if text is not None:
        return Finding(topic, True, text, "Nothing to do.")
    why = {
        "temperature": "Normal in a virtual machine and on macOS; on a real Linux machine try: sudo sensors-detect",
        "fan": "Normal in a virtual machine, on macOS and on many laptops; its space on the screen stays empty.",
        "battery": "Normal for anything that is not a laptop.",
    }[topic]
    return Finding(topic, None, f"no {topic} to read: {reason}", why)


def check_energy_counter(powercap: Path = Path("/sys/class/powercap")) -> Finding:
    """Whether the processor's energy counter (RAPL) can be read, or the command that makes it readable."""
    zones = sorted(zone / "energy_uj" for zone in powercap.glob("intel-rapl:*") if zone.name.count(":") == 1)
    zones = [counter for counter in zones if counter.exists()]
    if not zones:
        why = "Normal in a virtual machine, and anywhere but Linux on x86: the processor's energy stays unknown."
        return Finding("energy", None, "no energy counter (RAPL) of the processor", why)
    closed = [counter for counter in zones if not _is_readable(counter)]
    if not closed:
        return Finding("energy", True, f"energy counter (RAPL) readable: {len(zones)} package(s)", "Nothing to do.")
    why = (
        f"To open it until the next restart: sudo chmod a+r {' '.join(map(str, closed))} "
        "(closed since CVE-2020-8694: programs can learn from it what other programs do)."
    )
    return Finding("energy", None, "the processor's energy counter (RAPL) is there but closed to this user", why)


def _is_readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
