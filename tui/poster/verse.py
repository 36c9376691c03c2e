"""The sample, as large as it goes: poems are set as poems, anything else as a paragraph."""

from __future__ import annotations

import re
from dataclasses import dataclass

from babytrain.runs.events import Sample
from babytrain.tui.poster.choice import whole_poems
from babytrain.tui.poster.markup import Markup, joined, text
from babytrain.tui.poster.measure import fitting_size, shortened, wrapped
from babytrain.tui.poster.style import INK, SERIF, SOFT
from babytrain.tui.safe_text import safe_text

_LEADING = 1.28
_LARGEST, _LARGEST_PROSE, _SMALLEST = 150.0, 84.0, 46.0
_BLANK_LINES = re.compile(r"\n\s*\n")
_ASIDE, _APART = 46.0, 80.0
_HERO_SHARE = 0.66  # of the width, when other poems stand beside the first


@dataclass(frozen=True)
class SetSample:
    """A sample set in type: how tall it came out, and how to draw it at a place."""

    height: float
    lines: tuple[tuple[str, float, float, float, str], ...]  # words, x and baseline from the corner, size, ink

    def draw(self, x: float, y: float) -> Markup:
        """The sample with its upper left corner there."""
        return joined(
            *(text(x + left, y + base, words, font_family=SERIF, font_style="italic", font_size=size, fill=ink)
              for words, left, base, size, ink in self.lines)
        )  # fmt: skip


def set_sample(sample: Sample, width: float, most_height: float) -> SetSample:
    """The sample in at most so much room."""
    words = safe_text(sample.prompt + sample.text)
    poems = whole_poems(words)
    return (
        _poems(poems, width, most_height)
        if poems
        else _prose(_BLANK_LINES.sub("\n\n", words.strip("\n")), width, most_height)
    )


def _poems(poems: list[list[str]], width: float, most_height: float) -> SetSample:
    """The first poem large, two more small beside it."""
    hero, others = poems[0], poems[1:3]
    room = width * _HERO_SHARE if others else width
    size = min(fitting_size(line, room, _LARGEST, _SMALLEST) for line in hero)
    size = min(size, most_height / (len(hero) * _LEADING))
    lines = [(shortened(line, room, size), 0.0, size * (0.8 + row * _LEADING), size, INK)
             for row, line in enumerate(hero)]  # fmt: skip
    height = size * (0.8 + (len(hero) - 1) * _LEADING + 0.25)
    small, left = min(_ASIDE, height / 8.4), room + _APART
    base = small * 0.8
    for poem in others:
        for line in poem:
            lines.append((shortened(line, width - left, small), left, base, small, SOFT))
            base += small * _LEADING
        base += small * 0.95
    return SetSample(height, tuple(lines))


def _prose(words: str, width: float, most_height: float) -> SetSample:
    """As large as the whole text allows, and cut only when it does not fit at the smallest size."""
    size = _LARGEST_PROSE
    while size > _SMALLEST:
        rows = int(most_height / (size * _LEADING))
        if len(wrapped(words, width, size, rows + 1)) <= rows:
            break
        size -= 4
    size = max(size, _SMALLEST)
    broken = wrapped(words, width, size, max(1, int(most_height / (size * _LEADING))))
    lines = tuple((line, 0.0, size * (0.8 + row * _LEADING), size, INK) for row, line in enumerate(broken))
    return SetSample(size * (0.8 + max(0, len(broken) - 1) * _LEADING + 0.25), lines)
