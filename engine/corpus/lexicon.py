"""How many syllables a word has, by our own list (`syllables.toml`): the words of our haiku and some common ones.

Choices: a word that is not on the list is unknown and never guessed here; `syllable_rule` does that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from babytrain.engine.data.haiku.grammar_data import read_toml

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


@cache
def syllables_by_word() -> Mapping[str, int]:
    """The syllables of every word on the list."""
    return {word: int(count) for count, words in read_toml("syllables.toml").items() for word in words.split()}


def count_line(line: str) -> int | None:
    """Syllables in a line, whatever its case and punctuation; None when it has a word that is not on the list."""
    known, total = syllables_by_word(), 0
    for word in _WORD.findall(line.lower()):
        if word not in known:
            return None
        total += known[word]
    return total
