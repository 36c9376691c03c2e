"""All metrics of a sample: copying, words, sentences and haiku."""

from __future__ import annotations

import msgspec

from babytrain.engine.analysis.haiku import HaikuAnalyzer, HaikuMetrics
from babytrain.engine.analysis.memorisation import MemorisationResult, MemorisationTest
from babytrain.engine.analysis.words import KnownWords, SentenceMetrics, WordMetrics, measure_sentences


class SampleMetrics(msgspec.Struct, frozen=True):
    """The metrics of a sample."""

    copying: MemorisationResult | None  # None where a text is too short
    words: WordMetrics
    sentences: SentenceMetrics
    haiku: HaikuMetrics


class TextAnalyzer:
    """Measures samples against a training text. Built in about a second per megabyte. Any thread may use it."""

    def __init__(
        self, train_text: str, held_out_text: str, random_text: str = "", *, built_in_haiku: bool = False
    ) -> None:
        self.known_words = KnownWords(train_text)
        self._memorisation = MemorisationTest(train_text, held_out_text, random_text)
        self._haiku = HaikuAnalyzer(train_text, built_in=built_in_haiku)

    def measure(self, sample: str, *, prompt: str = "", whole: bool = False) -> SampleMetrics:
        """Measure `sample`; its `prompt` counts for the form of poems only. `whole`: the end is not cut off."""
        return SampleMetrics(
            copying=self._memorisation.measure(sample),
            words=self.known_words.measure(sample, whole=whole),
            sentences=measure_sentences(sample, self.known_words, whole=whole),
            haiku=self._haiku.measure(prompt + sample, whole=whole),
        )
