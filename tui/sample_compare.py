"""Which words of two texts differ. Pure functions.

Words are compared, not characters: between two texts of a model that learns to spell, nearly every letter moves, and
what a person sees is words. White space and line breaks do not count. Choices:

- A stretch of neighbouring words that differ is one stretch, so that it can be set off with two signs; it ends at a
  line break, because signs that stand on different lines are not seen to belong together.
- The matching is `difflib`'s without its shortcut for frequent words, which would call every "the" different in a long
  text. That costs time with the square of the length, so only the first words are compared (`MOST_WORDS`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TypeAlias

Stretch: TypeAlias = tuple[int, int]  # first character and the one after the last

MOST_WORDS = 1200
_WORD = re.compile(r"[\w'’]+|[^\w\s]")


@dataclass(frozen=True)
class Comparison:
    """Stretches of either text that the other one does not have, in order, and how much they have in common."""

    left: tuple[Stretch, ...]
    right: tuple[Stretch, ...]
    same_share: float  # of the words of both texts, those that stand in both in the same order
    is_whole: bool = True  # False when the texts were too long to be compared to their ends


@lru_cache(maxsize=64)
def compare_texts(left: str, right: str) -> Comparison:
    """The words in which two texts differ."""
    words = _words(left), _words(right)
    whole = max(len(words[0]), len(words[1])) <= MOST_WORDS
    lefts, rights = words[0][:MOST_WORDS], words[1][:MOST_WORDS]
    matcher = SequenceMatcher(None, [left[a:b] for a, b in lefts], [right[a:b] for a, b in rights], autojunk=False)
    opcodes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return Comparison(
        tuple(stretch for _, a, b, _, _ in opcodes for stretch in _joined(left, lefts[a:b])),
        tuple(stretch for _, _, _, a, b in opcodes for stretch in _joined(right, rights[a:b])),
        matcher.ratio(),
        whole,
    )


def _words(text: str) -> list[Stretch]:
    """Where the words are; a mark that stands on a letter belongs to its word."""
    words: list[Stretch] = []
    for match in _WORD.finditer(text):
        if words and words[-1][1] == match.start() and _continues(text, match.start()):
            words[-1] = (words[-1][0], match.end())
        else:
            words.append(match.span())
    return words


def _continues(text: str, place: int) -> bool:
    """Whether what begins here belongs to the character before: a mark, or the letters that go on after one."""
    return unicodedata.category(text[place])[0] == "M" or unicodedata.category(text[place - 1])[0] == "M"


def _joined(text: str, words: list[Stretch]) -> list[Stretch]:
    """Neighbouring words in one stretch, as far as the line goes."""
    joined: list[Stretch] = []
    for start, end in words:
        if joined and "\n" not in text[joined[-1][1] : start]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
