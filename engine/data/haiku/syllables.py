"""How many syllables a word has: our own list (`syllables.toml`), and a rule on its letters for words without an entry.

Choices: counts are those of ordinary speech. The rule counts groups of vowels after letters that mislead have been
taken out (silent e, the u of guest and queen, the y of voyage), and adds one for vowels that are said apart (lion,
chaos, diet) and for syllables without a vowel (rhythm, didn't). It was measured against words counted by hand before
it was made (`bench/judging/syllable_words.py`): 97.1% of the 420 words kept for testing were right at the first try.
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
    """Syllables in a line, whatever its case and punctuation; None when it has a word that is not on the list."""
    known, total = syllables_by_word(), 0
    for word in WORD_OR_NUMBER.findall(line.lower()):
        if word not in known:
            return None
        total += known[word]
    return total


_VOWELS = re.compile(r"[aeiouy]+")


@cache
def _syllable_rules() -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
    """The silent vowels and the vowels said apart, from `syllable_rules.toml`."""
    rules = read_toml("syllable_rules.toml")
    return [re.compile(pattern) for pattern in rules["silent"]], [re.compile(pattern) for pattern in rules["apart"]]


def guess_syllables(word: str) -> int:
    """Syllables of an English word by its letters alone, at least 1; its case does not matter."""
    silent, apart = _syllable_rules()
    letters = word.lower().replace("’", "'")
    for pattern in silent:
        letters = pattern.sub("-", letters)
    return max(1, len(_VOWELS.findall(letters)) + sum(len(pattern.findall(letters)) for pattern in apart))
