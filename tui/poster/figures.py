"""The facts in a grid: a small name, a large figure, a remark."""

from __future__ import annotations

from collections.abc import Sequence

from babytrain.tui.poster.facts import Fact
from babytrain.tui.poster.markup import Markup, joined, text
from babytrain.tui.poster.measure import fitting_size, wrapped
from babytrain.tui.poster.style import GUTTER, INK, LABEL_SIZE, LABEL_SPACING, NOTE_SIZE, SANS, SERIF, SOFT, Box

COLUMNS = 3
_VALUE_SIZE, _SMALL_VALUE = 92.0, 56.0


def label(words: str, x: float, y: float, *, anchor: str | None = None) -> Markup:
    """A name in small spaced capitals."""
    return text(x, y, words.upper(), font_family=SANS, font_size=LABEL_SIZE, letter_spacing=LABEL_SPACING, fill=SOFT,
                text_anchor=anchor)  # fmt: skip


def draw_figures(facts: Sequence[Fact], box: Box) -> Markup:
    """The facts within `box`, three in a row."""
    rows = max(1, -(-len(facts) // COLUMNS))
    width, height = (box.width - GUTTER * (COLUMNS - 1)) / COLUMNS, box.height / rows
    parts = []
    for place, fact in enumerate(facts):
        row, column = divmod(place, COLUMNS)
        parts.append(_figure(fact, box.x + column * (width + GUTTER), box.y + row * height, width))
    return joined(*parts)


def _figure(fact: Fact, x: float, y: float, width: float) -> Markup:
    size = fitting_size(fact.value, width, _VALUE_SIZE, _SMALL_VALUE)
    value = wrapped(fact.value, width, size, 2)
    first = y + LABEL_SIZE + (104 if len(value) == 1 else 74)
    below = first + 62 * (len(value) - 1)
    remark = wrapped(fact.remark, width, NOTE_SIZE - 3, 3 - len(value))
    return joined(
        label(fact.label, x, y + LABEL_SIZE),
        *(text(x, first + 62 * line, words, font_family=SERIF, font_size=size, fill=INK)
          for line, words in enumerate(value)),
        *(text(x, below + 60 + 44 * line, words, font_family=SANS, font_size=NOTE_SIZE - 3, fill=SOFT)
          for line, words in enumerate(remark)),
    )  # fmt: skip
