"""Lines of styled texts, fitted to a width and turned into strips.

A span is a text and the name of its style. Unprintable characters are replaced; nothing is parsed as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from babytrain.tui.terminal.charset import CharsetName, fold_to_charset

StyledText: TypeAlias = tuple[str, str]
StyledLine: TypeAlias = tuple[StyledText, ...]


@dataclass(frozen=True)
class LinePart:
    """A piece of a line that is shown whole or not at all; the highest `rank` is left out first."""

    spans: StyledLine
    rank: int = 0


def line_part(text: str, style: str = "", rank: int = 0) -> LinePart:
    """A text in one style."""
    return LinePart(((replace_unprintable(text), style),), rank)


def labelled_part(label: str, value: str, rank: int = 0, style: str = "") -> LinePart:
    """A label and a value."""
    return LinePart(((f"{label} ", "label"), (value, style)), rank)


def replace_unprintable(text: str) -> str:
    """`text` with unprintable characters replaced."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in text)


def line_length(line: Sequence[StyledText]) -> int:
    """The width of a line in columns."""
    return sum(cell_len(text) for text, _ in line)


def fit_parts(chunks: Sequence[LinePart], width: int, gap: str = "  ") -> StyledLine:
    """As many chunks as fit into `width` columns, by rank, in the given order."""
    chosen: set[int] = set()
    free = width
    for number in sorted(range(len(chunks)), key=lambda number: chunks[number].rank):
        needed = line_length(chunks[number].spans) + (len(gap) if chosen else 0)
        if needed <= free:
            chosen.add(number)
            free -= needed
    line: list[StyledText] = []
    for number, chunk in enumerate(chunks):
        if number in chosen:
            line.extend([(gap, ""), *chunk.spans] if line else chunk.spans)
    return tuple(line)


def shorten_to_columns(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` cut to `width` columns, ending in `ellipsis` if it was cut."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - len(ellipsis))).rstrip() + ellipsis if width > 0 else ""


def to_strip(
    line: Sequence[StyledText], width: int, palette: Mapping[str, Style], charset: CharsetName = "braille"
) -> Strip:
    """A strip of exactly `width` columns; the style named "" is the background."""
    segments: list[Segment] = []
    free = width
    for text, name in line:
        if free <= 0:
            break
        clean = fold_to_charset(replace_unprintable(text), charset)
        length = cell_len(clean)
        if length > free:
            clean, length = set_cell_size(clean, free), free
        segments.append(Segment(clean, palette[name]))
        free -= length
    if free > 0:
        segments.append(Segment(" " * free, palette[""]))
    return Strip(segments, width)
