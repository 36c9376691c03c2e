"""Is it a haiku, and is it a new one? Form by syllables, novelty against the training text.

A poem is what stands between blank lines. Its form is right when it has three lines of which 5, 7 and 5 syllables are
possible readings: words of our lexicon have its count, a few common words that are said in two ways have both, any
other word has what `guess_syllables` says. A line with a digit, or without a word, has no
reading. A poem is new when its three lines never follow each other in the training text, and a line is new when it
never stands there; case, punctuation and spaces do not count.

Choices: the last piece of a text that does not end in a blank line may be cut off by the length of the sample, so it
is not judged, unless the caller says that the text is whole.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from babytrain.engine.corpus.haiku import default_grammar
from babytrain.engine.corpus.lexicon import syllables_by_word
from babytrain.engine.reading.syllable_rule import guess_syllables

FORM = (5, 7, 5)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")
_BLANK = re.compile(r"\n[^\S\n]*\n")


class LineForm(msgspec.Struct, frozen=True):
    """The fewest and the most syllables a line can be read with, and its words outside the lexicon."""

    fewest: int
    most: int
    guessed: tuple[str, ...]


class HaikuVerdict(msgspec.Struct, frozen=True):
    """One poem judged."""

    is_valid: bool
    syllables: tuple[int, ...]  # of each line, its fewest; 0 for a line that cannot be read
    guessed_words: tuple[str, ...]  # words whose syllables come from the rule
    is_new: bool | None  # None without a training text
    new_lines: int | None


class HaikuReport(msgspec.Struct, frozen=True):
    """All poems of a text."""

    poems: int
    valid: int
    new: int | None  # among all poems; None without a training text
    new_valid: int | None  # among the valid ones
    new_lines: int | None  # among all lines of all poems
    lines: int
    never_paired: (
        int | None
    )  # valid poems with a snake and a season word that the built-in corpus never brings together
    guessed_words: int


class HaikuJudge:
    """Judges poems against a training text (none: form only). `built_in`: the text is our own corpus of haiku."""

    def __init__(self, train_text: str | None = None, *, built_in: bool = False) -> None:
        self.built_in = built_in
        self._lines: frozenset[str] | None = None
        self._triples: frozenset[tuple[str, ...]] = frozenset()
        if train_text is not None:
            lines = [plain for line in train_text.splitlines() if (plain := plain_line(line))]
            self._lines = frozenset(lines)
            self._triples = frozenset(_triples(lines))

    def judge(self, poem: str) -> HaikuVerdict:
        """Judge one poem; blank lines around it do not count."""
        lines = [line for line in poem.splitlines() if line.strip()]
        forms = [read_line(line) for line in lines]
        valid = len(forms) == len(FORM) and all(
            form is not None and form.fewest <= wanted <= form.most for form, wanted in zip(forms, FORM, strict=True)
        )
        plain = tuple(plain_line(line) for line in lines)
        seen = self._lines
        return HaikuVerdict(
            is_valid=valid,
            syllables=tuple(form.fewest if form else 0 for form in forms),
            guessed_words=tuple(word for form in forms if form for word in form.guessed),
            is_new=None if seen is None else not self._was_trained_on(plain),
            new_lines=None if seen is None else sum(line not in seen for line in plain),
        )

    def report(self, text: str, *, whole: bool = False) -> HaikuReport:
        """Judge every poem of a text; `whole`: it was not cut off, so its last poem counts as well."""
        poems = poems_of(text, whole=whole)
        verdicts = [self.judge(poem) for poem in poems]
        knows = self._lines is not None
        return HaikuReport(
            poems=len(poems),
            valid=sum(verdict.is_valid for verdict in verdicts),
            new=sum(bool(verdict.is_new) for verdict in verdicts) if knows else None,
            new_valid=sum(verdict.is_valid and bool(verdict.is_new) for verdict in verdicts) if knows else None,
            new_lines=sum(verdict.new_lines or 0 for verdict in verdicts) if knows else None,
            lines=sum(len(verdict.syllables) for verdict in verdicts),
            never_paired=sum(
                verdict.is_valid and default_grammar().is_held_out(poem)
                for poem, verdict in zip(poems, verdicts, strict=True)
            )
            if self.built_in
            else None,
            guessed_words=sum(len(verdict.guessed_words) for verdict in verdicts),
        )

    def _was_trained_on(self, lines: tuple[str, ...]) -> bool:
        """Whether every three lines in a row (or the fewer that there are) stand in the training text."""
        if len(lines) < len(FORM):
            return all(line in (self._lines or ()) for line in lines)
        return all(triple in self._triples for triple in _triples(lines))


def poems_of(text: str, *, whole: bool = False) -> list[str]:
    """The pieces between blank lines, without the last one unless a blank line (or, `whole`, the end) closes it."""
    pieces = pieces_of(text)
    if not whole:
        pieces = pieces[:-1]
    return [piece for piece in pieces if piece.strip()]


def pieces_of(text: str) -> list[str]:
    """What stands between blank lines, empty pieces and the last one, which nothing closes, included."""
    return _BLANK.split(text)


def read_line(line: str) -> LineForm | None:
    """Syllables of a line; None for one without a word or with a number."""
    words = _WORD.findall(line.lower())
    if not words or any(word.isdecimal() for word in words):
        return None
    ranges = syllable_ranges()
    fewest = most = 0
    guessed: list[str] = []
    for word in (word.replace("’", "'") for word in words):
        counts = ranges.get(word)
        if counts is None:
            counts = (guess_syllables(word),) * 2
            guessed.append(word)
        fewest += counts[0]
        most += counts[1]
    return LineForm(fewest, most, tuple(guessed))


@cache
def syllable_ranges() -> Mapping[str, tuple[int, int]]:
    """The fewest and the most syllables of the words that need no guess: the lexicon's, and those said in two ways."""
    text = files("babytrain.engine.analysis").joinpath("syllable_exceptions.toml").read_text("utf-8")
    in_two_ways = {word: (int(n), int(n) + 1) for n, words in tomllib.loads(text).items() for word in words.split()}
    return {word: (count, count) for word, count in syllables_by_word().items()} | in_two_ways


def plain_line(line: str) -> str:
    """The words of a line, lower case, joined by single spaces."""
    return " ".join(_WORD.findall(line.lower()))


def _triples(lines: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return zip(lines, lines[1:], lines[2:], strict=False)
