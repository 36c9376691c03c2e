"""One or many graphics cards as lines of text, from every quantity of each to one line about all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from babytrain.runs.events import Fan, GpuReading, Vitals
from babytrain.runs.formatting import format_bytes_of, format_count, format_percent, format_watts, format_whole_seconds
from babytrain.runs.state.throttling import current_reasons, is_expected_reason, short_reason
from babytrain.tui.charts.canvas import ChartCharset
from babytrain.tui.text.styled_lines import (
    LinePart,
    StyledLine,
    fit_parts,
    labelled_part,
    line_part,
    replace_unprintable,
    shorten_to_columns,
)
from babytrain.tui.widgets.vitals.gauge_lines import Gauge, gauge_lines, heat_part, heat_style, wrapped_words
from babytrain.tui.widgets.vitals.host_gauges import watts_and_fan_parts

# Where memory of cards that report its temperature begins to throttle (GDDR6X 110, HBM 95 to 105).
_MEMORY_SLOWDOWN_CELSIUS = 105.0


@dataclass(frozen=True)
class GpuHistory:
    """A card's newest reading and earlier ones, oldest first; None where the card was not read. `slowed` are the
    seconds for which each reason has lowered its clock since the run began. `used`: the run may train on it."""

    now: GpuReading
    past: tuple[GpuReading | None, ...]
    slowed: Mapping[str, float] = field(default_factory=dict)
    used: bool = True

    def of(self, quantity: Callable[[GpuReading], float | None]) -> tuple[float | None, ...]:
        """One quantity over time."""
        return tuple(None if reading is None else quantity(reading) for reading in self.past)


def gpu_histories(
    vitals: Sequence[Vitals], slowed: Mapping[int, Mapping[str, float]], *, on_processor: bool = False
) -> list[GpuHistory]:
    """The cards of the newest of `vitals`, each with its history; `slowed` is by card index."""
    by_index = [{gpu.index: gpu for gpu in reading.gpus} for reading in vitals]
    known = on_processor or vitals[-1].training_gpu is not None
    return [
        GpuHistory(
            now,
            tuple(gpus.get(now.index) for gpus in by_index),
            slowed.get(now.index, {}),
            used=now.trains or not known,
        )
        for now in vitals[-1].gpus
    ]


def gpu_title_line(card: GpuHistory, width: int, among: int) -> StyledLine:
    """The name of a card, one of `among`."""
    return ((shorten_to_columns(gpu_title(card.now, among, used=card.used), width), "title"),)


def gpu_full_lines(
    card: GpuHistory, width: int, charset: ChartCharset, *, merge_fans: bool, detail: bool = False
) -> list[StyledLine]:
    """All quantities of a card; `merge_fans` puts several fans on one line, `detail` adds missing sensors."""
    if "card" in card.now.missing:
        words = wrapped_words(replace_unprintable(card.now.missing["card"]), width, 3)
        return [((line, "bad"),) for line in words]
    return gauge_lines(_gauges(card, charset, merge_fans, detail), width, charset.name)


def gpu_compact_lines(card: GpuHistory, width: int) -> list[StyledLine]:
    """A card in two lines; power and fans stay longest."""
    now = card.now
    if "card" in now.missing:
        return [((shorten_to_columns(replace_unprintable(now.missing["card"]), width), "bad"),)]
    load = labelled_part("util", format_percent(now.utilization_percent), 1)
    first = [load, _memory_part(now, 2), *_power_parts(now, 0)]
    second = [*_heat_parts(now), *_fan_parts(now, 0, named=True), *_throttle_parts(card, 1)]
    return [fit_parts(first, width), fit_parts(second, width)]


def gpu_row_line(card: GpuHistory, width: int, among: int = 1) -> StyledLine:
    """A card in one line; power and fans stay longest."""
    now = card.now
    name = line_part(f"gpu {now.index}", "title", 0 if among > 1 else 1)
    trains = [line_part("trains", "label", 6)] if now.trains and among > 1 else []
    nickname = [line_part(f'"{now.nickname}"', "title", 7)] if now.nickname else []
    if "card" in now.missing:
        return fit_parts([name, line_part(now.missing["card"], "bad", 1)], width) or (("gpu lost"[:width], "bad"),)
    values = [
        name,
        *nickname,
        *trains,
        *_power_parts(now, 0),
        *_fan_parts(now, 0, named=True),
        *_heat_parts(now, brief=True),
        *_throttle_parts(card, 2),
        line_part(format_percent(now.utilization_percent), "load", 3),
        _memory_part(now, 4),
    ]
    return fit_parts(values, width) or (("gpu"[:width], "title"),)


def gpu_summary_line(cards: Sequence[GpuHistory], width: int) -> StyledLine:
    """All cards in one line: total power, fastest fan, highest temperature, mean load."""
    if len(cards) == 1:
        return gpu_row_line(cards[0], width)
    loads = [card.now.utilization_percent for card in cards if card.now.utilization_percent is not None]
    watts = [card.now.power_watts for card in cards if card.now.power_watts is not None]
    fans = [card.now.fan_percent for card in cards if card.now.fan_percent is not None]
    parts = [line_part(f"{len(cards)} gpus", "title", 1)]
    if watts:
        parts.append(line_part(format_watts(sum(watts)), "power"))
    if fans:
        parts.append(labelled_part("fan", format_percent(max(fans))))
    hottest = max(
        (card.now for card in cards if card.now.temperature_celsius is not None),
        key=lambda now: now.temperature_celsius or 0.0,
        default=None,
    )
    if hottest is not None:
        parts.extend(_heat_parts(hottest, brief=True))
        parts.append(line_part(f"(gpu {hottest.index})", "label", 4))
    if loads:
        parts.append(line_part(format_percent(sum(loads) / len(loads)), "load", 3))
    lost = sum("card" in card.now.missing for card in cards)
    if lost:
        parts.append(line_part(f"{lost} lost", "bad", 0))
    return fit_parts(parts, width) or (("gpus"[:width], "title"),)


def watts_and_fan(vitals: Vitals) -> str:
    """`143 W  fan 43%` of the card that trains, else of the processor; empty where neither is measured."""
    card = vitals.training_gpu
    parts = watts_and_fan_parts(vitals.host)
    if card is not None and (card.power_watts is not None or card.fans):
        watts = [] if card.power_watts is None else [line_part(format_watts(card.power_watts))]
        parts = [*watts, *(_fan_parts(card, 0, named=True)[:1] if card.fans else [])]
    return "  ".join("".join(text for text, _ in part.spans) for part in parts)


def gpu_title(now: GpuReading, among: int = 1, *, used: bool = True) -> str:
    """`gpu 0 "NICKNAME" · NAME`, without the brand prefix; whether the run trains on it, where that is a question."""
    nickname = f' "{replace_unprintable(now.nickname)}"' if now.nickname else ""
    name = replace_unprintable(now.name).removeprefix("NVIDIA ").removeprefix("GeForce ")
    trains = "" if used else " · not used"
    if now.trains and among > 1:
        trains = " · trains"
    whole = " (whole card)" if now.shared else ""  # before the name, which may be cut off
    return f"gpu {now.index}{nickname}{whole}{trains} · {name}"


def _gauges(card: GpuHistory, charset: ChartCharset, merge_fans: bool, detail: bool) -> list[Gauge]:
    now = card.now
    memory = format_bytes_of(now.memory_used_bytes, now.memory_total_bytes)
    heat = heat_style(now.temperature_celsius, now.slowdown_celsius)
    hottest = now.slowdown_celsius or 95.0
    load = (line_part(format_percent(now.utilization_percent)),)
    return [
        _gauge(card, "util", "utilization_percent", load),
        _gauge(card, "mem", "memory_used_bytes", (line_part(memory),), high=now.memory_total_bytes, style="memory"),
        _gauge(card, "temp", "temperature_celsius", _heat_parts(now), low=20.0, high=hottest, style=heat),
        *_memory_temperature(card, detail),
        *([_fans_merged(card)] if merge_fans or len(now.fans) < 2 else _fans_stacked(card)),
        _gauge(card, "power", "power_watts", _power_parts(now, 0), high=now.power_limit_watts, style="power"),
        _clock(card),
        *_throttle(card, charset, detail),
    ]


def _gauge(
    card: GpuHistory,
    name: str,
    field: str,
    parts: Sequence[LinePart],
    *,
    low: float = 0.0,
    high: float | None = 100.0,
    style: str = "load",
) -> Gauge:
    """A quantity with its history, or the reason why it is missing."""
    if getattr(card.now, field) is None:
        return Gauge(name, (_missing_part(card.now, field),))
    return Gauge(name, tuple(parts), card.of(attrgetter(field)), low, high, style)


def _missing_part(now: GpuReading, field: str, rank: int = 0) -> LinePart:
    return line_part(now.missing.get(field, "does not say"), "label", rank)


def _heat_parts(now: GpuReading, brief: bool = False) -> list[LinePart]:
    if now.temperature_celsius is None:
        return [] if brief else [_missing_part(now, "temperature_celsius", 3)]
    parts = [heat_part(now.temperature_celsius, 1, now.slowdown_celsius, unit="°" if brief else "°C")]
    if now.slowdown_celsius is not None and not brief:
        margin = now.slowdown_celsius - now.temperature_celsius
        words = f"{margin:.0f}° to slowdown" if margin > 0 else "past its slowdown point"
        parts.append(line_part(words, "label", 3))
    return parts


def _memory_temperature(card: GpuHistory, detail: bool) -> list[Gauge]:
    """Empty for cards without this sensor, which is most."""
    celsius, field_name = card.now.memory_temperature_celsius, "memory_temperature_celsius"
    if celsius is None:
        return [_gauge(card, "vram", field_name, ())] if detail and field_name in card.now.missing else []
    parts = [heat_part(celsius, 0, _MEMORY_SLOWDOWN_CELSIUS)]
    style = heat_style(celsius, _MEMORY_SLOWDOWN_CELSIUS)
    return [_gauge(card, "vram", field_name, parts, low=20.0, high=_MEMORY_SLOWDOWN_CELSIUS, style=style)]


def _fans_stacked(card: GpuHistory) -> list[Gauge]:
    def percent(number: int) -> Callable[[GpuReading], float | None]:
        return lambda reading: reading.fans[number].percent if number < len(reading.fans) else None

    return [
        Gauge(f"fan {number + 1}", _one_fan(fan), card.of(percent(number)), style="fan")
        for number, fan in enumerate(card.now.fans)
    ]


def _fans_merged(card: GpuHistory) -> Gauge:
    fans = card.now.fans
    if not fans:
        return Gauge("fan", (_missing_part(card.now, "fans"),))
    values = _one_fan(fans[0]) if len(fans) == 1 else tuple(_fan_parts(card.now, 0))
    return Gauge("fan" if len(fans) == 1 else "fans", values, card.of(attrgetter("fan_percent")), style="fan")


def _one_fan(fan: Fan) -> tuple[LinePart, ...]:
    parts = []
    if fan.percent is not None:
        parts.append(line_part(format_percent(fan.percent)))
    if fan.rpm is not None:
        parts.append(line_part(f"{format_count(fan.rpm)} rpm", "label", 1))
    return tuple(parts) or (line_part("does not say", "label"),)


def _fan_parts(now: GpuReading, rank: int, *, named: bool = False) -> list[LinePart]:
    if not now.fans:
        return [_missing_part(now, "fans", rank + 2)] if "fans" in now.missing else []
    percents = " ".join(format_percent(fan.percent) for fan in now.fans)
    speeds = [format_count(fan.rpm) for fan in now.fans if fan.rpm is not None]
    parts = [labelled_part("fan", percents, rank) if named else line_part(percents, "", rank)]
    return [*parts, line_part(f"{' '.join(speeds)} rpm", "label", rank + 5)] if speeds else parts


def _power_parts(now: GpuReading, rank: int) -> list[LinePart]:
    if now.power_watts is None:
        return []
    limit = f"/{format_watts(now.power_limit_watts)}" if now.power_limit_watts is not None else ""
    watts = format_watts(now.power_watts).removesuffix(" W" if limit else "")
    return [line_part(watts + limit, "", rank)]


def _memory_part(now: GpuReading, rank: int) -> LinePart:
    if now.memory_used_bytes is None:
        return line_part("mem ?", "label", rank + 5)
    return labelled_part("mem", format_bytes_of(now.memory_used_bytes, now.memory_total_bytes), rank)


def _clock(card: GpuHistory) -> Gauge:
    now = card.now
    throttling_known = "throttle_reasons" not in now.missing
    if now.clock_mhz is None and not throttling_known:
        return Gauge("clock", (_missing_part(now, "throttle_reasons"),))
    parts = [line_part(f"{format_count(now.clock_mhz)} MHz")]
    if now.highest_clock_mhz is not None:
        parts.append(line_part(f"of {format_count(now.highest_clock_mhz)}", "label", 2))
    if not current_reasons(now) and throttling_known:
        parts.append(line_part("not throttled", "heat-ok", 1))
    return _gauge(card, "clock", "clock_mhz", parts, high=now.highest_clock_mhz)


def _throttle(card: GpuHistory, charset: ChartCharset, detail: bool) -> list[Gauge]:
    """What lowers the clock or has lowered it, with the seconds of each; empty if nothing ever did."""
    now = card.now
    if "throttle_reasons" in now.missing:
        return (
            [Gauge("slow", (_missing_part(now, "throttle_reasons"),))] if detail and now.clock_mhz is not None else []
        )
    current = current_reasons(now)
    past = [reason for reason, seconds in card.slowed.items() if seconds >= 1 and reason not in current]
    sign = f"{charset.bad} " if card.used else ""
    values = []
    for reasons, before, expected, style, rank in (
        (current, f"{sign}throttled: ", False, _alarm_style(card), 0),
        (current, "", True, "label", 2),
        (past, "earlier ", False, "label", 1),
        (past, "earlier ", True, "label", 3),
    ):
        words = ", ".join(_with_seconds(card, reason) for reason in reasons if is_expected_reason(reason) is expected)
        if words:
            values.append(line_part(before + words, style, rank))
    return [Gauge("slow", tuple(values))] if values else []


def _with_seconds(card: GpuHistory, reason: str) -> str:
    """`hot 41s`: a reason and its seconds in this run if the card counts them."""
    seconds = round(card.slowed.get(reason, 0.0))
    return f"{short_reason(reason)} {format_whole_seconds(seconds)}" if seconds else short_reason(reason)


def _alarm_style(card: GpuHistory) -> str:
    """Heat of a card that the run does not train on costs it nothing."""
    return "bad" if card.used else "label"


def _throttle_parts(card: GpuHistory, rank: int) -> list[LinePart]:
    """Throttle reasons for a short line; harmless ones are left out."""
    unexpected = [short_reason(reason) for reason in card.now.throttle_reasons if not is_expected_reason(reason)]
    return [line_part(f"throttled: {', '.join(unexpected)}", _alarm_style(card), rank)] if unexpected else []
