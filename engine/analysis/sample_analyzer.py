"""Analyses samples and evaluations in a thread: letters, words, copies, haiku, milestones.

Choices:
- Events are handed over like sensor readings and recorded between two steps. The thread never touches the model, the
  optimizer or a random state, so an analysed run ends in the same bits.
- Of a very large text only the beginning is searched; the log says how much.
- When the queue is full the oldest job is dropped: an evaluation holds megabytes, and new results matter more. The log
  says so once.
- After `finish` nothing is published: the current job is abandoned, the rest not begun.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from queue import Empty, Full, Queue

import numpy as np

from babytrain.engine.analysis.letters import PredictionCounts, letters_event
from babytrain.engine.analysis.memorisation import MOST_HELD_OUT
from babytrain.engine.analysis.milestones import (
    BestOnSameData,
    RandomText,
    ReachedMilestone,
    has_learned,
    milestones_of_best_loss,
    milestones_of_letter,
    milestones_of_loss,
    milestones_of_poems,
    milestones_of_stability,
    newly_reached,
    with_lower_steps,
)
from babytrain.engine.analysis.ngram_baselines import measure_ngram_losses, unigram_loss
from babytrain.engine.analysis.text_metrics import SampleMetrics, TextAnalyzer
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.data.haiku.grammar import default_grammar
from babytrain.runs.errors import error_reason
from babytrain.runs.events import AnyEvent, Baselines, Eval, LogLevel, LogMessage, Milestone, Sample, TextMetrics

MOST_COUNTED_TOKENS = 20_000_000  # counting more would take gigabytes
MOST_READ_TOKENS = 4_000_000
RANDOM_TOKENS = 100_000  # drawn to see what chance makes
MOST_WAITING_JOBS = 32  # samples and evaluations
LAST_ANALYSIS_SECONDS = 10.0  # the longest wait at the end of a run


@dataclass(frozen=True)
class AnalysisInputs:
    """The text of a run, and earlier results. `reached`: names of milestones of earlier sessions."""

    corpus: Corpus
    is_haiku: bool
    tracked_letter: str
    reached: frozenset[str] = frozenset()
    baselines: Baselines | None = None  # recorded by an earlier session
    val_loss: float | None = None  # of the newest evaluation of earlier sessions
    best_on_same_data: Callable[[], BestOnSameData] = BestOnSameData


class SampleAnalyzer:
    """`publish` takes events from any thread; `now` gives seconds of running time.

    `seconds_since_divergence` gives seconds of training without a divergence.
    """

    def __init__(
        self,
        inputs: AnalysisInputs,
        publish: Callable[[AnyEvent], None],
        now: Callable[[], float],
        seconds_since_divergence: Callable[[], float],
    ) -> None:
        self._inputs = inputs
        self._publish = publish
        self._now = now
        self._seconds_since_divergence = seconds_since_divergence
        self._reached = with_lower_steps(inputs.reached)
        self._baselines = inputs.baselines
        self._unigram_loss = inputs.baselines.unigram if inputs.baselines is not None else None
        self._val_loss = inputs.val_loss
        self._text_analyzer: TextAnalyzer | None = None
        self._random_text: RandomText | None = None
        self._best = BestOnSameData()
        self._closed = threading.Event()
        self._jobs: Queue[Callable[[], None] | None] = Queue(MOST_WAITING_JOBS)
        self._dropped_some = threading.Event()
        self._thread = threading.Thread(target=self._work, name="babytrain-analysis", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add_sample(self, sample: Sample) -> None:
        """Queue a finished sample. Any thread."""
        self._enqueue(lambda: self._analyze_sample(sample))

    def add_evaluation(self, evaluation: Eval, counts: PredictionCounts) -> None:
        """Queue an evaluation. Any thread."""
        self._enqueue(lambda: self._analyze_evaluation(evaluation, counts))

    def finish(self, patience_seconds: float = LAST_ANALYSIS_SECONDS) -> bool:
        """Finish queued jobs for at most `patience_seconds`, then close. False when that was not enough."""
        self._enqueue(None)
        if self._thread.ident is not None:
            self._thread.join(patience_seconds)
        self._closed.set()
        return not self._thread.is_alive()

    def _enqueue(self, job: Callable[[], None] | None) -> None:
        while True:
            try:
                self._jobs.put_nowait(job)
            except Full:
                self._drop_oldest()
            else:
                return

    def _drop_oldest(self) -> None:
        try:
            self._jobs.get_nowait()
        except Empty:  # the thread took it meanwhile
            return
        if not self._dropped_some.is_set():
            self._dropped_some.set()
            self._log(
                "The judges cannot keep up: of the samples and evaluations that wait for them only the newest "
                f"{MOST_WAITING_JOBS} are looked at."
            )

    def _work(self) -> None:
        self._do(self._measure_baselines)
        self._do(self._prepare)
        while (job := self._jobs.get()) is not None and not self._closed.is_set():
            self._do(job)

    def _do(self, job: Callable[[], None]) -> None:
        if self._closed.is_set():
            return
        try:
            job()
        except Exception as error:  # noqa: BLE001 - top of a thread: a failed analysis is only logged
            self._log(f"One of the judges could not read ({error_reason(error)}).")

    def _measure_baselines(self) -> None:
        corpus = self._inputs.corpus
        if self._baselines is not None:
            return
        self._unigram_loss = unigram_loss(corpus.train, corpus.val, corpus.tokenizer.vocabulary_size)
        if len(corpus.train) > MOST_COUNTED_TOKENS:
            self._log(f"The text is too long for counting models: more than {MOST_COUNTED_TOKENS:,} tokens.")
            return
        began = time.perf_counter()
        losses = asdict(measure_ngram_losses(corpus.train, corpus.val, corpus.tokenizer.vocabulary_size))
        self._baselines = Baselines(t=self._now(), step=0, **losses, seconds=time.perf_counter() - began)
        self._emit(self._baselines)

    def _prepare(self) -> None:
        corpus = self._inputs.corpus
        train = corpus.tokenizer.decode(corpus.train[:MOST_READ_TOKENS])
        held_out = corpus.tokenizer.decode(corpus.val[:MOST_HELD_OUT])
        if len(corpus.train) > MOST_READ_TOKENS:
            share = MOST_READ_TOKENS / len(corpus.train)
            self._log(
                f"A long text: the judges of samples have read its first {share:.0%}, and know no words or copies "
                "of the rest.",
                "info",
            )
        drawn = np.random.default_rng(0).integers(len(corpus.train), size=RANDOM_TOKENS)
        random_text = corpus.tokenizer.decode(corpus.train[drawn])
        self._text_analyzer = TextAnalyzer(train, held_out, random_text, built_in_haiku=self._inputs.is_haiku)
        self._random_text = RandomText(random_text, self._text_analyzer.known_words.is_real)
        self._best = self._inputs.best_on_same_data()

    def _analyze_sample(self, sample: Sample) -> None:
        if self._text_analyzer is None:
            return
        metrics, is_haiku = self._text_analyzer.measure(sample.text, prompt=sample.prompt), self._inputs.is_haiku
        self._emit(text_metrics_event(metrics, sample, t=self._now(), is_haiku=is_haiku))
        # The prompt of a requested one may have given the words; an untrained model makes some by chance.
        if sample.requested or self._random_text is None or not has_learned(self._val_loss, self._unigram_loss):
            return
        is_real = self._text_analyzer.known_words.is_real
        reached = list(self._random_text.milestones(sample.text, is_real))
        if is_haiku:
            is_unseen = default_grammar().is_held_out
            reached += milestones_of_poems(sample.text, is_real, is_unseen, prompt=sample.prompt)
        self._emit_milestones(reached, sample.step)

    def _analyze_evaluation(self, evaluation: Eval, counts: PredictionCounts) -> None:
        tokenizer, letter = self._inputs.corpus.tokenizer, self._inputs.tracked_letter
        letters = letters_event(counts, tokenizer, letter, t=self._now(), step=evaluation.step)
        self._emit(letters)
        self._val_loss = evaluation.val_loss
        if not has_learned(self._val_loss, self._unigram_loss):
            return
        letter, recall, precision = (
            letters.tracked_letter,
            letters.tracked_letter_recall,
            letters.tracked_letter_precision,
        )
        reached = list(milestones_of_letter(letter, recall, precision))
        if self._baselines is not None:
            reached += milestones_of_loss(evaluation.val_loss, self._baselines)
        reached += milestones_of_best_loss(evaluation.val_loss, self._best.val_loss, self._best.runs)
        reached += milestones_of_stability(self._seconds_since_divergence())
        self._emit_milestones(reached, evaluation.step)

    def _emit_milestones(self, reached: Iterable[ReachedMilestone], step: int) -> None:
        new = newly_reached(reached, self._reached)
        self._reached |= with_lower_steps(milestone.name for milestone in new)
        for milestone in new:
            self._emit(Milestone(t=self._now(), step=step, name=milestone.name, text=milestone.text))

    def _log(self, text: str, level: LogLevel = "warning") -> None:
        self._emit(LogMessage(t=self._now(), step=0, level=level, text=text))

    def _emit(self, event: AnyEvent) -> None:
        if not self._closed.is_set():  # the journal may be closed
            self._publish(event)


def text_metrics_event(metrics: SampleMetrics, sample: Sample, *, t: float, is_haiku: bool) -> TextMetrics:
    """The metrics of a sample as an event."""
    copied, sentences, haiku = metrics.copying, metrics.sentences, metrics.haiku if is_haiku else None
    return TextMetrics(
        t=t,
        step=sample.step,
        sample_id=sample.sample_id,
        memorisation=copied.index if copied else None,
        random_memorisation=copied.random_index if copied else None,
        longest_match=copied.longest_match if copied else 0,
        match_start=copied.span_start if copied else 0,
        source_line=copied.source_line if copied else "",
        source_line_number=copied.source_line_number if copied else 0,
        real_word_share=metrics.words.real_share,
        new_words=metrics.words.new_words,
        distinct_pairs_share=metrics.words.distinct_pairs_share,
        coherent_sentence_share=sentences.coherent / sentences.sentences if sentences.sentences else None,
        haiku=haiku.poems if haiku else None,
        valid_haiku=haiku.valid if haiku else None,
        new_haiku=haiku.new_valid if haiku else None,
    )
