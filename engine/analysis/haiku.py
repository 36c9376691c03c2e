"""The form of haiku by syllables, and their novelty against the training text; rules in docs/metrics.md.

Choices: the last poem of a text that does not end in a blank line may be cut off, so it does not count, unless the
caller says that the text is whole. Novelty ignores case, punctuation and spaces.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from babytrain.engine.data.haiku.grammar import default_grammar
from babytrain.engine.data.haiku.syllables import WORD_OR_NUMBER, guess_syllables, syllables_by_word

HAIKU_SYLLABLES = (5, 7, 5)

_BLANK = re.compile(r"\n[^\S\n]*\n")


class HaikuMetrics(msgspec.Struct, frozen=True):
    """Counts of the poems of a text."""

    poems: int
    valid: int  # of the right form
    new_valid: int | None  # valid ones that are new; None without a training text
    unseen_pairs: int | None  # valid ones with a held-out pair of snake and season word
    different_valid: int = 0  # of the valid ones, each counted once


class HaikuAnalyzer:
    """Compares poems with a training text (None: form only). `built_in`: it is the built-in corpus."""

    def __init__(self, train_text: str | None = None, *, built_in: bool = False) -> None:
        self.built_in = built_in
        self._poems: frozenset[tuple[str, ...]] | None = None  # all three lines in a row
        if train_text is not None:
            lines = _plain_lines(train_text)
            self._poems = frozenset(zip(lines, lines[1:], lines[2:], strict=False))

    def measure(self, text: str, *, whole: bool = False) -> HaikuMetrics:
        """Count the poems of a text; `whole`: it is not cut off, so its last poem counts as well."""
        poems = split_poems(text, whole=whole)
        valid = [poem for poem in poems if is_haiku(poem)]
        known, grammar = self._poems, default_grammar() if self.built_in else None
        return HaikuMetrics(
            poems=len(poems),
            valid=len(valid),
            new_valid=None if known is None else sum(_plain_lines(poem) not in known for poem in valid),
            unseen_pairs=None if grammar is None else sum(map(grammar.is_held_out, valid)),
            different_valid=len(set(map(_plain_lines, valid))),
        )


def is_haiku(poem: str) -> bool:
    """Whether a text has three lines that can be read with 5, 7 and 5 syllables; blank lines are ignored."""
    lines = [line for line in poem.splitlines() if line.strip()]
    if len(lines) != len(HAIKU_SYLLABLES):
        return False
    ranges = map(line_syllables, lines)
    return all(found and found[0] <= wanted <= found[1] for found, wanted in zip(ranges, HAIKU_SYLLABLES, strict=True))


def split_poems(text: str, *, whole: bool = False) -> list[str]:
    """The pieces between blank lines; the last one only if a blank line, or with `whole` the end, closes it."""
    pieces = split_at_blank_lines(text)
    return [piece for piece in (pieces if whole else pieces[:-1]) if piece.strip()]


def split_at_blank_lines(text: str) -> list[str]:
    """The pieces between blank lines, empty and unfinished ones included."""
    return _BLANK.split(text)


def line_syllables(line: str) -> tuple[int, int] | None:
    """The fewest and most syllables of a line; None without a word or with a number."""
    words = WORD_OR_NUMBER.findall(line.lower())
    if not words or any(word.isdecimal() for word in words):
        return None
    ranges = syllable_ranges()
    fewest = most = 0
    for word in (word.replace("’", "'") for word in words):
        low, high = ranges.get(word) or (guess_syllables(word),) * 2
        fewest += low
        most += high
    return fewest, most


@cache
def syllable_ranges() -> Mapping[str, tuple[int, int]]:
    """The fewest and most syllables of words in the lexicon and of common words with two pronunciations."""
    text = files("babytrain.engine.analysis").joinpath("syllable_exceptions.toml").read_text("utf-8")
    in_two_ways = {word: (int(n), int(n) + 1) for n, words in tomllib.loads(text).items() for word in words.split()}
    return {word: (count, count) for word, count in syllables_by_word().items()} | in_two_ways


def _plain_lines(poem: str) -> tuple[str, ...]:
    """The lines that have words, each as its words in lower case joined by spaces."""
    lines = (" ".join(WORD_OR_NUMBER.findall(line.lower())) for line in poem.splitlines())
    return tuple(line for line in lines if line)
