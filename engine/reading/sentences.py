"""What "a coherent sentence" means here, written down so that a program can decide it.

A text is cut into sentences after `.`, `!`, `?` or `…` (with closing quotation marks or brackets) before white space,
and at blank lines. A sentence is coherent when all of these hold:

1. it begins with a capital letter, quotation marks or an opening bracket aside;
2. it ends with `.`, `!` or `?`, closing quotation marks or a bracket aside;
3. it has 3 to 40 words;
4. every word is real: our lexicon or the training text has it;
5. one of its words is a common verb, or has the ending -ed, -ing or -eth;
6. no word stands three times in a row, and no pair of words three times in a row;
7. its double quotation marks and round brackets are balanced.

Choices: this is about form. Such a sentence may still make no sense, and a line of verse may be good without being
one; grammar beyond this would need a parser. Sentences that the end of the sample cuts off are not counted.
"""

from __future__ import annotations

import itertools
import re
from functools import cache
from importlib.resources import files

import msgspec

from babytrain.engine.reading.words import KnownWords, quotes_balanced, words_of

FEWEST_WORDS, MOST_WORDS = 3, 40

_ENDINGS = ("ed", "ing", "eth")
_BOUNDARY = re.compile(r"(?<=[.!?…])(?:[\"”»)\]]*)(?=\s)|\n[^\S\n]*\n")
_OPENING = "\"“«([-– '‘"
_CLOSING = "\"”»)]'’"


class SentenceReport(msgspec.Struct, frozen=True):
    """How many of the complete sentences of a text are coherent."""

    sentences: int
    coherent: int


def judge_sentences(text: str, known: KnownWords, *, whole: bool = False) -> SentenceReport:
    """Count the coherent sentences of a text; `whole`: it was not cut off, so what its end closes counts as well."""
    sentences = sentences_of(text, whole=whole)
    return SentenceReport(len(sentences), sum(is_coherent(sentence, known) for sentence in sentences))


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
        and FEWEST_WORDS <= len(words) <= MOST_WORDS
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
    in_a_row = zip(words, words[1:], words[2:], strict=False)
    pairs = list(itertools.pairwise(words))
    return any(a == b == c for a, b, c in in_a_row) or any(
        a == b == c for a, b, c in zip(pairs, pairs[2:], pairs[4:], strict=False)
    )


def _brackets_balanced(text: str) -> bool:
    depth = 0
    for mark in text:
        depth += (mark == "(") - (mark == ")")
        if depth < 0:
            return False
    return depth == 0
