"""Syllables of words: a list (`syllables.toml`), and a rule on letters for words that are not on it.

The rule removes misleading vowels (silent e, the u of guest and queen, the y of voyage), counts groups of vowels, and
adds one for vowels spoken apart (lion, chaos, diet) and for syllables without a vowel (rhythm, didn't). On the 420 test
words of `bench/judging/syllable_words.py`, counted by hand before it was written, it is right for 97.1%.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from babytrain.engine.data.haiku.grammar_data import read_toml

WORD_OR_NUMBER = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


@cache
def syllables_by_word() -> Mapping[str, int]:
    """The syllables of every word on the list."""
    return {word: int(count) for count, words in read_toml("syllables.toml").items() for word in words.split()}


def count_line_syllables(line: str) -> int | None:
    """Syllables in a line, ignoring case and punctuation; None when a word is not on the list."""
    known, total = syllables_by_word(), 0
    for word in WORD_OR_NUMBER.findall(line.lower()):
        if word not in known:
            return None
        total += known[word]
    return total


_VOWELS = re.compile(r"[aeiouy]+")


@cache
def _syllable_rules() -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
    """Patterns of silent vowels and of vowels spoken apart, from `syllable_rules.toml`."""
    rules = read_toml("syllable_rules.toml")
    return [re.compile(pattern) for pattern in rules["silent"]], [re.compile(pattern) for pattern in rules["apart"]]


def guess_syllables(word: str) -> int:
    """Syllables of an English word by its letters alone, at least 1; case is ignored."""
    silent, apart = _syllable_rules()
    letters = word.lower().replace("’", "'")
    for pattern in silent:
        letters = pattern.sub("-", letters)
    return max(1, len(_VOWELS.findall(letters)) + sum(len(pattern.findall(letters)) for pattern in apart))
