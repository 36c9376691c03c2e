"""The bill of a run in one to six lines, the most important first.

Without a meter in the journal there are no lines; a meter without readings gives one line that says what to do.
"""

from __future__ import annotations

from babytrain.runs.energy.bill import BillAmounts
from babytrain.runs.energy.energy_forecast import EnergyForecast
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.formatting import format_seconds, format_watts
from babytrain.tui.text.energy_format import (
    SIMULATED,
    format_co2,
    format_energy,
    format_joules,
    format_kettles,
    format_money,
    format_range,
    measured_token_share,
)
from babytrain.tui.text.styled_lines import LinePart, StyledLine, fit_parts, line_part

MAX_BILL_LINES = 6
NO_METER = "no meter ran"  # in journals of older versions
_LARGE_GAP_PERCENT = 5.0
_MIN_GAP_SECONDS = 1.0
_NOT_MEASURED = (
    "power not measured: see babytrain-tui doctor, or set wall_watts to what a wall meter shows",
    "power not measured: see babytrain-tui doctor",
    "power not measured: see doctor",
)


def bill_lines(facts: BillAmounts, width: int, most: int) -> list[StyledLine]:
    """At most `most` lines of at most `width` columns: so far, at the end, how measured, cost per token, gaps."""
    if most <= 0 or width <= 0 or (facts.joules is None and facts.missing_reason == NO_METER):
        return []
    if facts.joules is None and facts.unmeasured_seconds < _MIN_GAP_SECONDS:
        return []  # nothing is known before the second sensor reading
    if facts.joules is None:
        words = next((text for text in _NOT_MEASURED if len(text) <= width), "")
        return [((words, "label"),)] if words else []
    if most == 1 and facts.forecast is not None:
        return [line] if (line := fit_parts(_summary(facts, facts.forecast), width)) else []
    quality = _quality(facts, width)
    parts = [_so_far(facts), _at_the_end(facts), _warnings(facts), quality, _units(facts), _kettles(facts)]
    lines = [line for part in parts if part and (line := fit_parts(part, width))]
    return lines[:most]


def _so_far(facts: BillAmounts) -> list[LinePart]:
    parts = [line_part(format_energy(facts.joules), "power", 0)]
    if facts.money is not None:
        parts.append(line_part(format_money(facts.money, facts.currency), "", 1))
    if facts.co2_grams is not None:
        parts.append(line_part(f"{format_co2(facts.co2_grams)} CO2", "", 3))
        if facts.co2_is_default:
            parts.append(line_part("(world average)", "label", 5))
    if facts.simulated:
        parts.append(line_part(SIMULATED, "label", 0))
    parts.append(line_part("so far", "label", 4))
    if facts.watts is not None:
        parts.append(line_part(f"{format_watts(facts.watts)} now", "", 2))
    return parts


def _summary(facts: BillAmounts, forecast: EnergyForecast) -> list[LinePart]:
    """So far and at the end on one line: what it will have cost stays longest, then the watts."""
    end = _energy_at_the_end(forecast) if forecast.money is None else _money_at_the_end(forecast.money, facts.currency)
    parts = [line_part(format_energy(facts.joules), "power", 2)]
    if facts.simulated:
        parts.append(line_part(SIMULATED, "label", 0))
    if facts.money is not None:
        parts.append(line_part(format_money(facts.money, facts.currency), "", 3))
    parts.append(line_part(f"at end {end}", "power", 0))
    if facts.watts is not None:
        parts.append(line_part(f"{format_watts(facts.watts)} now", "", 1))
    return parts


def _energy_at_the_end(forecast: EnergyForecast) -> str:
    return format_range(forecast.kwh, lambda kwh: format_energy(kwh * 3.6e6))


def _money_at_the_end(money: ValueRange, currency: str) -> str:
    return format_range(money, lambda amount: format_money(amount, currency))


def _at_the_end(facts: BillAmounts) -> list[LinePart]:
    forecast = facts.forecast
    if forecast is None:
        return []
    parts = [line_part("at the end", "label", 0), line_part(_energy_at_the_end(forecast), "power", 1)]
    if forecast.money is not None:
        parts.append(line_part(_money_at_the_end(forecast.money, facts.currency), "", 0))
    return [*parts, line_part(f"{format_range(forecast.co2_grams, format_co2)} CO2", "", 2)]


def _quality(facts: BillAmounts, width: int) -> list[LinePart]:
    """The source of each number (hardware counter, polled power, estimate, typed in), with its share if that fits."""
    counted = [source for source in facts.counted if source.joules is not None]
    names = [f"{source.name}: {source.quality}" for source in counted]
    shares = [f"{name} {format_energy(source.joules)}" for name, source in zip(names, counted, strict=True)]
    words = shares if len(shares) > 1 and len("  ".join(shares)) <= width else names
    sources = [line_part(text, "label", rank) for rank, text in enumerate(words)]
    return [*sources, *([line_part(facts.missing_reason, "label", 99)] if facts.missing_reason else [])]


def _warnings(facts: BillAmounts) -> list[LinePart]:
    parts = []
    for source in facts.sources:
        gap = source.gap_percent
        if gap is not None and abs(gap) > _LARGE_GAP_PERCENT:
            parts.append(line_part(f"{source.name}: polling is {gap:+.0f}% off its counter", "heat-warm", 1))
    if facts.unmeasured_seconds >= _MIN_GAP_SECONDS:
        parts.append(line_part(f"{format_seconds(facts.unmeasured_seconds)} not measured", "heat-warm", 0))
    return parts


def _units(facts: BillAmounts) -> list[LinePart]:
    units = facts.units
    if units is None or units.joules_per_token is None:
        return []
    parts = [line_part(f"{format_joules(units.joules_per_token)}/token", "", 0)]
    if units.watt_hours_per_million_tokens is not None:
        parts.append(line_part(f"{format_energy(units.watt_hours_per_million_tokens * 3600)}/M tokens", "label", 1))
    if units.watt_hours_per_loss_cent is not None:
        parts.append(line_part(f"{format_energy(units.watt_hours_per_loss_cent * 3600)} for 0.01 of val", "label", 2))
    if part := measured_token_share(units):
        parts.append(line_part(f"({part})", "label", 3))
    return parts


def _kettles(facts: BillAmounts) -> list[LinePart]:
    if facts.units is None:
        return []
    parts = [line_part(format_kettles(facts.units.kettles), "label", 0)]
    if facts.idle_joules > 0:
        parts.append(line_part(f"{format_energy(facts.idle_joules)} idle draw taken off", "label", 1))
    return parts
