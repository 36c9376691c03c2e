"""One or many graphics cards as lines of text, from everything about each to one line about all. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from babytrain.runs.events import Fan, GpuReading, Vitals
from babytrain.tui.widgets.canvas import Charset
from babytrain.tui.widgets.gauges import Gauge, chunk, gauge_lines, missing
from babytrain.tui.widgets.heat import heat_of
from babytrain.tui.widgets.spans import Chunk, Line, choose, printable, shortened
from babytrain.tui.widgets.units import format_bytes_of, format_count, format_percent

# Slower than it could be, but as intended: nothing to worry about.
_CALM_REASONS = ("at its power limit", "clocks set by hand", "clocks set for the display")


@dataclass(frozen=True)
class GpuHistory:
    """A card's newest reading and the ones before it, oldest first; None where the card was not read."""

    now: GpuReading
    past: tuple[GpuReading | None, ...]

    def of(self, quantity: Callable[[GpuReading], float | None]) -> tuple[float | None, ...]:
        """One quantity over time."""
        return tuple(None if reading is None else quantity(reading) for reading in self.past)


def gpu_histories(vitals: Sequence[Vitals]) -> list[GpuHistory]:
    """The cards of the newest of `vitals`, each with its past."""
    if not vitals:
        return []
    by_index = [{reading.index: reading for reading in look.gpus} for look in vitals]
    return [GpuHistory(now, tuple(look.get(now.index) for look in by_index)) for now in vitals[-1].gpus]


def full_lines(card: GpuHistory, width: int, charset: Charset, *, title: bool, merge_fans: bool) -> list[Line]:
    """Everything about a card; with `merge_fans` several fans share a line."""
    now = card.now
    head = [title_line(now, width)] if title else []
    if "card" in now.missing:
        return [*head, _lost_line(now, width)]
    fans = [_fans_merged(card)] if merge_fans or len(now.fans) < 2 else _fans_stacked(card)
    gauges = [_util(card), _memory(card), _temperature(card), *fans, _power(card), _throttle(now, charset)]
    return [*head, *gauge_lines(gauges, width, charset.name)]


def compact_lines(card: GpuHistory, width: int, *, title: bool) -> list[Line]:
    """A card in two lines, and its title."""
    now = card.now
    if "card" in now.missing:
        return [title_line(now, width), _lost_line(now, width)] if title else [_lost_line(now, width)]
    head = [title_line(now, width)] if title else []
    first = [_named("util", format_percent(now.utilization_percent)), _memory_chunk(now, 1), *_power_chunks(now, 2)]
    second = [*_heat_chunks(now), *_fan_chunks(now, 2)]
    slow = _throttle_chunk(now, 1)
    return [*head, choose(first, width), choose([*second, *([slow] if slow else [])], width)]


def row_line(card: GpuHistory, width: int) -> Line:
    """A card in one line."""
    now = card.now
    name = chunk(f"gpu {now.index}", "title")
    if "card" in now.missing:
        return choose([name, chunk(now.missing["card"], "bad", 1)], width) or (("gpu lost"[:width], "bad"),)
    slow = _throttle_chunk(now, 2)
    values = [
        name,
        chunk(format_percent(now.utilization_percent), "load", 1),
        *_heat_chunks(now, brief=True),
        *([slow] if slow else []),
        *_fan_chunks(now, 5),
        *_power_chunks(now, 4),
        _memory_chunk(now, 3),
    ]
    return choose(values, width) or (("gpu"[:width], "title"),)


def summary_line(cards: Sequence[GpuHistory], width: int) -> Line:
    """All cards in one line: their mean load, the hottest of them, their power."""
    if len(cards) == 1:
        return row_line(cards[0], width)
    loads = [card.now.utilization_percent for card in cards if card.now.utilization_percent is not None]
    watts = [card.now.power_watts for card in cards if card.now.power_watts is not None]
    chunks = [chunk(f"{len(cards)} gpus", "title")]
    if loads:
        chunks.append(chunk(format_percent(sum(loads) / len(loads)), "load", 1))
    hottest = max(
        (card.now for card in cards if card.now.temperature_celsius is not None),
        key=lambda now: now.temperature_celsius or 0.0,
        default=None,
    )
    if hottest is not None:
        chunks.extend(_heat_chunks(hottest, brief=True))
        chunks.append(chunk(f"(gpu {hottest.index})", "label", 4))
    if watts:
        chunks.append(chunk(f"{format_count(sum(watts))} W", "power", 3))
    lost = sum("card" in card.now.missing for card in cards)
    if lost:
        chunks.append(chunk(f"{lost} lost", "bad", 0))
    return choose(chunks, width) or (("gpus"[:width], "title"),)


def title_line(now: GpuReading, width: int) -> Line:
    """`gpu 0 · NAME`."""
    return ((shortened(title_text(now), width), "title"),)


def _lost_line(now: GpuReading, width: int) -> Line:
    return ((shortened(printable(now.missing["card"]), width), "bad"),)


def title_text(now: GpuReading) -> str:
    """`gpu 0 · NAME`, without the brand that every card of the brand carries."""
    return f"gpu {now.index} · {printable(now.name).removeprefix('NVIDIA ').removeprefix('GeForce ')}"


def _named(name: str, value: str, rank: int = 0) -> Chunk:
    return Chunk(((f"{name} ", "label"), (value, "")), rank)


def _util(card: GpuHistory) -> Gauge:
    now = card.now
    if now.utilization_percent is None:
        return Gauge("util", missing(_reason(now, "utilization_percent")))
    history = card.of(lambda reading: reading.utilization_percent)
    return Gauge("util", (chunk(format_percent(now.utilization_percent)),), history)


