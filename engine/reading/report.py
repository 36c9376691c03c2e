"""Everything that is measured on one sample: copies, words, sentences and haiku."""

from __future__ import annotations

import msgspec

from babytrain.engine.reading.haiku_judge import HaikuJudge, HaikuReport
from babytrain.engine.reading.parrot import ParrotTest, ParrotVerdict
from babytrain.engine.reading.sentences import SentenceReport, judge_sentences
from babytrain.engine.reading.words import KnownWords, WordReport


class TextMetrics(msgspec.Struct, frozen=True):
    """What was measured on one sample."""

    copying: ParrotVerdict | None  # None where there is too little to tell
    words: WordReport
    sentences: SentenceReport
    haiku: HaikuReport


class Reader:
    """All measures against one training text, built once: about a second for a megabyte. Any thread may use it."""

    def __init__(self, train_text: str, held_out_text: str, *, built_in_haiku: bool = False) -> None:
        self.known_words = KnownWords(train_text)
        self._parrot = ParrotTest(train_text, held_out_text)
        self._haiku = HaikuJudge(train_text, built_in=built_in_haiku)

    def read(self, sample: str, *, prompt: str = "", whole: bool = False) -> TextMetrics:
        """Measure what the model wrote itself: `sample` without its prompt. `whole`: its end is not cut off.

        Only the form of a poem counts with the prompt that it began with.
        """
        return TextMetrics(
            copying=self._parrot.judge(sample),
            words=self.known_words.report(sample, whole=whole),
            sentences=judge_sentences(sample, self.known_words, whole=whole),
            haiku=self._haiku.report(prompt + sample, whole=whole),
        )
