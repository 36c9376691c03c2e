"""Looks at what a run writes and measures, in a thread of its own, and says what the model has learned.

Choices:
- The judges need the training text as text and a second or so to get ready; nothing waits for them but the end of the
  run, and that a few seconds at most. What they find is handed over, like the readings of sensors, and filed between
  two steps.
- Nothing in here touches the model, the optimizer or a random state, so a run with an examiner ends in the same bits.
- Of a very large text only the beginning is searched; a line of the log says how much.
- Whoever writes faster than can be read loses what has waited longest, unread: the line of what waits is short, an
  evaluation in it holds megabytes, and what the model does now says more than what it did then. The log says so once.
- Whoever does not wait any longer hears nothing more: what is still under way is given up, the rest not begun.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, Full, Queue

from babytrain.engine.analysis.letters import PredictionCounts, letters_event
from babytrain.engine.analysis.memorisation import MOST_HELD_OUT
from babytrain.engine.analysis.milestones import (
    BestOnSameData,
    ReachedMilestone,
    milestones_of_best_loss,
    milestones_of_letter,
    milestones_of_loss,
    milestones_of_poems,
    milestones_of_stability,
    milestones_of_text,
)
from babytrain.engine.analysis.ngram_baselines import measure_ngram_losses
from babytrain.engine.analysis.text_metrics import SampleMetrics, TextAnalyzer
from babytrain.engine.data.corpus import Corpus
from babytrain.runs.events import AnyEvent, Baselines, Eval, LogLevel, LogMessage, Milestone, Sample, TextMetrics

MOST_COUNTED_TOKENS = 20_000_000  # of a text; counting more would take gigabytes
MOST_READ_TOKENS = 4_000_000
MOST_WAITING_JOBS = 32  # samples and evaluations
LAST_ANALYSIS_SECONDS = 10.0  # that the end of a run waits for the last answers


@dataclass(frozen=True)
class AnalysisInputs:
    """Whose work is looked at. `reached` are the names of milestones of earlier sessions."""

    corpus: Corpus
    is_haiku: bool
    tracked_letter: str
    reached: frozenset[str] = frozenset()
    baselines: Baselines | None = None  # on record from an earlier session: the text is the same
    family: Callable[[], BestOnSameData] = field(default=BestOnSameData)


class SampleAnalyzer:
    """`publish` takes events from any thread; `now` is seconds of running time, `calm` such without a divergence."""

    def __init__(
        self,
        subject: AnalysisInputs,
        publish: Callable[[AnyEvent], None],
        now: Callable[[], float],
        calm: Callable[[], float],
    ) -> None:
        self._subject = subject
        self._publish = publish
        self._now = now
        self._calm = calm
        self._reached = set(subject.reached)
        self._baselines = subject.baselines
        self._reader: TextAnalyzer | None = None
        self._record = BestOnSameData()
        self._closed = threading.Event()  # nobody waits for answers any more
        self._jobs: Queue[Callable[[], None] | None] = Queue(MOST_WAITING_JOBS)
        self._left_some_unread = threading.Event()
        self._thread = threading.Thread(target=self._work, name="babytrain-examiner", daemon=True)

    def start(self) -> None:
        """Begin to get ready."""
        self._thread.start()

    def read(self, sample: Sample) -> None:
        """Have a finished sample judged. Any thread."""
        self._line_up(lambda: self._judge(sample))

    def evaluated(self, evaluation: Eval, guesses: PredictionCounts) -> None:
        """Have an evaluation looked at. Any thread."""
        self._line_up(lambda: self._look_at(evaluation, guesses))

    def finish(self, patience_seconds: float = LAST_ANALYSIS_SECONDS) -> bool:
        """Wait for what is under way, but not for ever. False when that was not enough; nothing more is taken on."""
        self._line_up(None)
        if self._thread.ident is not None:
            self._thread.join(patience_seconds)
        self._closed.set()
        return not self._thread.is_alive()

    def _line_up(self, job: Callable[[], None] | None) -> None:
        """Let a job wait for its turn; the oldest makes room where there is none."""
        while True:
            try:
                self._jobs.put_nowait(job)
            except Full:
                self._give_up_oldest()
            else:
                return

    def _give_up_oldest(self) -> None:
        try:
            self._jobs.get_nowait()
        except Empty:  # taken on in the meantime, which is better still
            return
        if not self._left_some_unread.is_set():
            self._left_some_unread.set()
            self._say(
                "The judges cannot keep up: of the samples and evaluations that wait for them only the newest "
                f"{MOST_WAITING_JOBS} are looked at."
            )

    def _work(self) -> None:
        self._do(self._count_baselines)
        self._do(self._wake_judges)
        while (job := self._jobs.get()) is not None and not self._closed.is_set():
            self._do(job)

    def _do(self, job: Callable[[], None]) -> None:
        if self._closed.is_set():
            return
        try:
            job()
        except Exception as error:  # noqa: BLE001 - the edge of a thread: what a judge cannot do costs a line
            self._say(f"One of the judges could not read ({type(error).__name__}: {error}).")

    def _count_baselines(self) -> None:
        corpus = self._subject.corpus
        if self._baselines is not None:
            return
        if len(corpus.train) > MOST_COUNTED_TOKENS:
            self._say(f"The text is too long for counting models: more than {MOST_COUNTED_TOKENS:,} tokens.")
            return
        began = time.perf_counter()
        size = corpus.tokenizer.vocabulary_size
        levels = measure_ngram_losses(corpus.train, corpus.val, size)
        self._baselines = Baselines(
            t=self._now(),
            step=0,
            uniform=levels.uniform,
            unigram=levels.unigram,
            bigram=levels.bigram,
            trigram=levels.trigram,
            fivegram=levels.fivegram,
            seconds=time.perf_counter() - began,
        )
        self._tell(self._baselines)

    def _wake_judges(self) -> None:
        corpus = self._subject.corpus
        train = corpus.tokenizer.decode(corpus.train[:MOST_READ_TOKENS])
        held_out = corpus.tokenizer.decode(corpus.val[:MOST_HELD_OUT])
        if len(corpus.train) > MOST_READ_TOKENS:
            share = MOST_READ_TOKENS / len(corpus.train)
            self._say(
                f"A long text: the judges of samples have read its first {share:.0%}, and know no words or copies "
                "of the rest.",
                "info",
            )
        self._reader = TextAnalyzer(train, held_out, built_in_haiku=self._subject.is_haiku)
        self._record = self._subject.family()

    def _judge(self, sample: Sample) -> None:
        if self._reader is None:
            return
        found = self._reader.read(sample.text, prompt=sample.prompt)
        self._tell(text_metrics_event(found, sample, t=self._now(), is_haiku=self._subject.is_haiku))
        if sample.requested:  # a person may have put the words in its mouth
            return
        reached = list(milestones_of_text(sample.text, self._reader.known_words.is_real))
        if self._subject.is_haiku:
            reached += milestones_of_poems(found.haiku.valid, found.haiku.unseen_pairs or 0)
        self._celebrate(reached, sample.step)

    def _look_at(self, evaluation: Eval, guesses: PredictionCounts) -> None:
        subject = self._subject
        board = letters_event(
            guesses, subject.corpus.tokenizer, subject.tracked_letter, t=self._now(), step=evaluation.step
        )
        self._tell(board)
        reached = list(milestones_of_letter(board.tracked_letter, board.tracked_letter_recall))
        if self._baselines is not None:
            reached += milestones_of_loss(evaluation.val_loss, self._baselines)
        reached += milestones_of_best_loss(evaluation.val_loss, self._record.val_loss, self._record.runs)
        reached += milestones_of_stability(self._calm())
        self._celebrate(reached, evaluation.step)

    def _celebrate(self, found: Iterable[ReachedMilestone], step: int) -> None:
        for one in found:
            if one.name not in self._reached:
                self._reached.add(one.name)
                self._tell(Milestone(t=self._now(), step=step, name=one.name, text=one.text))

    def _say(self, text: str, level: LogLevel = "warning") -> None:
        self._tell(LogMessage(t=self._now(), step=0, level=level, text=text))

    def _tell(self, event: AnyEvent) -> None:
        if not self._closed.is_set():  # the journal is closed by now, or about to be
            self._publish(event)


def text_metrics_event(found: SampleMetrics, sample: Sample, *, t: float, is_haiku: bool) -> TextMetrics:
    """What was measured on a sample, as it goes on record with it."""
    copied, sentences, haiku = found.copying, found.sentences, found.haiku if is_haiku else None
    return TextMetrics(
        t=t,
        step=sample.step,
        sample_id=sample.sample_id,
        memorisation=copied.index if copied else None,
        longest_match=copied.longest_match if copied else 0,
        match_start=copied.span_start if copied else 0,
        source_line=copied.source_line if copied else "",
        source_line_number=copied.source_line_number if copied else 0,
        real_word_share=found.words.real_share,
        new_words=found.words.new_words,
        distinct_pairs_share=found.words.distinct_pairs_share,
        coherent_sentence_share=sentences.coherent / sentences.sentences if sentences.sentences else None,
        haiku=haiku.poems if haiku else None,
        valid_haiku=haiku.valid if haiku else None,
        new_haiku=haiku.new_valid if haiku else None,
    )
