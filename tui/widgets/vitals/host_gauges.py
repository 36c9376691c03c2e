"""The computer as lines of text: processor, memory, temperature, fan, battery. Missing sensors are left out."""

from __future__ import annotations

from collections.abc import Sequence

from babytrain.runs.events import HostReading, Vitals
from babytrain.runs.formatting import format_bytes, format_bytes_of, format_count, format_percent, format_watts
from babytrain.tui.charts.canvas import ChartCharset
from babytrain.tui.charts.sparkline import sparkline
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.text.styled_lines import LinePart, StyledLine, fit_parts, labelled_part, line_part
from babytrain.tui.widgets.vitals.gauge_lines import Gauge, gauge_lines, heat_part, heat_style

_SWAP_WORTH_A_WORD = 64 * 2**20
_DISK_LOW_BYTES = 5 * 2**30
_DISK_LOW_SHARE = 0.03
# By the name of the line: the quantities whose absence it explains, in present and in older journals.
_REASONS = {"temp": ("temperature_celsius", "temperature"), "fan": ("fan_rpm", "fan"), "watts": ("processor_watts",)}


def host_full_lines(
    vitals: Sequence[Vitals], width: int, charset: ChartCharset, *, detail: bool = False
) -> list[StyledLine]:
    """A line with a history for each sensor; with `detail` also why sensors are missing, and all other sensors."""
    now = vitals[-1].host
    gauges: list[Gauge] = []

    def add(
        name: str, field: str, *parts: LinePart, low: float = 0.0, high: float | None = None, style: str = "load"
    ) -> None:
        if getattr(now, field) is not None:
            history = tuple(getattr(reading.host, field) for reading in vitals)
            gauges.append(Gauge(name, parts, history, low, high, style))

    add("cpu", "cpu_percent", line_part(format_percent(now.cpu_percent)), high=100.0)
    if len(now.core_percents) > 1:
        bars = _core_bars(now.core_percents, max(1, width - 6 - 5), charset.name)
        gauges.append(Gauge("cores", (line_part(bars, "load"), line_part(f"{len(now.core_percents)}", "label", 1))))
    memory = line_part(format_bytes_of(now.memory_used_bytes, now.memory_total_bytes))
    add("ram", "memory_used_bytes", memory, high=now.memory_total_bytes, style="memory")
    if (now.swap_used_bytes or 0) >= _SWAP_WORTH_A_WORD or (detail and now.swap_total_bytes):
        swap = line_part(format_bytes_of(now.swap_used_bytes, now.swap_total_bytes))
        add("swap", "swap_used_bytes", swap, high=now.swap_total_bytes, style="memory")
    own = line_part(format_bytes(now.process_memory_bytes))
    add("mine", "process_memory_bytes", own, line_part("this program", "label", 1), style="memory")
    heat = now.temperature_celsius
    add("temp", "temperature_celsius", heat_part(heat or 0.0, 0), low=20.0, high=100.0, style=heat_style(heat))
    add("fan", "fan_rpm", line_part(f"{format_count(now.fan_rpm)} rpm"), style="fan")
    watts = line_part(format_watts(now.processor_watts))
    add("watts", "processor_watts", watts, line_part("processor", "label", 1), style="power")
    if now.battery_percent is not None:
        gauges.append(Gauge("power", tuple(_battery_parts(now, 0, named=False))))
    if now.disk_free_bytes is not None and (is_disk_low(now) or detail):
        style = "heat-hot" if is_disk_low(now) else ""
        free = line_part(f"{format_bytes(now.disk_free_bytes)} free", style)
        gauges.append(Gauge("disk", (free, line_part(f"of {format_bytes(now.disk_total_bytes)}", "label", 1))))
    if detail:
        gauges += _details(now)
    return gauge_lines(gauges, width, charset.name)


