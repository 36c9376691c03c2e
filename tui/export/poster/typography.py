"""Colours, fonts and page size of the poster, text and line elements, and estimated widths of text.

The viewer's fonts are unknown, so widths are estimates for a wide serif font.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from babytrain.tui.export.markup import Markup, escaped_text, svg_element
from babytrain.tui.terminal.safe_text import ELLIPSIS

PAPER, RECEIPT_PAPER = "#f5f0e6", "#fdfaf3"
INK, SOFT_INK, HAIRLINE = "#1d1a17", "#766d61", "#d3c9b8"
ACCENT, BAND_COLOUR, TRAINING_COLOUR = "#c23b22", "#b5a78f", "#9a8a6e"
SERIF = (
    "'Iowan Old Style','Palatino Linotype',Palatino,'URW Palladio L','TeX Gyre Pagella',P052,"
    "Georgia,'Liberation Serif','Times New Roman','DejaVu Serif',serif"
)
SANS = "'Helvetica Neue',Helvetica,Inter,Arial,'Liberation Sans','DejaVu Sans',sans-serif"
MONO = "Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace"
PAGE_WIDTH, PAGE_HEIGHT = 2970.0, 4200.0  # A3 in tenths of a millimetre
PAGE_MARGIN = 230.0
COLUMN_GAP = 60.0
LABEL_SIZE, NOTE_SIZE = 31.0, 36.0
LABEL_SPACING = 5.0  # between the letters of a label


@dataclass(frozen=True)
class PageBox:
    """A rectangle on the page."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x coordinate of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y coordinate of the lower edge."""
        return self.y + self.height


def draw_text(
    words: str,
    x: float,
    y: float,
    size: float,
    font: str = SANS,
    *,
    fill: str = SOFT_INK,
    anchor: str | None = None,
    **attributes: str | float | None,
) -> Markup:
    """One line of text with its baseline at `y`, its direction isolated."""
    return svg_element(
        "text",
        escaped_text(words),
        x=x,
        y=y,
        unicode_bidi="isolate",
        font_family=font,
        font_size=size,
        fill=fill,
        text_anchor=anchor,
        **attributes,
    )


def draw_line(
    start: tuple[float, float], end: tuple[float, float], width: float, colour: str = INK, **attributes: str | float
) -> Markup:
    """A straight line between two points."""
    (x1, y1), (x2, y2) = start, end
    return svg_element("line", x1=x1, x2=x2, y1=y1, y2=y2, stroke=colour, stroke_width=width, **attributes)


MONO_WIDTH = 0.602  # em, of common monospaced fonts
_NARROW = frozenset("iljtfrI.,:;'!|()[]/ ·-’‘“”\"")
_WIDE = frozenset("mwMWQ@%&—…")


def text_width(words: str, size: float) -> float:
    """The estimated width of one line, in the unit of `size`."""
    return sum(map(_em, words)) * size


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.34
    if char in _WIDE:
        return 0.88
    if char.isascii():
        return 0.68 if char.isupper() else 0.54
    if unicodedata.combining(char):
        return 0.0
    return 1.02 if unicodedata.east_asian_width(char) in "WF" else 0.68


def fitting_size(words: str, width: float, largest: float, smallest: float) -> float:
    """The largest font size from `smallest` to `largest` at which one line fits."""
    natural = text_width(words, 1.0)
    return max(smallest, min(largest, width / natural)) if natural > 0 else largest


def shorten_to_width(words: str, width: float, size: float) -> str:
    """One line, cut with an ellipsis if it does not fit."""
    if text_width(words, size) <= width:
        return words
    room = width - text_width(ELLIPSIS, size)
    taken = 0.0
    for index, char in enumerate(words):
        taken += _em(char) * size
        if taken > room:
            return words[:index].rstrip() + ELLIPSIS
    return words


def wrap_to_width(words: str, width: float, size: float, most_lines: int) -> list[str]:
    """Lines that fit, broken at spaces if possible; the last one ends in an ellipsis when text was cut."""
    lines: list[str] = []
    for line in words.split("\n"):
        lines.extend(_wrapped_line(line, width, size, most_lines + 1 - len(lines)))
        if len(lines) > most_lines:
            kept = lines[:most_lines]
            if kept:
                kept[-1] = shorten_to_width(kept[-1] + " " + ELLIPSIS, width, size)
            return kept
    return lines


def _wrapped_line(line: str, width: float, size: float, most_lines: int) -> list[str]:
    lines: list[str] = []
    rest = line.rstrip()
    while len(lines) < most_lines:
        taken, end = 0.0, 0
        while end < len(rest) and taken + _em(rest[end]) * size <= width:
            taken += _em(rest[end]) * size
            end += 1
        if end >= len(rest):
            lines.append(rest)
            break
        space = rest.rfind(" ", 1, end + 1)
        cut = space if space > 0 else max(1, end)
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return lines
