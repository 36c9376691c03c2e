"""Rows of a sensor display: a name, a short history, the newest value.

The columns depend on the width alone, so that rows line up and nothing moves when a value grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rich.cells import cell_len

from babytrain.tui.charts.sparkline import sparkline
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.text.styled_lines import LinePart, StyledLine, fit_parts, line_length, line_part, shorten_to_columns

HeatLevel: TypeAlias = Literal["ok", "warm", "hot"]
# Defaults for sensors without a threshold: common under load, and where throttling begins.
_WARM_CELSIUS = 75.0
_HOT_CELSIUS = 88.0
_WARM_MARGIN = 15.0  # degrees below the throttling threshold
_HOT_MARGIN = 5.0


def heat_style(celsius: float | None, slowdown_celsius: float | None = None) -> str:
    """The style of a temperature."""
    return f"heat-{heat_level(celsius or 0.0, slowdown_celsius)}"


def heat_part(celsius: float, rank: int, slowdown_celsius: float | None = None, unit: str = "°C") -> LinePart:
    """A temperature with its word: `61°C warm`."""
    level = heat_level(celsius, slowdown_celsius)
    return line_part(f"{celsius:.0f}{unit} {level}", f"heat-{level}", rank)


def heat_level(celsius: float, slowdown_celsius: float | None = None) -> HeatLevel:
    """`hot` within 5 degrees of throttling, `warm` within 15."""
    if slowdown_celsius is not None:
        margin = slowdown_celsius - celsius
        return "hot" if margin <= _HOT_MARGIN else "warm" if margin <= _WARM_MARGIN else "ok"
    return "hot" if celsius >= _HOT_CELSIUS else "warm" if celsius >= _WARM_CELSIUS else "ok"


_NAME_WIDTH = 5  # of the usual names, so that blocks drawn apart line up
_WIDEST_HISTORY = 30
_NARROWEST_HISTORY = 4
_WIDTH_WITH_HISTORY = 24
_LONGEST_VALUE = len("61°C warm  22° to slowdown")


@dataclass(frozen=True)
class Gauge:
    """One quantity. `values` are shown as far as they fit, lowest rank first; `low` to `high` scales the history.
    Without a `history` the values may use the whole line."""

    name: str
    values: tuple[LinePart, ...]
    history: tuple[float | None, ...] = ()
    low: float | None = 0.0
    high: float | None = 100.0
    style: str = "load"


def gauge_lines(gauges: Sequence[Gauge], width: int, charset: CharsetName) -> list[StyledLine]:
    """One line per gauge, at most `width` columns."""
    name_width = max((len(gauge.name) for gauge in gauges), default=0)
    name_width = max(name_width, _NAME_WIDTH) + 1 if width > 2 * _NAME_WIDTH else name_width + 1
    room = max(0, width - name_width)
    fits = min(_WIDEST_HISTORY, width // 5, max(_NARROWEST_HISTORY, room - _LONGEST_VALUE - 1))
    columns = fits if width >= _WIDTH_WITH_HISTORY else 0
    lines: list[StyledLine] = []
    for gauge in gauges:
        name = (gauge.name.ljust(name_width)[:width], "label")
        history = sparkline(gauge.history, columns, gauge.low, gauge.high, charset) if gauge.history and columns else ""
        if not history:
            lines.append((name, *_fitted(gauge.values, room)))
            continue
        lines.append((name, (history, gauge.style), (" ", ""), *_fitted(gauge.values, room - columns - 1)))
    return lines


def wrapped_words(text: str, width: int, most: int) -> list[str]:
    """At most `most` lines of whole words; the rest is cut off with an ellipsis."""
    words, lines = text.split(), [""]
    for number, word in enumerate(words):
        longer = f"{lines[-1]} {word}".strip()
        if cell_len(longer) <= width:
            lines[-1] = longer
        elif len(lines) == most:
            lines[-1] = shorten_to_columns(" ".join((lines[-1], *words[number:])).strip(), width)
            break
        else:
            lines.append(shorten_to_columns(word, width))
    return [line for line in lines if line]


def _fitted(values: Sequence[LinePart], width: int) -> StyledLine:
    """As many values as fit; if none does, the most important one, cut off."""
    if not values or width <= 0:
        return ()
    first = min(values, key=lambda value: value.rank)
    text, style = first.spans[0]
    return (
        fit_parts(values, width) if line_length(first.spans) <= width else ((shorten_to_columns(text, width), style),)
    )
