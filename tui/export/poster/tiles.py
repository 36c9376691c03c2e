"""The grids of the poster: facts, and a tile for each letter."""

from __future__ import annotations

import math
from collections.abc import Sequence

from babytrain.runs.events import Letters
from babytrain.tui.export.markup import Markup, join_markup, svg_element
from babytrain.tui.export.poster.typography import (
    ACCENT,
    COLUMN_GAP,
    HAIRLINE,
    INK,
    LABEL_SIZE,
    LABEL_SPACING,
    NOTE_SIZE,
    RECEIPT_PAPER,
    SERIF,
    SOFT_INK,
    PageBox,
    draw_text,
    fitting_size,
    shorten_to_width,
    wrap_to_width,
)
from babytrain.tui.export.run_facts import RunFact
from babytrain.tui.terminal.safe_text import safe_line

FIGURE_COLUMNS = 3
_VALUE_SIZE, _SMALL_VALUE = 92.0, 56.0


def draw_label(words: str, x: float, y: float, *, anchor: str | None = None) -> Markup:
    """A label in small spaced capitals."""
    return draw_text(words.upper(), x, y, LABEL_SIZE, anchor=anchor, letter_spacing=LABEL_SPACING)


def draw_figures(facts: Sequence[RunFact], box: PageBox) -> Markup:
    """The facts within `box`, `FIGURE_COLUMNS` in a row."""
    rows = max(1, -(-len(facts) // FIGURE_COLUMNS))
    width, height = (box.width - COLUMN_GAP * (FIGURE_COLUMNS - 1)) / FIGURE_COLUMNS, box.height / rows
    parts = []
    for index, fact in enumerate(facts):
        row, column = divmod(index, FIGURE_COLUMNS)
        parts.append(_figure(fact, box.x + column * (width + COLUMN_GAP), box.y + row * height, width))
    return join_markup(*parts)


def _figure(fact: RunFact, x: float, y: float, width: float) -> Markup:
    size = fitting_size(fact.value, width, _VALUE_SIZE, _SMALL_VALUE)
    value = wrap_to_width(fact.value, width, size, 2)
    first = y + LABEL_SIZE + (104 if len(value) == 1 else 74)
    below = first + 62 * (len(value) - 1)
    remark = wrap_to_width(fact.remark, width, NOTE_SIZE - 3, 3 - len(value))
    return join_markup(
        draw_label(fact.label, x, y + LABEL_SIZE),
        *(draw_text(words, x, first + 62 * line, size, SERIF, fill=INK) for line, words in enumerate(value)),
        *(draw_text(words, x, below + 60 + 44 * line, NOTE_SIZE - 3) for line, words in enumerate(remark)),
    )


_MOST_TILES = 45
_GAP = 16.0
_SPELLED = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
_TILE_FILL = "#e2d3ba"


def tile_grid(tiles: int) -> tuple[int, int]:
    """(columns, rows) for a number of tiles: at most fifteen in a row, rows evenly filled."""
    rows = max(1, math.ceil(tiles / 15))
    return max(1, math.ceil(tiles / rows)), rows


def letter_tile_count(letters: Letters) -> int:
    """The number of symbols shown, the most common first."""
    return min(_MOST_TILES, len(letters.symbols), len(letters.recalls))


def draw_letters(letters: Letters, box: PageBox) -> Markup:
    """The tiles within `box`: letters, digits, other symbols."""
    count = letter_tile_count(letters)
    if not count:
        return join_markup()
    shown = sorted(zip(letters.symbols[:count], letters.recalls[:count], strict=True), key=_order)
    columns, rows = tile_grid(count)
    width = (box.width - _GAP * (columns - 1)) / columns
    height = (box.height - _GAP * (rows - 1)) / rows
    tiles = []
    for index, (symbol, recall) in enumerate(shown):
        row, column = divmod(index, columns)
        tile = PageBox(box.x + column * (width + _GAP), box.y + row * (height + _GAP), width, height)
        tiles.append(_tile(symbol, recall, tile, tracked_letter=symbol == letters.tracked_letter and symbol != ""))
    return join_markup(*tiles)


def _order(entry: tuple[str, float]) -> tuple[int, str]:
    symbol = entry[0]
    return (0 if symbol[:1].isalpha() else 1 if symbol[:1].isdigit() else 2, symbol.casefold())


def _tile(symbol: str, recall: float, tile: PageBox, *, tracked_letter: bool) -> Markup:
    known = min(1.0, max(0.0, recall)) if math.isfinite(recall) else 0.0
    filled = tile.height * known
    words = _SPELLED.get(symbol) or safe_line(symbol)
    size = fitting_size(words, tile.width * 0.84, tile.height * 0.52, 18)
    # Light text only where the whole character is on the dark fill; the figure at the bottom is sooner than the letter.
    ink = "#ffffff" if tracked_letter and known >= 0.85 else INK
    figure = "#ffffff" if tracked_letter and known >= 0.35 else SOFT_INK
    middle = tile.x + tile.width / 2
    label = shorten_to_width(words, tile.width * 0.95, size)
    area = {"x": tile.x, "y": tile.y, "width": tile.width, "height": tile.height}
    known_area = area | {"y": tile.bottom - filled, "height": filled}
    return join_markup(
        svg_element("rect", **area, fill=RECEIPT_PAPER),
        svg_element("rect", **known_area, fill=ACCENT if tracked_letter else _TILE_FILL),
        svg_element("rect", **area, fill="none", stroke=HAIRLINE, stroke_width=2),
        draw_text(label, middle, tile.y + tile.height * 0.56, size, SERIF, fill=ink, anchor="middle"),
        draw_text(
            f"{100 * known:.0f}",
            middle,
            tile.bottom - tile.height * 0.12,
            min(30.0, tile.height * 0.2),
            fill=figure,
            anchor="middle",
        ),
    )
