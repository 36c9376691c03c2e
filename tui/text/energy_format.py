"""Energy, money and CO2 as text, with the digits and units they need. Pure functions."""

from __future__ import annotations

from collections.abc import Callable

from babytrain.runs.energy.bill import BillAmounts
from babytrain.runs.energy.efficiency import JOULES_PER_WATT_HOUR, EnergyEfficiency
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.tui.text.wording import range_text

NOT_MEASURED = "not measured"
SIMULATED = "simulated"  # readings of sensors=scripted
FULLY_MEASURED_SHARE = 0.99  # of the tokens; the first reading comes after the first step


def format_energy(joules: float | None) -> str:
    """An energy at three digits: `0.42 Wh`, `42.1 Wh`, `1.23 kWh`."""
    if joules is None:
        return NOT_MEASURED
    watt_hours = joules / JOULES_PER_WATT_HOUR
    if abs(watt_hours) >= 999.5:
        return f"{_digits(watt_hours / 1000)} kWh"
    return f"{_digits(watt_hours)} Wh"


def format_money(amount: float, currency: str) -> str:
    """An amount of money: `0.0042 EUR`, `0.13 EUR`, `12.30 EUR`."""
    decimals = 2 if abs(amount) >= 0.995 or amount == 0 else 3 if abs(amount) >= 0.0995 else 4
    if 0 < abs(amount) < 0.00005:
        return f"under 0.0001 {currency}"
    return f"{amount:,.{decimals}f} {currency}"


def format_co2(grams: float) -> str:
    """CO2 by weight: `0.42 g`, `1.2 kg`."""
    return f"{_digits(grams / 1000)} kg" if abs(grams) >= 999.5 else f"{_digits(grams)} g"


def format_joules(joules: float) -> str:
    """The energy of a token: `1.24 J`, `12.3 mJ`, `840 µJ`."""
    for unit, size in (("J", 1.0), ("mJ", 1e-3), ("µJ", 1e-6)):
        if abs(joules) >= 0.9995 * size:
            return f"{_digits(joules / size)} {unit}"
    return f"{_digits(joules / 1e-6)} µJ"


def format_kettles(kettles: float) -> str:
    """An energy in litres of water brought to the boil: `0.12 kettles of tea`."""
    return f"{_digits(kettles)} kettles of tea"


def measurement_quality(facts: BillAmounts) -> str:
    """The quality of each counted source: `gpu 0 counter, processor counter`."""
    return ", ".join(dict.fromkeys(f"{source.name} {source.quality}" for source in facts.counted))


def format_range(amount: ValueRange, words: Callable[[float], str]) -> str:
    """`0.11–0.13 EUR`, with the unit once if both ends have the same."""
    return range_text(words(amount.low), words(amount.high), "–")


def measured_token_share(units: EnergyEfficiency) -> str:
    """`62% of its tokens` where a run was measured only in part, otherwise ""."""
    return f"{units.measured_share:.0%} of its tokens" if units.measured_share < FULLY_MEASURED_SHARE else ""


def _digits(value: float) -> str:
    """Three significant digits, at most four decimals."""
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.0001:
        return "under 0.0001"
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.0995 else 3 if size >= 0.00995 else 4
    return f"{value:,.{decimals}f}"
