"""How wide a text will be, without asking a font: good enough to choose a size and to break a line.

The poster is drawn with whatever fonts its reader has, so no exact width exists. The widths here are those of a wide
book face; in a narrower one the text merely leaves more of the margin free.
"""

from __future__ import annotations

import unicodedata

from babytrain.tui.safe_text import ELLIPSIS

MONO_WIDTH = 0.602  # of the size; the same in all common monospaced faces
_NARROW = frozenset("iljtfrI.,:;'!|()[]/ ·-’‘“”\"")
_WIDE = frozenset("mwMWQ@%&—…")


def width_of(words: str, size: float) -> float:
    """The estimated width of one line at a font size, in the same unit."""
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
    """The largest font size at which one line fits, within limits."""
    natural = width_of(words, 1.0)
    return max(smallest, min(largest, width / natural)) if natural > 0 else largest


def shortened(words: str, width: float, size: float) -> str:
    """One line, cut with an ellipsis where it would not fit."""
    if width_of(words, size) <= width:
        return words
    room = width - width_of(ELLIPSIS, size)
    taken = 0.0
    for place, char in enumerate(words):
        taken += _em(char) * size
        if taken > room:
            return words[:place].rstrip() + ELLIPSIS
    return words


def wrapped(words: str, width: float, size: float, most_lines: int) -> list[str]:
    """Lines that fit, broken at spaces where there are any; the last one ends in an ellipsis when there was more."""
    lines: list[str] = []
    for line in words.split("\n"):
        lines.extend(_wrapped_line(line, width, size, most_lines + 1 - len(lines)))
        if len(lines) > most_lines:
            kept = lines[:most_lines]
            if kept:
                kept[-1] = shortened(kept[-1] + " " + ELLIPSIS, width, size)
            return kept
    return lines


def _wrapped_line(line: str, width: float, size: float, most_lines: int) -> list[str]:
    lines: list[str] = []
    rest = line.rstrip()
    while len(lines) < most_lines:
        taken, place = 0.0, 0
        while place < len(rest) and taken + _em(rest[place]) * size <= width:
            taken += _em(rest[place]) * size
            place += 1
        if place >= len(rest):
            lines.append(rest)
            break
        space = rest.rfind(" ", 1, place + 1)
        cut = space if space > 0 else max(1, place)
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return lines
