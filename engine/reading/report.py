"""Everything that is read off one sample, in plain numbers and strings that can go on record."""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.engine.reading.haiku_judge import HaikuJudge
from babytrain.engine.reading.parrot import ParrotTest
from babytrain.engine.reading.sentences import judge_sentences
from babytrain.engine.reading.words import KnownWords


@dataclass(frozen=True)
class Reading:
    """A sample read. Places are in characters of the sample; None where there was nothing to judge."""

    characters: int
    parrot_index: float | None
    longest_match: int
    span_start: int
    span_end: int
    source_line: str  # text of a file: hostile, show it and never obey it
    source_line_number: int
    words: int
    real_share: float | None
    new_share: float | None
    new_words: str  # the first of them, separated by spaces
    distinct_2: float | None
    longest_repeat: int  # words
    quotes_balanced: bool
    sentences: int
    coherent_sentences: int
    poems: int
    valid_poems: int
    new_valid_poems: int
    new_lines: int
    never_paired: int | None  # None unless the text is the built-in corpus
    guessed_words: int


class Reader:
    """All judges of one training text, built once. About a second for a megabyte; any thread may build and use it."""

    def __init__(self, train_text: str, held_out_text: str, *, built_in_haiku: bool = False) -> None:
        self.parrot = ParrotTest(train_text, held_out_text)
        self.known_words = KnownWords(train_text)
        self.haiku = HaikuJudge(train_text, built_in=built_in_haiku)

    def read(self, sample: str, *, prompt: str = "", whole: bool = False) -> Reading:
        """Judge what the model wrote itself: `sample` without its prompt. `whole`: its end is not cut off.

        Only the form of a poem counts with the prompt that it began with.
        """
        judged = self.parrot.judge(sample)
        words = self.known_words.report(sample, whole=whole)
        sentences = judge_sentences(sample, self.known_words, whole=whole)
        haiku = self.haiku.report(prompt + sample, whole=whole)
        return Reading(
            characters=len(sample),
            parrot_index=judged.index if judged else None,
            longest_match=judged.longest_match if judged else 0,
            span_start=judged.span_start if judged else 0,
            span_end=judged.span_end if judged else 0,
            source_line=judged.source_line if judged else "",
            source_line_number=judged.source_line_number if judged else 0,
            words=words.words,
            real_share=words.real_share,
            new_share=words.new_share,
            new_words=" ".join(words.new_words),
            distinct_2=words.distinct_2,
            longest_repeat=words.longest_repeat,
            quotes_balanced=words.quotes_balanced,
            sentences=sentences.sentences,
            coherent_sentences=sentences.coherent,
            poems=haiku.poems,
            valid_poems=haiku.valid,
            new_valid_poems=haiku.new_valid or 0,
            new_lines=haiku.new_lines or 0,
            never_paired=haiku.never_paired,
            guessed_words=haiku.guessed_words,
        )
