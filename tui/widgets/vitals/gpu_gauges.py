"""One or many graphics cards as lines of text, from everything about each to one line about all. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from babytrain.runs.events import Fan, GpuReading, Vitals
from babytrain.runs.state.throttling import is_expected_reason, short_reason
from babytrain.tui.charts.canvas import ChartCharset
from babytrain.tui.text.formatting import format_bytes_of, format_count, format_percent, format_seconds
from babytrain.tui.text.styled_lines import LinePart, StyledLine, fit_parts, replace_unprintable, shorten_to_columns
from babytrain.tui.widgets.vitals.gauge_lines import (
    Gauge,
    gauge_lines,
    heat_level,
    line_part,
    missing_value_parts,
    wrapped_words,
)

# Where memory of cards that tell its temperature begins to slow down (GDDR6X 110, HBM 95 to 105).
_MEMORY_SLOWDOWN_CELSIUS = 105.0
_MOST_LINES_OF_LOSS = 3


@dataclass(frozen=True)
class GpuHistory:
    """A card's newest reading and the ones before it, oldest first; None where the card was not read.

    `slowed` are the seconds for which each reason has lowered its clock since the run began.
    """

    now: GpuReading
    past: tuple[GpuReading | None, ...]
    slowed: Mapping[str, float] = field(default_factory=dict)

    def of(self, quantity: Callable[[GpuReading], float | None]) -> tuple[float | None, ...]:
        """One quantity over time."""
        return tuple(None if reading is None else quantity(reading) for reading in self.past)


def gpu_histories(
    vitals: Sequence[Vitals], slowed: Mapping[int, Mapping[str, float]] | None = None
) -> list[GpuHistory]:
    """The cards of the newest of `vitals`, each with its past; `slowed` is by the number of the card."""
    if not vitals:
        return []
    by_index = [{reading.index: reading for reading in look.gpus} for look in vitals]
    known = slowed or {}
    return [
        GpuHistory(now, tuple(look.get(now.index) for look in by_index), known.get(now.index, {}))
        for now in vitals[-1].gpus
    ]


def gpu_full_lines(
    card: GpuHistory,
    width: int,
    charset: ChartCharset,
    *,
    title: bool,
    merge_fans: bool,
    among: int = 1,
    detail: bool = False,
) -> list[StyledLine]:
    """Everything about a card out of `among`; with `merge_fans` several fans share a line.

    With `detail` also what a card could tell, and does not.
    """
    now = card.now
    head = [gpu_title_line(now, width, among)] if title else []
    if "card" in now.missing:
        words = wrapped_words(replace_unprintable(now.missing["card"]), width, _MOST_LINES_OF_LOSS)
        return [*head, *(((line, "bad"),) for line in words)]
    fans = [_fans_merged(card)] if merge_fans or len(now.fans) < 2 else _fans_stacked(card)
    gauges = [_util(card), _memory(card), _temperature(card), *_memory_temperature(card, detail), *fans]
    gauges += [_power(card), _clock(card), *_throttle(card, charset, detail)]
    return [*head, *gauge_lines(gauges, width, charset.name)]


def gpu_compact_lines(card: GpuHistory, width: int, *, title: bool, among: int = 1) -> list[StyledLine]:
    """A card in two lines, and its title."""
    now = card.now
    head = [gpu_title_line(now, width, among)] if title else []
    if "card" in now.missing:
        return [*head, _lost_line(now, width)]
    first = [_named("util", format_percent(now.utilization_percent)), _memory_chunk(now, 1), *_power_chunks(now, 2)]
    second = [*_heat_chunks(now), *_fan_chunks(now, 2)]
    slow = _throttle_chunk(now, 1)
    return [*head, fit_parts(first, width), fit_parts([*second, *([slow] if slow else [])], width)]


def gpu_row_line(card: GpuHistory, width: int, among: int = 1) -> StyledLine:
    """A card in one line."""
    now = card.now
    name = line_part(f"gpu {now.index}", "title")
    trains = [line_part("trains", "label", 6)] if now.trains and among > 1 else []
    nickname = [line_part(f'"{now.nickname}"', "title", 7)] if now.nickname else []
    if "card" in now.missing:
        return fit_parts([name, line_part(now.missing["card"], "bad", 1)], width) or (("gpu lost"[:width], "bad"),)
    slow = _throttle_chunk(now, 2)
    values = [
        name,
        *nickname,
        *trains,
        line_part(format_percent(now.utilization_percent), "load", 1),
        *_heat_chunks(now, brief=True),
        *([slow] if slow else []),
        *_fan_chunks(now, 5),
        *_power_chunks(now, 4),
        _memory_chunk(now, 3),
    ]
    return fit_parts(values, width) or (("gpu"[:width], "title"),)


def gpu_summary_line(cards: Sequence[GpuHistory], width: int) -> StyledLine:
    """All cards in one line: their mean load, the hottest of them, their power."""
    if len(cards) == 1:
        return gpu_row_line(cards[0], width)
    loads = [card.now.utilization_percent for card in cards if card.now.utilization_percent is not None]
    watts = [card.now.power_watts for card in cards if card.now.power_watts is not None]
    chunks = [line_part(f"{len(cards)} gpus", "title")]
    if loads:
        chunks.append(line_part(format_percent(sum(loads) / len(loads)), "load", 1))
    hottest = max(
        (card.now for card in cards if card.now.temperature_celsius is not None),
        key=lambda now: now.temperature_celsius or 0.0,
        default=None,
    )
    if hottest is not None:
        chunks.extend(_heat_chunks(hottest, brief=True))
        chunks.append(line_part(f"(gpu {hottest.index})", "label", 4))
    if watts:
        chunks.append(line_part(f"{format_count(sum(watts))} W", "power", 3))
    lost = sum("card" in card.now.missing for card in cards)
    if lost:
        chunks.append(line_part(f"{lost} lost", "bad", 0))
    return fit_parts(chunks, width) or (("gpus"[:width], "title"),)


def gpu_title_line(now: GpuReading, width: int, among: int = 1) -> StyledLine:
    """`gpu 0 "NICKNAME" · NAME`, and of several cards which one trains."""
    return ((shorten_to_columns(gpu_title(now, among), width), "title"),)


def _lost_line(now: GpuReading, width: int) -> StyledLine:
    return ((shorten_to_columns(replace_unprintable(now.missing["card"]), width), "bad"),)


def gpu_title(now: GpuReading, among: int = 1) -> str:
    """`gpu 0 "NICKNAME" · NAME`, without the brand that every card of the brand carries."""
    nickname = f' "{replace_unprintable(now.nickname)}"' if now.nickname else ""
    name = replace_unprintable(now.name).removeprefix("NVIDIA ").removeprefix("GeForce ")
    trains = " · trains" if now.trains and among > 1 else ""
    whole = " (whole card)" if now.shared else ""  # before the name: that may be cut off
    return f"gpu {now.index}{nickname}{whole}{trains} · {name}"


def _named(name: str, value: str, rank: int = 0) -> LinePart:
    return LinePart(((f"{name} ", "label"), (value, "")), rank)


def _util(card: GpuHistory) -> Gauge:
    now = card.now
    if now.utilization_percent is None:
        return Gauge("util", missing_value_parts(_reason(now, "utilization_percent")))
    history = card.of(lambda reading: reading.utilization_percent)
    return Gauge("util", (line_part(format_percent(now.utilization_percent)),), history)


def _memory(card: GpuHistory) -> Gauge:
    now = card.now
    if now.memory_used_bytes is None:
        return Gauge("mem", missing_value_parts(_reason(now, "memory_used_bytes")))
    history = card.of(lambda reading: reading.memory_used_bytes)
    value = line_part(format_bytes_of(now.memory_used_bytes, now.memory_total_bytes))
    return Gauge("mem", (value,), history, high=now.memory_total_bytes, style="memory")


def _temperature(card: GpuHistory) -> Gauge:
    now = card.now
    if now.temperature_celsius is None:
        return Gauge("temp", missing_value_parts(_reason(now, "temperature_celsius")))
    history = card.of(lambda reading: reading.temperature_celsius)
    heat = heat_level(now.temperature_celsius, now.slowdown_celsius)
    return Gauge(
        "temp", tuple(_heat_chunks(now)), history, low=20.0, high=now.slowdown_celsius or 95.0, style=f"heat-{heat}"
    )


def _heat_chunks(now: GpuReading, brief: bool = False) -> list[LinePart]:
    if now.temperature_celsius is None:
        return [] if brief else [line_part(_reason(now, "temperature_celsius"), "label", 3)]
    heat = heat_level(now.temperature_celsius, now.slowdown_celsius)
    degrees = f"{now.temperature_celsius:.0f}°" + ("" if brief else "C")
    chunks = [LinePart(((f"{degrees} {heat}", f"heat-{heat}"),), 1)]
    if now.slowdown_celsius is not None and not brief:
        margin = now.slowdown_celsius - now.temperature_celsius
        words = f"{margin:.0f}° to slowdown" if margin > 0 else "past its slowdown point"
        chunks.append(line_part(words, "label", 3))
    return chunks


def _fans_stacked(card: GpuHistory) -> list[Gauge]:
    def percent(number: int) -> Callable[[GpuReading], float | None]:
        return lambda reading: reading.fans[number].percent if number < len(reading.fans) else None

    return [
        Gauge(f"fan {number + 1}", tuple(_one_fan(fan)), card.of(percent(number)), style="fan")
        for number, fan in enumerate(card.now.fans)
    ]


def _fans_merged(card: GpuHistory) -> Gauge:
    now = card.now
    if not now.fans:
        return Gauge("fan", missing_value_parts(_reason(now, "fans")))

    def fastest(reading: GpuReading) -> float | None:
        return max((fan.percent for fan in reading.fans if fan.percent is not None), default=None)

    values = _one_fan(now.fans[0]) if len(now.fans) == 1 else _fan_chunks(now, 0)
    return Gauge("fan" if len(now.fans) == 1 else "fans", tuple(values), card.of(fastest), style="fan")


def _one_fan(fan: Fan) -> list[LinePart]:
    chunks = []
    if fan.percent is not None:
        chunks.append(line_part(format_percent(fan.percent)))
    if fan.rpm is not None:
        chunks.append(line_part(f"{format_count(fan.rpm)} rpm", "label", 1))
    return chunks or [line_part("does not say", "label")]


def _fan_chunks(now: GpuReading, rank: int) -> list[LinePart]:
    """All fans, briefly."""
    if not now.fans:
        return [line_part(_reason(now, "fans"), "label", rank + 2)] if "fans" in now.missing else []
    percents = " ".join(format_percent(fan.percent) for fan in now.fans)
    speeds = [format_count(fan.rpm) for fan in now.fans if fan.rpm is not None]
    chunks = [LinePart((("fan ", "label"), (percents, "")), rank)] if rank else [line_part(percents)]
    return [*chunks, line_part(f"{' '.join(speeds)} rpm", "label", rank + 2)] if speeds else chunks


def _power(card: GpuHistory) -> Gauge:
    now = card.now
    if now.power_watts is None:
        return Gauge("power", missing_value_parts(_reason(now, "power_watts")))
    history = card.of(lambda reading: reading.power_watts)
    return Gauge("power", tuple(_power_chunks(now, 0)), history, high=now.power_limit_watts, style="power")


def _power_chunks(now: GpuReading, rank: int) -> list[LinePart]:
    if now.power_watts is None:
        return []
    limit = f"/{now.power_limit_watts:.0f}" if now.power_limit_watts is not None else ""
    return [line_part(f"{now.power_watts:.0f}{limit} W", "", rank)]


def _memory_chunk(now: GpuReading, rank: int) -> LinePart:
    if now.memory_used_bytes is None:
        return line_part("mem ?", "label", rank + 5)
    return _named("mem", format_bytes_of(now.memory_used_bytes, now.memory_total_bytes), rank)


def _memory_temperature(card: GpuHistory, detail: bool) -> list[Gauge]:
    """Of cards that have a sensor there, which is few."""
    now, field_name = card.now, "memory_temperature_celsius"
    if now.memory_temperature_celsius is None:
        return (
            [Gauge("vram", missing_value_parts(now.missing[field_name]))]
            if detail and field_name in now.missing
            else []
        )
    history = card.of(lambda reading: reading.memory_temperature_celsius)
    heat = heat_level(now.memory_temperature_celsius, _MEMORY_SLOWDOWN_CELSIUS)
    value = LinePart(((f"{now.memory_temperature_celsius:.0f}°C {heat}", f"heat-{heat}"),))
    return [Gauge("vram", (value,), history, low=20.0, high=_MEMORY_SLOWDOWN_CELSIUS, style=f"heat-{heat}")]


def _clock(card: GpuHistory) -> Gauge:
    """How fast it is clocked, and whether that is as fast as it may be."""
    now = card.now
    if now.clock_mhz is None and "throttle_reasons" in now.missing:
        return Gauge("clock", missing_value_parts(_reason(now, "throttle_reasons")))
    if now.clock_mhz is None:
        return Gauge("clock", missing_value_parts(_reason(now, "clock_mhz")))
    chunks = [line_part(f"{format_count(now.clock_mhz)} MHz")]
    if now.highest_clock_mhz is not None:
        chunks.append(line_part(f"of {format_count(now.highest_clock_mhz)}", "label", 2))
    if not now.throttle_reasons and "throttle_reasons" not in now.missing:
        chunks.append(line_part("not throttled", "heat-ok", 1))
    history = card.of(lambda reading: reading.clock_mhz)
    return Gauge("clock", tuple(chunks), history, low=0.0, high=now.highest_clock_mhz, style="load")


def _throttle(card: GpuHistory, charset: ChartCharset, detail: bool) -> list[Gauge]:
    """What lowers the clock or has lowered it, with the seconds spent in each; nothing if nothing ever did."""
    now = card.now
    if "throttle_reasons" in now.missing:
        return (
            [Gauge("slow", missing_value_parts(now.missing["throttle_reasons"]))]
            if detail and now.clock_mhz is not None
            else []
        )
    grave = [_with_seconds(card, reason) for reason in now.throttle_reasons if not is_expected_reason(reason)]
    calm = [_with_seconds(card, reason) for reason in now.throttle_reasons if is_expected_reason(reason)]
    past = [reason for reason, seconds in card.slowed.items() if seconds >= 1 and reason not in now.throttle_reasons]
    values = [line_part(f"{charset.bad} throttled: {', '.join(grave)}", "bad")] if grave else []
    values += [line_part(", ".join(calm), "label", 2)] if calm else []
    for harmless, rank in ((False, 1), (True, 3)):
        words = ", ".join(_with_seconds(card, reason) for reason in past if is_expected_reason(reason) is harmless)
        values += [line_part(f"earlier {words}", "label", rank)] if words else []
    return [Gauge("slow", tuple(values))] if values else []


def _with_seconds(card: GpuHistory, reason: str) -> str:
    """`hot 41s`: a reason, and for how long it has held in this run if the card counts that."""
    seconds = round(card.slowed.get(reason, 0.0))
    if not seconds:
        return short_reason(reason)
    return f"{short_reason(reason)} {f'{seconds}s' if seconds < 60 else format_seconds(seconds)}"


def _throttle_chunk(now: GpuReading, rank: int) -> LinePart | None:
    """Only what is worth a word where words are few."""
    grave = [short_reason(reason) for reason in now.throttle_reasons if not is_expected_reason(reason)]
    return line_part(f"throttled: {', '.join(grave)}", "bad", rank) if grave else None


def _reason(now: GpuReading, field: str) -> str:
    return now.missing.get(field, "does not say")
