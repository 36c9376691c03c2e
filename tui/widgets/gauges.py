"""Rows of a sensor display: a name, a short history, the newest value in words. Pure functions.

The columns depend on the width alone, so that everything in a pane lines up and nothing moves when a value grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from babytrain.tui.charset import CharsetName
from babytrain.tui.widgets.spans import Chunk, Line, choose, line_length, printable, shortened
from babytrain.tui.widgets.sparkline import spark

_NAME_WIDTH = 5  # of the usual names, so that blocks drawn apart line up
_WIDEST_HISTORY = 30
_NARROWEST_HISTORY = 4
_WIDTH_WITH_HISTORY = 24
_LONGEST_VALUE = len("61°C warm  22° to slowdown")


@dataclass(frozen=True)
class Gauge:
    """One quantity. `values` are shown as far as they fit, lowest rank first; `low` to `high` scales the history.

    Without a `history` the values may use the whole line.
    """

    name: str
    values: tuple[Chunk, ...]
    history: tuple[float | None, ...] = ()
    low: float | None = 0.0
    high: float | None = 100.0
    style: str = "load"


def chunk(text: str, style: str = "", rank: int = 0) -> Chunk:
    """A value that is one word, which may come from a driver."""
    return Chunk(((printable(text), style),), rank)


def missing(reason: str) -> tuple[Chunk, ...]:
    """What stands where a value would: why there is none."""
    return (chunk(reason, "label"),)


def gauge_lines(gauges: Sequence[Gauge], width: int, charset: CharsetName) -> list[Line]:
    """One line a gauge, at most `width` columns."""
    name_width = max((len(gauge.name) for gauge in gauges), default=0)
    name_width = max(name_width, _NAME_WIDTH) + 1 if width > 2 * _NAME_WIDTH else name_width + 1
    room = max(0, width - name_width)
    fits = min(_WIDEST_HISTORY, width // 5, max(_NARROWEST_HISTORY, room - _LONGEST_VALUE - 1))
    columns = fits if width >= _WIDTH_WITH_HISTORY else 0
    lines: list[Line] = []
    for gauge in gauges:
        name = (gauge.name.ljust(name_width)[:width], "label")
        history = spark(gauge.history, columns, gauge.low, gauge.high, charset) if gauge.history and columns else ""
        if not history:
            lines.append((name, *_fitted(gauge.values, room)))
            continue
        lines.append((name, (history, gauge.style), (" ", ""), *_fitted(gauge.values, room - columns - 1)))
    return lines


def wrapped_words(text: str, width: int, most: int) -> list[str]:
    """At most `most` lines of whole words; what is left over is cut off with a sign."""
    words, lines = text.split(), [""]
    for number, word in enumerate(words):
        longer = f"{lines[-1]} {word}".strip()
        if cell_len(longer) <= width:
            lines[-1] = longer
        elif len(lines) == most:
            lines[-1] = shortened(" ".join((lines[-1], *words[number:])).strip(), width)
            break
        else:
            lines.append(shortened(word, width))
    return [line for line in lines if line]


def _fitted(values: Sequence[Chunk], width: int) -> Line:
    """As many values as fit; where not even the most important one does, that one, cut off."""
    if not values or width <= 0:
        return ()
    first = min(values, key=lambda value: value.rank)
    if line_length(first.spans) <= width:
        return choose(values, width)
    text, style = first.spans[0]
    return ((shortened(text, width), style),)