def _memory(card: GpuHistory) -> Gauge:
    now = card.now
    if now.memory_used_bytes is None:
        return Gauge("mem", missing(_reason(now, "memory_used_bytes")))
    history = card.of(lambda reading: reading.memory_used_bytes)
    value = chunk(format_bytes_of(now.memory_used_bytes, now.memory_total_bytes))
    return Gauge("mem", (value,), history, high=now.memory_total_bytes, style="memory")


def _temperature(card: GpuHistory) -> Gauge:
    now = card.now
    if now.temperature_celsius is None:
        return Gauge("temp", missing(_reason(now, "temperature_celsius")))
    history = card.of(lambda reading: reading.temperature_celsius)
    heat = heat_of(now.temperature_celsius, now.slowdown_celsius)
    return Gauge(
        "temp", tuple(_heat_chunks(now)), history, low=20.0, high=now.slowdown_celsius or 95.0, style=f"heat-{heat}"
    )


def _heat_chunks(now: GpuReading, brief: bool = False) -> list[Chunk]:
    if now.temperature_celsius is None:
        return [] if brief else [chunk(_reason(now, "temperature_celsius"), "label", 3)]
    heat = heat_of(now.temperature_celsius, now.slowdown_celsius)
    degrees = f"{now.temperature_celsius:.0f}°" + ("" if brief else "C")
    chunks = [Chunk(((f"{degrees} {heat}", f"heat-{heat}"),), 1)]
    if now.slowdown_celsius is not None and not brief:
        margin = now.slowdown_celsius - now.temperature_celsius
        words = f"{margin:.0f}° to slowdown" if margin > 0 else "past its slowdown point"
        chunks.append(chunk(words, "label", 3))
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
        return Gauge("fan", missing(_reason(now, "fans")))

    def fastest(reading: GpuReading) -> float | None:
        return max((fan.percent for fan in reading.fans if fan.percent is not None), default=None)

    values = _one_fan(now.fans[0]) if len(now.fans) == 1 else _fan_chunks(now, 0)
    return Gauge("fan" if len(now.fans) == 1 else "fans", tuple(values), card.of(fastest), style="fan")


def _one_fan(fan: Fan) -> list[Chunk]:
    chunks = []
    if fan.percent is not None:
        chunks.append(chunk(format_percent(fan.percent)))
    if fan.rpm is not None:
        chunks.append(chunk(f"{format_count(fan.rpm)} rpm", "label", 1))
    return chunks or [chunk("does not say", "label")]


def _fan_chunks(now: GpuReading, rank: int) -> list[Chunk]:
    """All fans, briefly."""
    if not now.fans:
        return [chunk(_reason(now, "fans"), "label", rank + 2)] if "fans" in now.missing else []
    percents = " ".join(format_percent(fan.percent) for fan in now.fans)
    speeds = [format_count(fan.rpm) for fan in now.fans if fan.rpm is not None]
    chunks = [Chunk((("fan ", "label"), (percents, "")), rank)] if rank else [chunk(percents)]
    return [*chunks, chunk(f"{' '.join(speeds)} rpm", "label", rank + 2)] if speeds else chunks


def _power(card: GpuHistory) -> Gauge:
    now = card.now
    if now.power_watts is None:
        return Gauge("power", missing(_reason(now, "power_watts")))
    history = card.of(lambda reading: reading.power_watts)
    return Gauge("power", tuple(_power_chunks(now, 0)), history, high=now.power_limit_watts, style="power")


def _power_chunks(now: GpuReading, rank: int) -> list[Chunk]:
    if now.power_watts is None:
        return []
    limit = f"/{now.power_limit_watts:.0f}" if now.power_limit_watts is not None else ""
    return [chunk(f"{now.power_watts:.0f}{limit} W", "", rank)]


def _memory_chunk(now: GpuReading, rank: int) -> Chunk:
    if now.memory_used_bytes is None:
        return chunk("mem ?", "label", rank + 5)
    return _named("mem", format_bytes_of(now.memory_used_bytes, now.memory_total_bytes), rank)


def _throttle(now: GpuReading, charset: Charset) -> Gauge:
    """Whether anything holds the clock back, in words."""
    if "throttle_reasons" in now.missing:
        return Gauge("clock", missing(_reason(now, "throttle_reasons")))
    speed = [chunk(f"{format_count(now.clock_mhz)} MHz", "", 2)] if now.clock_mhz is not None else []
    if not now.throttle_reasons:
        return Gauge("clock", (*speed, chunk("not throttled", "heat-ok")))
    words = ", ".join(_short(reason) for reason in now.throttle_reasons)
    if _is_calm(now):
        return Gauge("clock", (*speed, chunk(words, "label")))
    return Gauge("clock", (*speed, chunk(f"{charset.bad} throttled: {words}", "bad")))


def _throttle_chunk(now: GpuReading, rank: int) -> Chunk | None:
    """Only what is worth a word where words are few."""
    if not now.throttle_reasons or _is_calm(now):
        return None
    return chunk("throttled: " + ", ".join(_short(reason) for reason in now.throttle_reasons), "bad", rank)


def _is_calm(now: GpuReading) -> bool:
    return all(reason.startswith(_CALM_REASONS) for reason in now.throttle_reasons)


def _short(reason: str) -> str:
    """Without the explanation in brackets, which the help has room for."""
    return reason.split(" (")[0]


def _reason(now: GpuReading, field: str) -> str:
    return now.missing.get(field, "does not say")
