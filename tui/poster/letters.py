"""The letter board: one tile a symbol, filled as far as the model knows it."""

from __future__ import annotations

import math

from babytrain.runs.events import Letters
from babytrain.tui.poster.markup import Markup, element, joined, text
from babytrain.tui.poster.measure import fitting_size, shortened
from babytrain.tui.poster.style import ACCENT, CARD, HAIR, INK, SANS, SERIF, SOFT, Box
from babytrain.tui.safe_text import safe_line

_MOST_TILES = 45
_GAP = 16.0
_SPELLED = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
_FILL = "#e2d3ba"


def columns_and_rows(tiles: int) -> tuple[int, int]:
    """How many tiles stand side by side and one below the other: at most fifteen in a row, rows evenly filled."""
    rows = max(1, math.ceil(tiles / 15))
    return max(1, math.ceil(tiles / rows)), rows


def tile_count(letters: Letters) -> int:
    """How many symbols are shown: the most common ones."""
    return min(_MOST_TILES, len(letters.symbols), len(letters.recalls))


def draw_letters(letters: Letters, box: Box) -> Markup:
    """The board within `box`, in alphabetical order where the symbols have one."""
    count = tile_count(letters)
    if not count:
        return joined()
    shown = sorted(zip(letters.symbols[:count], letters.recalls[:count], strict=True), key=_order)
    columns, rows = columns_and_rows(count)
    width = (box.width - _GAP * (columns - 1)) / columns
    height = (box.height - _GAP * (rows - 1)) / rows
    tiles = []
    for place, (symbol, recall) in enumerate(shown):
        row, column = divmod(place, columns)
        tile = Box(box.x + column * (width + _GAP), box.y + row * (height + _GAP), width, height)
        tiles.append(_tile(symbol, recall, tile, favourite=symbol == letters.favourite and symbol != ""))
    return joined(*tiles)


def _order(entry: tuple[str, float]) -> tuple[int, str]:
    symbol = entry[0]
    return (0 if symbol[:1].isalpha() else 1 if symbol[:1].isdigit() else 2, symbol.casefold())


def _tile(symbol: str, recall: float, tile: Box, *, favourite: bool) -> Markup:
    known = min(1.0, max(0.0, recall)) if math.isfinite(recall) else 0.0
    filled = tile.height * known
    words = _SPELLED.get(symbol) or safe_line(symbol)
    size = fitting_size(words, tile.width * 0.84, tile.height * 0.52, 18)
    # Light ink only where the whole character lies on the dark fill: the figure at the bottom long before the letter.
    ink = "#ffffff" if favourite and known >= 0.85 else INK
    figure = "#ffffff" if favourite and known >= 0.35 else SOFT
    middle = tile.x + tile.width / 2
    return joined(
        element("rect", x=tile.x, y=tile.y, width=tile.width, height=tile.height, fill=CARD),
        element("rect", x=tile.x, y=tile.bottom - filled, width=tile.width, height=filled,
                fill=ACCENT if favourite else _FILL),
        element("rect", x=tile.x, y=tile.y, width=tile.width, height=tile.height, fill="none", stroke=HAIR,
                stroke_width=2),
        text(middle, tile.y + tile.height * 0.56, shortened(words, tile.width * 0.95, size), font_family=SERIF,
             font_size=size, fill=ink, text_anchor="middle"),
        text(middle, tile.bottom - tile.height * 0.12, f"{100 * known:.0f}", font_family=SANS,
             font_size=min(30.0, tile.height * 0.2), fill=figure, text_anchor="middle"),
    )  # fmt: skip
