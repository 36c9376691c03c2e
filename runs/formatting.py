"""Numbers as short text with units: the one place for screens, command line, report, log and the diagnosis.

Thousands have commas; `format_compact` (`26.1k`) is for narrow places, and for model sizes and speeds everywhere.
Every function takes any float, None, NaN and infinities, and returns at most `MAX_FORMATTED_CHARACTERS` characters, so
that a pane can reserve its columns. None is an en dash.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps

UNKNOWN = "–"
MAX_FORMATTED_CHARACTERS = 12

_COUNT_SUFFIXES = ("", "k", "M", "B", "T")
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def _also_not_finite(format_number: Callable[[float], str]) -> Callable[[float | None], str]:
    """Extends a function of finite numbers to None, NaN and infinities."""

    @wraps(format_number)
    def formatted(value: float | None) -> str:
        if value is None:
            return UNKNOWN
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return format_number(value)

    return formatted


@_also_not_finite
def format_count(value: float) -> str:
    """A count: `1,204`; from a billion on as `format_compact`."""
    if abs(value) >= 999_999_999.5:
        return format_compact(value)
    return f"{value:,.0f}".replace("-0", "0") if abs(value) < 1 else f"{value:,.0f}"


@_also_not_finite
def format_compact(value: float) -> str:
    """A count at three significant digits: `843`, `1.20k`, `26.1k`, `802k`, `124M`."""
    size = abs(value)
    if size < 999.5:
        return format_count(value)
    power = int(math.log10(size) // 3) if size >= 1000 else 1
    if _three_digits(size / 1000.0**power) == "1000":
        power += 1
    if power >= len(_COUNT_SUFFIXES):
        return _scientific(value)
    return _sign(value) + _three_digits(size / 1000.0**power) + _COUNT_SUFFIXES[power]


@_also_not_finite
def format_bytes(value: float) -> str:
    """An amount of memory in binary units: `6.4 MiB`, `812 MiB`, `3.1 GiB`."""
    size = abs(value)
    last = len(_BYTE_UNITS) - 1
    power = next((power for power in range(last) if size / 1024.0**power < 999.5), last)
    scaled = size / 1024.0**power
    if scaled >= 99_999:
        return f"{_scientific(value)} B"
    digits = 1 if scaled < (9.95 if power == 2 else 99.95) and power >= 2 else 0
    return f"{_sign(value)}{scaled:.{digits}f} {_BYTE_UNITS[power]}"


def format_bytes_of(used: float | None, total: float | None) -> str:
    """Memory used of a total: `3.1/12.0 GiB`. At most 21 characters."""
    if used is None or total is None or not (math.isfinite(used) and math.isfinite(total)):
        return format_bytes(used if used is not None else total)
    size, unit = format_bytes(total).rsplit(" ", 1)
    power = _BYTE_UNITS.index(unit)
    if "e" in size:
        return f"{format_bytes(used)}/{size}"
    digits = 1 if power >= 3 and used / 1024.0**power < 99.95 else 0
    part = f"{used / 1024.0**power:.{digits}f}"
    return f"{part}/{size} {unit}" if len(part) <= 7 else f"{format_bytes(used)}/{size} {unit}"


@_also_not_finite
def format_seconds(value: float) -> str:
    """A duration in its two largest units: `4.2ms`, `420ms`, `8.5s`, `42s`, `1m42s`, `2h05m`, `3d04h`."""
    sign, size = _sign(value), abs(value)
    if size < 0.9995:
        return f"{sign}{size * 1000:.{1 if 0 < size < 0.00995 else 0}f}ms"
    if size < 9.95:
        return f"{sign}{size:.1f}s"
    whole = round(size)
    if whole < _MINUTE:
        return f"{sign}{whole}s"
    if whole < _HOUR:
        return f"{sign}{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{sign}{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    if whole < 1000 * _DAY:
        return f"{sign}{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"
    days = value / _DAY
    return f"{format_count(days) if size < 1e6 * _DAY else format_compact(days)}d"


def format_whole_seconds(seconds: float) -> str:
    """As `format_seconds` without tenths, for estimates and clocks."""
    whole = max(1, round(seconds))
    return f"{whole}s" if whole < 60 else format_seconds(whole)


def format_rate(per_second: float | None, unit: str = "tok/s") -> str:
    """A speed: `843 tok/s`, `12.3k tok/s`. At most `MAX_FORMATTED_CHARACTERS` characters and the unit."""
    if per_second is not None and abs(per_second) < 9.95 and math.isfinite(per_second):
        return f"{per_second:.1f} {unit}"
    return f"{format_compact(per_second)} {unit}"


@_also_not_finite
def format_loss(value: float) -> str:
    """A loss in nats per token, or a difference of two: `1.623`, `0.041`, `12.346`."""
    size = abs(value)
    if size >= 99_999.5 or 0 < size < 0.0005:
        return _scientific(value)
    return f"{value:.3f}" if size < 999.9995 else f"{value:,.0f}"


@_also_not_finite
def format_learning_rate(value: float) -> str:
    """A learning rate as in configs: `3e-3`, `2.75e-4`, and from 0.1 on `0.5`, `5`."""
    return f"{value:.3g}" if value == 0 or 0.0995 <= abs(value) < 999.5 else _scientific(value, digits=3)


@_also_not_finite
def format_percent(value: float) -> str:
    """A percentage (0 to 100, fans may exceed it): `97%`, `3%`, `0.4%`."""
    size = abs(value)
    if 0 < size < 0.95:
        return f"{_sign(value)}{size:.1f}%" if size >= 0.05 else "0%"
    return f"{_scientific(value) if size >= 999_999 else f'{value:.0f}'}%"


def format_share(share: float | None) -> str:
    """A share of 1 as a percentage: `34%`."""
    return format_percent(None if share is None else 100 * share)


@_also_not_finite
def format_watts(value: float) -> str:
    """Power: `218 W`, `1,200 W`, below ten `4.3 W`."""
    size = abs(value)
    if 0 < size < 9.95:
        return f"{value:.1f} W"
    return f"{format_count(value) if size < 99_999.5 else format_compact(value)} W"


@_also_not_finite
def format_factor(value: float) -> str:
    """A factor: `0.5`, `2`, `1.25`."""
    return f"{value:.3g}"


def _sign(value: float) -> str:
    return "-" if value < 0 else ""


def _three_digits(size: float) -> str:
    """A number from 0.1 to 1000 at three significant digits, two decimals at most."""
    if size < 9.995:
        return f"{size:.2f}"
    return f"{size:.1f}" if size < 99.95 else f"{size:.0f}"


def _scientific(value: float, digits: int = 2) -> str:
    """`3e-3`: no trailing zeros in front, the exponent without padding or a plus sign."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
