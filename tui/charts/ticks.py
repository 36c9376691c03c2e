"""Ticks and their labels: multiples of 1, 2 and 5, or of minutes and hours, for any finite range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

AxisKind: TypeAlias = Literal["value", "count", "time"]

_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200),
    *(86400, 172800, 432000, 864000),
)
_COUNT_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_PLAIN_COUNT = 100_000  # below this a count is written in full
_MOST_TICKS = 200
_LADDER = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_CLOCK_LADDER = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0)


@dataclass(frozen=True)
class Tick:
    """A value on an axis and its label."""

    value: float
    label: str


def axis_ticks(low: float, high: float, most: int, kind: AxisKind = "value", log: bool = False) -> list[Tick]:
    """At most about `most` ticks inside [low, high], ascending."""
    most = min(max(1, most), _MOST_TICKS)
    if not (math.isfinite(low) and math.isfinite(high)) or high < low:
        return []
    if log and low > 0 and high / low >= 10:
        return [Tick(value, _scalar_label(value)) for value in _log_values(low, high, most)]
    step = round_step(high - low, most, clock=kind == "time")
    values = _multiples(low, high, step)
    return [Tick(value, label) for value, label in zip(values, _labels(values, step, kind), strict=True)]


def round_step(span: float, most: int, clock: bool = False) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten (or of a clock) that gives at most `most` parts of `span`."""
    wanted = span / max(1, most)
    if not 1e-290 <= wanted < math.inf:
        return math.inf  # too narrow, or too wide, to be divided
    if clock and 1 <= wanted <= _TIME_STEPS[-1]:
        return float(next(step for step in _TIME_STEPS if step >= wanted))
    power = 10.0 ** math.floor(math.log10(wanted))
    for factor in (1.0, 2.0, 5.0, 10.0):
        if factor * power >= wanted * (1 - 1e-9):
            return factor * power
    return 10.0 * power


def round_up_axis_end(value: float, clock: bool = False) -> float:
    """The next round end of a growing axis, so that it rescales rarely; at least two thirds of the axis are used."""
    if not 1e-290 < value < 1e290:
        return max(1.0, value) if value < math.inf else 1.0
    if clock and 10 <= value < 86400:
        unit = 1 if value < 60 else 60 if value < 3600 else 3600
        return float(next(rung * unit for rung in _CLOCK_LADDER if rung * unit >= value))
    power = 10.0 ** math.floor(math.log10(value))
    return next((factor * power for factor in _LADDER if factor * power >= value), 10.0 * power)


def _multiples(low: float, high: float, step: float) -> list[float]:
    if not math.isfinite(step) or low + step == low:
        return [low]
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, min(last, first + _MOST_TICKS) + 1)]


def _log_values(low: float, high: float, most: int) -> list[float]:
    """1-2-5 in every decade if they fit, else only powers of ten, thinned out evenly."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = range(max(first, -300), min(last, 300) + 1)
    fine = [value for power in decades for digit in (1, 2, 5) if low <= (value := digit * 10.0**power) <= high]
    if len(fine) <= most:
        return fine
    coarse = [value for power in decades if low <= (value := 10.0**power) <= high]
    return coarse[:: max(1, math.ceil(len(coarse) / most))]


def _labels(values: Sequence[float], step: float, kind: AxisKind) -> list[str]:
    biggest = max((abs(value) for value in values), default=0.0)
    decimals = _decimals(step)
    if kind == "time":
        return [_clock_label(value) for value in values]
    if decimals > 5 or biggest >= 1e15 or (kind == "value" and biggest >= 1e7) or not math.isfinite(step):
        digits = _power_below_one(step) + math.floor(math.log10(biggest)) if biggest > 0 and math.isfinite(step) else 1
        return [_scientific_label(value, min(max(1, digits), 8)) for value in values]
    if kind == "count":
        return [_count_label(value, step, biggest) for value in values]
    return [f"{value + 0.0:.{decimals}f}" for value in values]


def _decimals(step: float) -> int:
    return max(0, _power_below_one(step))


def _power_below_one(step: float) -> int:
    return -math.floor(math.log10(step) + 1e-9) if step > 0 and math.isfinite(step) else 0


def _scalar_label(value: float) -> str:
    return f"{value:g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else _scientific_label(value, 1)


def _scientific_label(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def _count_label(value: float, step: float, biggest: float) -> str:
    if biggest < _PLAIN_COUNT:
        return f"{value + 0.0:,.{_decimals(step)}f}"
    unit, suffix = next((pair for pair in _COUNT_UNITS if biggest >= pair[0]), (1.0, ""))
    return "0" if value == 0 else f"{value / unit:.{min(9, _decimals(step / unit))}f}{suffix}"


def _clock_label(seconds: float) -> str:
    """`45s`, `1m30s`, `2h`, `1d6h`: zero parts are omitted."""
    if abs(seconds) < 1 or abs(seconds) >= 1e9:
        return "0" if seconds == 0 else _scalar_label(seconds) + "s"
    if seconds < 0:
        return "-" + _clock_label(-seconds)
    rest = round(seconds, 3)
    parts = []
    for size, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if rest >= size:
            parts.append(f"{int(rest // size)}{name}")
            rest %= size
    if rest and len(parts) < 2:
        parts.append(f"{rest:g}s")
    return "".join(parts[:2])