def _details(now: HostReading) -> list[Gauge]:
    gauges = []
    heats = [
        f"{name} {celsius:.0f}°"
        for name, celsius in sorted(now.temperatures_celsius.items(), key=lambda sensor: -sensor[1])
    ]
    fans = [f"{name} {format_count(rpm)}" for name, rpm in now.fans_rpm.items()]
    for label, readings in (("temps", heats), ("fans", fans)):
        if len(readings) > 1:
            gauges.append(Gauge(label, tuple(line_part(text, "label", rank) for rank, text in enumerate(readings))))
    for name, keys in _REASONS.items():
        reason = next((now.missing[key] for key in keys if key in now.missing), "")
        if reason and all(getattr(now, key, None) is None for key in keys):
            gauges.append(Gauge(name, (line_part(reason, "label"),)))
    return gauges


def is_disk_low(now: HostReading) -> bool:
    """Whether a checkpoint may soon not fit on the disk."""
    free, total = now.disk_free_bytes, now.disk_total_bytes
    return free is not None and (free < _DISK_LOW_BYTES or (total is not None and free < _DISK_LOW_SHARE * total))


def host_compact_lines(now: HostReading, width: int, charset: ChartCharset) -> list[StyledLine]:
    """The computer in two lines."""
    first, second = [], []
    if now.cpu_percent is not None:
        first.append(labelled_part("cpu", format_percent(now.cpu_percent), 0))
    if len(now.core_percents) > 1:
        first.append(line_part(_core_bars(now.core_percents, 16, charset.name), "load", 2))
    if now.memory_used_bytes is not None:
        first.append(labelled_part("ram", format_bytes_of(now.memory_used_bytes, now.memory_total_bytes), 1))
    second += watts_and_fan_parts(now)
    if now.temperature_celsius is not None:
        second.append(heat_part(now.temperature_celsius, 1))
    if now.process_memory_bytes is not None:
        second.append(labelled_part("mine", format_bytes(now.process_memory_bytes), 2))
    if now.battery_percent is not None:
        second.extend(_battery_parts(now, 3))
    if is_disk_low(now):
        first.append(line_part(f"disk {format_bytes(now.disk_free_bytes)} free", "heat-hot", 1))
    return [fit_parts(parts, width) for parts in (first, second) if parts]


def watts_and_fan_parts(now: HostReading) -> list[LinePart]:
    """Power of the processor and speed of its fan, the last to be left out."""
    parts = []
    if now.processor_watts is not None:
        parts.append(line_part(format_watts(now.processor_watts)))
    if now.fan_rpm is not None:
        parts.append(labelled_part("fan", f"{format_count(now.fan_rpm)} rpm"))
    return parts


def host_row_line(now: HostReading, width: int) -> StyledLine:
    """The computer in one line; empty without sensors."""
    parts = watts_and_fan_parts(now)
    if now.cpu_percent is not None:
        parts.append(labelled_part("cpu", format_percent(now.cpu_percent), 1))
    if now.memory_used_bytes is not None:
        parts.append(labelled_part("ram", format_bytes_of(now.memory_used_bytes, now.memory_total_bytes), 2))
    if now.temperature_celsius is not None:
        parts.append(heat_part(now.temperature_celsius, 1))
    if now.battery_percent is not None:
        parts.append(labelled_part("battery", format_percent(now.battery_percent), 3))
    return fit_parts(parts, width)


def _battery_parts(now: HostReading, rank: int, *, named: bool = True) -> list[LinePart]:
    percent = format_percent(now.battery_percent)
    parts = [
        labelled_part("battery", percent, rank) if now.plugged_in is None or named else line_part(percent, "", rank)
    ]
    if now.battery_watts is not None:
        parts.append(line_part(format_watts(now.battery_watts), "", rank + 2))
    if now.plugged_in is not None:
        state = ("plugged in", "label") if now.plugged_in else ("on battery", "heat-warm")
        parts.append(line_part(*state, rank + 1))
    return parts


def _core_bars(percents: Sequence[float], most: int, charset: CharsetName) -> str:
    """One bar per core; with more cores than columns, one per group of neighbours."""
    group = -(-len(percents) // most)
    means = [sum(part) / len(part) for at in range(0, len(percents), group) if (part := percents[at : at + group])]
    return sparkline(means, len(means), 0.0, 100.0, charset)
