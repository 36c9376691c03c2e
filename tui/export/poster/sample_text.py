"""The sample, as large as possible: poems line by line, other text in one to three columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from babytrain.runs.events import Sample
from babytrain.tui.export.markup import Markup, join_markup
from babytrain.tui.export.poster.typography import (
    INK,
    SERIF,
    SOFT_INK,
    draw_text,
    fitting_size,
    shorten_to_width,
    wrap_to_width,
)
from babytrain.tui.terminal.safe_text import safe_text


def complete_poems(words: str) -> list[list[str]]:
    """The complete three-line poems in a sample; [] when it is not verse.

    The last poem counts only when something follows it, because it may be cut at the maximum number of tokens.
    """
    parts = re.split(r"\n[ \t]*\n+", words.replace("\r\n", "\n").lstrip("\n"))
    if len(parts) < 2:
        return []
    stanzas = [[line.strip() for line in part.split("\n") if line.strip()] for part in parts]
    whole = [stanza for stanza in stanzas[:-1] if len(stanza) == _POEM_LINES]
    verse = all(len(line) <= _MAX_POEM_LINE for stanza in whole for line in stanza)
    return whole if verse and 2 * len(whole) >= len(stanzas) - 1 else []


_POEM_LINES = 3
_MAX_POEM_LINE = 60
_LEADING = 1.28
_LARGEST, _LARGEST_PROSE, _SMALLEST = 150.0, 84.0, 46.0
_BLANK_LINES = re.compile(r"\n\s*\n")
_ASIDE, _APART = 46.0, 80.0
_MOST_COLUMNS = 3
_LONGEST_VERSE_LINE = 60  # characters; a text of such lines is not wrapped
_TOO_WIDE, _TOO_WIDE_COSTS = 42.0, 0.8  # em; factor of the merit of wider columns
_LONGEST_PROMPT = 60
_HERO_SHARE = 0.66  # of the width, for the first poem beside others


@dataclass(frozen=True)
class TypesetSample:
    """A sample broken into lines of chosen sizes."""

    height: float
    lines: tuple[tuple[str, float, float, float, str], ...]  # text, x, baseline, size, colour

    def draw(self, x: float, y: float) -> Markup:
        """The sample with its upper left corner at (x, y)."""
        return join_markup(
            *(
                draw_text(words, x + left, y + base, size, SERIF, fill=ink, font_style="italic")
                for words, left, base, size, ink in self.lines
            )
        )


def typeset_sample(sample: Sample, width: float, most_height: float) -> TypesetSample:
    """Set the sample within `width` and `most_height`."""
    words = safe_text(shown_prompt(sample) + sample.text)
    if poems := complete_poems(words):
        return _poems(poems, width, most_height)
    return _prose(_BLANK_LINES.sub("\n\n", words.strip("\n")), width, most_height)


def shown_prompt(sample: Sample) -> str:
    """The prompt of a sample, "" if it is too long to show."""
    return sample.prompt if len(sample.prompt) <= _LONGEST_PROMPT else ""


def _poems(poems: list[list[str]], width: float, most_height: float) -> TypesetSample:
    """The first poem large, two more in small beside it."""
    hero, others = poems[0], poems[1:3]
    room = width * _HERO_SHARE if others else width
    size = min(fitting_size(line, room, _LARGEST, _SMALLEST) for line in hero)
    size = min(size, most_height / (len(hero) * _LEADING))
    lines = [(shorten_to_width(line, room, size), 0.0, size * (0.8 + row * _LEADING), size, INK)
             for row, line in enumerate(hero)]  # fmt: skip
    height = size * (0.8 + (len(hero) - 1) * _LEADING + 0.25)
    small, left = min(_ASIDE, height / 8.4), room + _APART
    base = small * 0.8
    for poem in others:
        for line in poem:
            lines.append((shorten_to_width(line, width - left, small), left, base, small, SOFT_INK))
            base += small * _LEADING
        base += small * 0.95
    return TypesetSample(height, tuple(lines))


@dataclass(frozen=True)
class _Columns:
    columns: list[list[str]]
    size: float
    room: float  # of one column

    @property
    def merit(self) -> float:
        """Higher for larger letters and for lines that are not too long."""
        return self.size * (_TOO_WIDE_COSTS if self.room / self.size > _TOO_WIDE else 1.0)


def _prose(words: str, width: float, most_height: float) -> TypesetSample:
    """As large as the whole text fits, cut only at the smallest size."""
    found = [
        fitted
        for count in range(1, _MOST_COLUMNS + 1)
        if (fitted := _fitted(words, (width - _APART * (count - 1)) / count, count, most_height)) is not None
    ]
    best = max(found, key=lambda columns: columns.merit) if found else _cut(words, width, most_height)
    lines = tuple(
        (line, column * (best.room + _APART), best.size * (0.8 + row * _LEADING), best.size, INK)
        for column, held in enumerate(best.columns)
        for row, line in enumerate(held)
    )
    rows = max(map(len, best.columns), default=0)
    return TypesetSample(best.size * (0.8 + max(0, rows - 1) * _LEADING + 0.25), lines)


def _fitted(words: str, room: float, count: int, most_height: float) -> _Columns | None:
    """The whole text in `count` columns of width `room`, as large as possible; None when it does not fit."""
    own_lines = words.split("\n")
    is_verse = all(len(line) <= _LONGEST_VERSE_LINE for line in own_lines)
    size = _LARGEST_PROSE
    while size >= _SMALLEST:
        rows = int(most_height / (size * _LEADING))
        lines = wrap_to_width(words, room, size, rows * count + 1)
        if len(lines) <= rows * count and not (is_verse and count > 1 and len(lines) > len(own_lines)):
            for height in range(-(-len(lines) // count), rows + 1):
                columns = _dealt(lines, count, height)
                if columns is not None:
                    return _Columns(columns, size, room)
        size -= 2
    return None


def _dealt(lines: list[str], count: int, rows: int) -> list[list[str]] | None:
    """Lines in columns of at most `rows`, without blank lines at their ends; stanzas stay whole if possible."""
    columns: list[list[str]] = []
    rest = list(lines)
    while rest and len(columns) < count:
        while rest and not rest[0]:
            rest.pop(0)
        taken = rest[:rows]
        if len(rest) > rows and rest[rows] and "" in taken[rows // 2 :]:
            taken = taken[: len(taken) - 1 - taken[::-1].index("")]
        rest = rest[len(taken) :]
        while taken and not taken[-1]:
            taken.pop()
        columns.append(taken)
    return None if any(rest) else columns


def _cut(words: str, width: float, most_height: float) -> _Columns:
    """As much as fits at the smallest size, in two columns."""
    count = _MOST_COLUMNS - 1
    room = (width - _APART * (count - 1)) / count
    rows = max(1, int(most_height / (_SMALLEST * _LEADING)))
    lines = wrap_to_width(words, room, _SMALLEST, rows * count)
    return _Columns([lines[start : start + rows] for start in range(0, len(lines), rows)], _SMALLEST, room)
