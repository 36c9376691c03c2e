"""The bill of a run in one to six lines, the most important first. Pure functions.

A run whose journal knows of no meter has no lines at all; one whose meter has nothing to read has one calm line that
says what to do about it.
"""

from __future__ import annotations

from babytrain.runs.bill import BillFacts
from babytrain.tui.bill_words import MADE_UP, co2_words, energy_words, money_words, part_words, range_words
from babytrain.tui.widgets.gauges import chunk
from babytrain.tui.widgets.spans import Chunk, Line, choose
from babytrain.tui.widgets.units import format_seconds

MOST_LINES = 6
NO_METER = "no meter ran"  # in a journal from before there was one
LARGE_GAP_PERCENT = 5.0
SHORTEST_SILENCE_SECONDS = 1.0
_NOT_MEASURED = (
    "power not measured: type in wall_watts, or let this user read RAPL (doctor says how)",
    "power not measured: give wall_watts, or see doctor",
    "not measured: wall_watts, or doctor",
)


def bill_lines(facts: BillFacts, width: int, most: int) -> list[Line]:
    """At most `most` lines of at most `width` columns: so far, at the end, how measured, what each token cost, gaps."""
    if most <= 0 or width <= 0 or (facts.joules is None and facts.why_not == NO_METER):
        return []
    if facts.joules is None and facts.unmeasured_seconds < SHORTEST_SILENCE_SECONDS:
        return []  # between the first look at the sensors and the second there is nothing to tell
    if facts.joules is None:
        words = next((text for text in _NOT_MEASURED if len(text) <= width), "")
        return [((words, "label"),)] if words else []
    quality = _quality(facts, width)
    chunks = [_so_far(facts), _at_the_end(facts), _warnings(facts), quality, _units(facts), _fun(facts)]
    lines = [line for part in chunks if part and (line := choose(part, width))]
    return lines[:most]


def _so_far(facts: BillFacts) -> list[Chunk]:
    chunks = [chunk(energy_words(facts.joules), "power", 0)]
    if facts.money is not None:
        chunks.append(chunk(money_words(facts.money, facts.currency), "", 1))
    if facts.co2_grams is not None:
        chunks.append(chunk(f"{co2_words(facts.co2_grams)} CO2", "", 3))
        if facts.co2_is_default:
            chunks.append(chunk("(world average)", "label", 5))
    if facts.made_up:
        chunks.append(chunk(MADE_UP, "label", 0))
    chunks.append(chunk("so far", "label", 4))
    if facts.watts is not None:
        chunks.append(chunk(f"{facts.watts:.0f} W now", "", 2))
    return chunks


def _at_the_end(facts: BillFacts) -> list[Chunk]:
    forecast = facts.forecast
    if forecast is None:
        return []
    energy = range_words(forecast.kwh, lambda kwh: energy_words(kwh * 3.6e6))
    chunks = [chunk("at the end", "label", 0), chunk(energy, "power", 0)]
    if forecast.money is not None:
        chunks.append(chunk(range_words(forecast.money, lambda money: money_words(money, facts.currency)), "", 1))
    return [*chunks, chunk(f"{range_words(forecast.co2_grams, co2_words)} CO2", "", 2)]


def _quality(facts: BillFacts, width: int) -> list[Chunk]:
    """Where each number comes from: a counter of the hardware, power polled, an estimate, or typed in.

    With the share of each source, if that fits.
    """
    counted = [source for source in facts.counted if source.joules is not None]
    names = [f"{source.name}: {source.quality}" for source in counted]
    shares = [f"{name} {energy_words(source.joules)}" for name, source in zip(names, counted, strict=True)]
    words = shares if len(shares) > 1 and len("  ".join(shares)) <= width else names
    sources = [chunk(text, "label", rank) for rank, text in enumerate(words)]
    return [*sources, *([chunk(facts.why_not, "label", 99)] if facts.why_not else [])]


def _warnings(facts: BillFacts) -> list[Chunk]:
    """Where the bill should not be trusted to the last digit."""
    chunks = []
    for source in facts.sources:
        gap = source.gap_percent
        if gap is not None and abs(gap) > LARGE_GAP_PERCENT:
            chunks.append(chunk(f"{source.name}: polling is {gap:+.0f}% off its counter", "heat-warm", 1))
    if facts.unmeasured_seconds >= SHORTEST_SILENCE_SECONDS:
        chunks.append(chunk(f"{format_seconds(facts.unmeasured_seconds)} not measured", "heat-warm", 0))
    return chunks


def _units(facts: BillFacts) -> list[Chunk]:
    units = facts.units
    if units is None or units.joules_per_token is None:
        return []
    chunks = [chunk(f"{_joules(units.joules_per_token)}/token", "", 0)]
    if units.watt_hours_per_million_tokens is not None:
        chunks.append(chunk(f"{energy_words(units.watt_hours_per_million_tokens * 3600)}/M tokens", "label", 1))
    if units.watt_hours_per_loss_cent is not None:
        chunks.append(chunk(f"{energy_words(units.watt_hours_per_loss_cent * 3600)} for 0.01 of val", "label", 2))
    if part := part_words(units):
        chunks.append(chunk(f"({part})", "label", 3))
    return chunks


def _fun(facts: BillFacts) -> list[Chunk]:
    if facts.units is None:
        return []
    kettles = facts.units.kettles
    words = f"{kettles:.1f} kettles of tea" if kettles >= 0.95 else f"{100 * kettles:.2g}% of a kettle of tea"
    chunks = [chunk(words, "label", 0)]
    if facts.idle_joules > 0:
        chunks.append(chunk(f"{energy_words(facts.idle_joules)} idle draw taken off", "label", 1))
    return chunks


def _joules(joules: float) -> str:
    if joules >= 1:
        return f"{joules:.3g} J"
    return f"{joules * 1e3:.3g} mJ" if joules >= 1e-3 else f"{joules * 1e6:.3g} µJ"
