"""The words of a text: real or invented, new or known, and how often pairs of them repeat.

A word is a run of letters, apostrophes inside it included; case does not count. It is real when our lexicon or the
training text has it. The lexicon is small (about 1,200 words), so for most texts it is the training text that decides,
typing errors of that text included; how many words each of the two vouches for is reported.
"""

from __future__ import annotations

import itertools
import re

import msgspec

from babytrain.engine.corpus.lexicon import syllables_by_word

SHOWN_NEW_WORDS = 8
LONGEST_SHOWN_WORD = 40

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_QUOTES = {"“": "”", "«": "»"}


class WordReport(msgspec.Struct, frozen=True):
    """What the words of a text are. Shares are None for a text without (enough) words."""

    words: int
    in_training: int  # words that the training text has
    in_lexicon_only: int  # words that only our lexicon has
    new_words: tuple[str, ...]  # the first different words that the training text has not
    distinct_pairs_share: float | None  # different pairs of neighbouring words over all pairs

    @property
    def real_share(self) -> float | None:
        """Share of words that are real."""
        return (self.in_training + self.in_lexicon_only) / self.words if self.words else None


class KnownWords:
    """The words of a training text, beside those of our lexicon."""

    def __init__(self, train_text: str) -> None:
        self._trained = frozenset(words_of(train_text))
        self._lexicon = syllables_by_word()

    def is_real(self, word: str) -> bool:
        """Whether `word` (as `words_of` gives it) is known to the training text or the lexicon."""
        return word in self._trained or word in self._lexicon

    def report(self, text: str, *, whole: bool = False) -> WordReport:
        """Look at every word of a text, unless the end cuts the last one off; `whole`: it was not cut off."""
        words = words_of(text)
        if not whole and words and text[-1:].isalpha():
            words.pop()
        new = [word for word in words if word not in self._trained]
        pairs = list(itertools.pairwise(words))
        return WordReport(
            words=len(words),
            in_training=len(words) - len(new),
            in_lexicon_only=sum(word in self._lexicon for word in new),
            new_words=tuple(word[:LONGEST_SHOWN_WORD] for word in list(dict.fromkeys(new))[:SHOWN_NEW_WORDS]),
            distinct_pairs_share=len(set(pairs)) / len(pairs) if pairs else None,
        )


def words_of(text: str) -> list[str]:
    """The words of a text in order, lower case, with straight apostrophes."""
    return _WORD.findall(text.lower().replace("’", "'"))


def quotes_balanced(text: str) -> bool:
    """Whether every double quotation mark has its partner: straight ones are even, curly and angled ones nest.

    Single marks are not looked at, since they are apostrophes as well.
    """
    open_marks: list[str] = []
    for mark in text:
        if mark in _QUOTES:
            open_marks.append(_QUOTES[mark])
        elif mark in _QUOTES.values() and (not open_marks or open_marks.pop() != mark):
            return False
    return not open_marks and text.count('"') % 2 == 0
