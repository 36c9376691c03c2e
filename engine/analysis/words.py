"""Words and sentences of a text: real, new or repeated words, and coherent sentences as docs/metrics.md defines them.

The lexicon is small, so for most texts the training text decides which words are real, its typing errors included.
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
    """Counts of the words of a text. Shares are None for a text with too few words."""

    words: int
    in_training: int  # words in the training text
    in_lexicon_only: int  # words in the lexicon only
    new_words: tuple[str, ...]  # the first distinct words that are not in the training text
    distinct_pairs_share: float | None  # distinct pairs of neighbouring words over all pairs

    @property
    def real_share(self) -> float | None:
        """Share of words that are real."""
        return (self.in_training + self.in_lexicon_only) / self.words if self.words else None


class KnownWords:
    """The words of a training text and of the lexicon."""

    def __init__(self, train_text: str) -> None:
        self._trained = frozenset(words_of(train_text))
        self._lexicon = syllables_by_word()

    def is_real(self, word: str) -> bool:
        """Whether `word` (as `words_of` gives it) is in the training text or the lexicon."""
        return word in self._trained or word in self._lexicon

    def measure(self, text: str, *, whole: bool = False) -> WordMetrics:
        """Measure the words of a text; `whole`: its last word is not cut off."""
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
    """The words of a text without a cut-off last word; `whole`: it is not cut off."""
    words = words_of(text)
    return words[:-1] if not whole and text[-1:].isalpha() else words


def quotes_balanced(text: str) -> bool:
    """Whether double quotation marks are balanced: straight ones even in number, curly and angled ones nested.

    Single marks are ignored, since they are apostrophes as well.
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
    """How many complete sentences of a text are coherent."""

    sentences: int
    coherent: int


def measure_sentences(text: str, known: KnownWords, *, whole: bool = False) -> SentenceMetrics:
    """Count the coherent sentences of a text; `whole`: its last sentence is not cut off."""
    sentences = sentences_of(text, whole=whole)
    return SentenceMetrics(len(sentences), sum(is_coherent(sentence, known) for sentence in sentences))


def sentences_of(text: str, *, whole: bool = False) -> list[str]:
    """The sentences of a text with their marks, without wordless ones and a cut-off last one."""
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
    """Whether a sentence is coherent by the seven rules of docs/metrics.md."""
    words = words_of(sentence)
    return (
        sentence.lstrip(_OPENING + "\n\t")[:1].isupper()
        and _ends_like_a_sentence(sentence)
        and FEWEST_SENTENCE_WORDS <= len(words) <= MOST_SENTENCE_WORDS
        and all(map(known.is_real, words))
        and any(is_verb_like(word) for word in words)
        and not _repeats(words)
        and quotes_balanced(sentence)
        and _brackets_balanced(sentence)
    )


@cache
def common_verbs() -> frozenset[str]:
    """Common verbs in all their forms, contractions included, from `common_verbs.txt`."""
    return frozenset(files("babytrain.engine.analysis").joinpath("common_verbs.txt").read_text("utf-8").split())


def is_verb_like(word: str) -> bool:
    """Whether a word is a common verb, or longer than four letters with the ending of a verb."""
    return word in common_verbs() or (len(word) > 4 and word.endswith(_ENDINGS))


def _ends_like_a_sentence(text: str) -> bool:
    return text.rstrip().rstrip(_CLOSING).endswith((".", "!", "?"))


def _repeats(words: list[str]) -> bool:
    pairs = list(itertools.pairwise(words))
    triples = zip(words, words[1:], words[2:], strict=False)
    pair_triples = zip(pairs, pairs[2:], pairs[4:], strict=False)
    return any(a == b == c for a, b, c in itertools.chain(triples, pair_triples))


def _brackets_balanced(text: str) -> bool:
    depths = list(itertools.accumulate((mark == "(") - (mark == ")") for mark in text))
    return not depths or (min(depths) >= 0 and depths[-1] == 0)
