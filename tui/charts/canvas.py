"""A grid of characters with a finer grid of dots in each cell: 2 x 4 in braille, 1 x 2 in half blocks, 1 x 3 in ASCII.

A later layer replaces the dots of the cells it touches, because a cell has one colour: merged with a dim band, a
bright line would look like a bar. (Two lines do share a cell.) Layers also differ by texture, for use without colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from babytrain.tui.charts.downsampling import ChartIntegers
from babytrain.tui.terminal.charset import CharsetName, fold_to_charset
from babytrain.tui.terminal.glyphs import GLYPHS, Glyphs

Texture: TypeAlias = Literal["solid", "stipple", "dashed", "dotted"]
Dots: TypeAlias = tuple[ChartIntegers, ChartIntegers]  # row and column of each dot, without duplicates
_BLANK = ord(" ")
_BRAILLE_WEIGHTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


@dataclass(frozen=True)
class ChartCharset(Glyphs):
    """The characters of one terminal: dots per cell, the glyph of each dot pattern, and the signs of a chart. `weights`
    is (dot rows, dot columns); `patterns` and `shades` (for stippled layers) are indexed by the sum of the weights
    of the dots that are set."""

    name: CharsetName
    weights: npt.NDArray[np.int64]
    patterns: npt.NDArray[np.uint32]
    shades: npt.NDArray[np.uint32]
    horizontal: str
    vertical: str
    corner: str
    tick_left: str
    tick_down: str
    point: str
    bad: str
    up: str
    down: str
    saved: str
    resumed: str
    solid_line: str
    dashed_line: str
    throttled: str  # fills intervals in which the hardware throttled
    resting: str  # and those in which the power policy rested
    # Characters of faint lines where dots would be too coarse; empty where they are not.
    level: str
    guide: str

    @property
    def dots_across(self) -> int:
        """Dot columns in a cell."""
        return int(self.weights.shape[1])

    @property
    def dots_down(self) -> int:
        """Dot rows in a cell."""
        return int(self.weights.shape[0])


def _codes(glyphs: str) -> npt.NDArray[np.uint32]:
    return np.array([ord(glyph) for glyph in glyphs], dtype=np.uint32)


# Each sign in the character sets "braille", "blocks" (code page 437 only, the font of a Linux console) and "ascii".
_SIGNS: tuple[tuple[str, str, str, str], ...] = (
    ("horizontal", "─", "─", "-"),
    ("vertical", "│", "│", "|"),
    ("corner", "└", "└", "+"),
    ("tick_left", "┤", "┤", "+"),
    ("tick_down", "┬", "┬", "+"),
    ("point", "◆", "♦", "o"),
    ("bad", "✱", "*", "*"),
    ("up", "▲", "▲", "^"),
    ("down", "▼", "▼", "v"),
    ("saved", "■", "■", "#"),
    ("resumed", "↻", "»", ">"),
    ("solid_line", "━━", "▄▄", "--"),
    ("dashed_line", "╌◆╌", "-♦-", ".o."),
    ("throttled", "░", "▒", "%"),
    ("resting", "╱", "/", "/"),
    ("level", "", "·", "-"),
    ("guide", "", "·", ":"),
)


def _charset(
    name: CharsetName, column: int, weights: npt.NDArray[np.int64], patterns: str, shades: str
) -> ChartCharset:
    signs = asdict(GLYPHS[name]) | {sign: drawn[column] for sign, *drawn in _SIGNS}
    return ChartCharset(name=name, weights=weights, patterns=_codes(patterns), shades=_codes(shades), **signs)


_BRAILLE_PATTERNS = " " + "".join(map(chr, range(0x2801, 0x2900)))
CHART_CHARSETS: Mapping[CharsetName, ChartCharset] = {
    "braille": _charset("braille", 0, _BRAILLE_WEIGHTS, _BRAILLE_PATTERNS, _BRAILLE_PATTERNS),
    "blocks": _charset("blocks", 1, np.array([[1], [2]]), " ▀▄█", " ░░░"),
    "ascii": _charset("ascii", 2, np.array([[1], [2], [4]]), " '-:.:||", " ......."),
}


def column_dots(top: ChartIntegers, bottom: ChartIntegers, texture: Texture = "solid") -> Dots:
    """The dots from `top` to `bottom` in each column, as arrays of rows and of columns; -1 is an empty column.
    `stipple` thins out the inside of each column but never its two ends, so that extremes stay visible; `dashed` and
    `dotted` leave out whole columns."""
    columns = np.flatnonzero(top >= 0)
    if texture == "dashed":
        columns = columns[columns % 6 < 4]
    elif texture == "dotted":
        columns = columns[columns % 4 == 0]
    counts = bottom[columns] - top[columns] + 1
    column = np.repeat(columns, counts)
    row = np.arange(len(column)) - np.repeat(np.cumsum(counts) - counts - top[columns], counts)
    if texture == "stipple":
        kept = ((row + column) % 2 == 0) | (row == top[column]) | (row == bottom[column])
        row, column = row[kept], column[kept]
    return row, column


class Canvas:
    """`width` x `height` cells, each a code point and the number of a style (0 is the plain one)."""

    def __init__(self, width: int, height: int, charset: ChartCharset) -> None:
        self.width = max(0, width)
        self.height = max(0, height)
        self.charset = charset
        self.codes = np.full((self.height, self.width), _BLANK, dtype=np.uint32)
        self.styles = np.zeros((self.height, self.width), dtype=np.uint8)
        self._patterns = np.zeros((self.height, self.width), dtype=np.int64)

    def stamp(self, left: int, dots: Dots, style: int, *, shade: bool = False, joins: Sequence[int] = ()) -> None:
        """Draw a layer; its dot in row 0, column 0 is in the cell at `left` in the top row. `shade` selects the glyphs
        of stippled layers. The layer replaces what was in its cells, except cells in a style of `joins`, where the
        dots of both are shown."""
        charset = self.charset
        row, column = dots
        if not len(row):
            return
        cell = row // charset.dots_down * self.width + column // charset.dots_across + left
        weight = charset.weights[row % charset.dots_down, column % charset.dots_across]
        patterns = np.bincount(cell, weights=weight).astype(np.int64)
        used = np.flatnonzero(patterns)
        patterns = patterns[used]
        codes, styles, below = self.codes.reshape(-1), self.styles.reshape(-1), self._patterns.reshape(-1)
        for other in joins:
            patterns |= np.where(styles[used] == other, below[used], 0)
        codes[used] = (charset.shades if shade else charset.patterns)[patterns]
        styles[used] = style
        below[used] = patterns

    def put_sign(self, x: int, y: int, sign: str, style: int) -> None:
        """Write one of the charset's own characters, if inside the canvas."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self._write((y, x), ord(sign), style)

    def put_column(self, x: int, rows: int, sign: str, style: int) -> None:
        """Fill the upper `rows` cells of a column with one of the charset's own characters."""
        if 0 <= x < self.width:
            self._write((slice(rows), x), ord(sign), style)

    def put(self, x: int, y: int, text: str, style: int) -> None:
        """Write text, cut off at the edges. A character that is not exactly one column wide becomes a `?`."""
        if not 0 <= y < self.height:
            return
        text = fold_to_charset(text, self.charset.name)
        if not text.isascii() or not text.isprintable():
            text = "".join(char if cell_len(char) == 1 and char.isprintable() else "?" for char in text)
        if x < 0:
            text, x = text[-x:], 0
        text = text[: max(0, self.width - x)]
        if text:
            codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
            self._write((y, slice(x, x + len(text))), codes, style)

    def _write(self, cells: tuple[int | slice, int | slice], codes: int | npt.NDArray[np.uint32], style: int) -> None:
        self.codes[cells] = codes
        self.styles[cells] = style
        self._patterns[cells] = 0

    def is_free(self, x: int, y: int, width: int, soft: Sequence[int] = ()) -> bool:
        """Whether `width` cells from `x` on are inside and blank or in a `soft` style that may be overwritten."""
        if not (0 <= y < self.height and x >= 0 and x + width <= self.width):
            return False
        free = self.codes[y, x : x + width] == _BLANK
        for style in soft:
            free |= self.styles[y, x : x + width] == style
        return bool(free.all())

    def changed_regions(self, before: Canvas) -> list[Region]:
        """The changes since an earlier canvas of the same size: for each row the span from first to last change."""
        changed = (self.codes != before.codes) | (self.styles != before.styles)
        regions = []
        for y in np.flatnonzero(changed.any(axis=1)):
            columns = np.flatnonzero(changed[y])
            first, last = int(columns[0]), int(columns[-1])
            regions.append(Region(first, int(y), last - first + 1, 1))
        return regions

    def strip(self, y: int, palette: Sequence[Style]) -> Strip:
        """Row `y` as a strip of exactly `width` cells; `palette` is indexed by style number."""
        if not self.width:
            return Strip([], 0)
        codes, styles = self.codes[y], self.styles[y]
        # A blank shows only its background, so it joins its neighbour's segment: half the segments.
        inked = np.flatnonzero(codes != _BLANK)
        if not len(inked):
            return Strip([Segment(" " * self.width, palette[0])], self.width)
        ink_styles = styles[inked]
        starts = np.flatnonzero(np.diff(ink_styles)) + 1
        edges = [0, *inked[starts].tolist(), self.width]
        numbers = [int(ink_styles[0]), *ink_styles[starts].tolist()]
        text = codes.tobytes().decode("utf-32-le")
        segments = [
            Segment(text[a:b], palette[number]) for (a, b), number in zip(pairwise(edges), numbers, strict=True)
        ]
        return Strip(segments, self.width)
