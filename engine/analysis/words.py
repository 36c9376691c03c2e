"""The words and sentences of a text: real or invented, new or known, repeated, coherent or not.

A word is a run of letters, apostrophes inside it included; case does not count. It is real when our lexicon or the
training text has it. The lexicon is small, so for most texts it is the training text that decides, its typing errors
included.

A text is cut into sentences after `.`, `!`, `?` or `…` (with closing quotation marks or brackets) before white space,
and at blank lines. A sentence is coherent when all of these hold:

1. it begins with a capital letter, quotation marks or an opening bracket aside;
2. it ends with `.`, `!` or `?`, closing quotation marks or a bracket aside;
3. it has 3 to 40 words;
4. every word is real;
5. one of its words is a common verb, or has the ending -ed, -ing or -eth;
6. no word stands three times in a row, and no pair of words three times in a row;
7. its double quotation marks and round brackets are balanced.

Choices: this is about form. Such a sentence may still make no sense; grammar beyond this would need a parser.
Sentences that the end of the sample cuts off are not counted.
"""

from __future__ import annotations

import itertools
import re
from functools import cache
from importlib.resources import files

import msgspec

from babytrain.engine.data.haiku.syllables import syllables_by_word

SHOWN_NEW_WORDS = 8
LONGEST_SHOWN_WORD = 40
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_QUOTES = {"“": "”", "«": "»"}


class WordMetrics(msgspec.Struct, frozen=True):
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

    def measure(self, text: str, *, whole: bool = False) -> WordMetrics:
        """Every word of a text, unless the end cuts the last one off; `whole`: it was not cut off."""
        words = complete_words(text, whole=whole)
        new = [word for word in words if word not in self._trained]
        pairs = list(itertools.pairwise(words))
        return WordMetrics(
            words=len(words),
            in_training=len(words) - len(new),
            in_lexicon_only=sum(word in self._lexicon for word in new),
            new_words=tuple(word[:LONGEST_SHOWN_WORD] for word in list(dict.fromkeys(new))[:SHOWN_NEW_WORDS]),
            distinct_pairs_share=len(set(pairs)) / len(pairs) if pairs else None,
        )


def words_of(text: str) -> list[str]:
    """The words of a text in order, lower case, with straight apostrophes."""
    return _WORD.findall(text.lower().replace("’", "'"))


def complete_words(text: str, *, whole: bool = False) -> list[str]:
    """The words of a text without one that its end cuts off; `whole`: it was not cut off."""
    words = words_of(text)
    return words[:-1] if not whole and text[-1:].isalpha() else words


def quotes_balanced(text: str) -> bool:
    """Whether every double quotation mark has its partner: straight ones are even, curly and angled ones nest.

    Single marks do not count, since they are apostrophes as well.
    """
    open_marks: list[str] = []
    for mark in text:
        if mark in _QUOTES:
            open_marks.append(_QUOTES[mark])
        elif mark in _QUOTES.values() and (not open_marks or open_marks.pop() != mark):
            return False
    return not open_marks and text.count('"') % 2 == 0


FEWEST_SENTENCE_WORDS, MOST_SENTENCE_WORDS = 3, 40
_ENDINGS = ("ed", "ing", "eth")
_BOUNDARY = re.compile(r"(?<=[.!?…])(?:[\"”»)\]]*)(?=\s)|\n[^\S\n]*\n")
_OPENING = "\"“«([-– '‘"
_CLOSING = "\"”»)]'’"


class SentenceMetrics(msgspec.Struct, frozen=True):
    """How many of the complete sentences of a text are coherent."""

    sentences: int
    coherent: int


def measure_sentences(text: str, known: KnownWords, *, whole: bool = False) -> SentenceMetrics:
    """Count the coherent sentences of a text; `whole`: it was not cut off, so what its end closes counts as well."""
    sentences = sentences_of(text, whole=whole)
    return SentenceMetrics(len(sentences), sum(is_coherent(sentence, known) for sentence in sentences))


def sentences_of(text: str, *, whole: bool = False) -> list[str]:
    """The sentences of a text with their marks, those without a word left out, and the last one if it is cut off."""
    sentences: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        sentences.append(text[start : boundary.end()].strip())
        start = boundary.end()
    rest = text[start:].strip()
    if whole or _ends_like_a_sentence(rest):
        sentences.append(rest)
    return [sentence for sentence in sentences if words_of(sentence)]


def is_coherent(sentence: str, known: KnownWords) -> bool:
    """Whether one sentence meets the written definition, see above."""
    words = words_of(sentence)
    return (
        sentence.lstrip(_OPENING + "\n\t")[:1].isupper()
        and _ends_like_a_sentence(sentence)
        and FEWEST_SENTENCE_WORDS <= len(words) <= MOST_SENTENCE_WORDS
        and all(map(known.is_real, words))
        and any(is_verb_like(word) for word in words)
        and not _stutters(words)
        and quotes_balanced(sentence)
        and _brackets_balanced(sentence)
    )


@cache
def common_verbs() -> frozenset[str]:
    """Common verbs in the forms they are met in, contractions included, from `common_verbs.txt`."""
    return frozenset(files("babytrain.engine.analysis").joinpath("common_verbs.txt").read_text("utf-8").split())


def is_verb_like(word: str) -> bool:
    """Whether a word is one of the common verbs, or longer than four letters with the ending of a verb."""
    return word in common_verbs() or (len(word) > 4 and word.endswith(_ENDINGS))


def _ends_like_a_sentence(text: str) -> bool:
    return text.rstrip().rstrip(_CLOSING).endswith((".", "!", "?"))


def _stutters(words: list[str]) -> bool:
    pairs = list(itertools.pairwise(words))
    triples = zip(words, words[1:], words[2:], strict=False)
    pair_triples = zip(pairs, pairs[2:], pairs[4:], strict=False)
    return any(a == b == c for a, b, c in itertools.chain(triples, pair_triples))


def _brackets_balanced(text: str) -> bool:
    depths = list(itertools.accumulate((mark == "(") - (mark == ")") for mark in text))
    return not depths or (min(depths) >= 0 and depths[-1] == 0)
