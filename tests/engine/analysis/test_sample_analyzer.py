"""The examiner: it reads what a run writes in its own thread, says each milestone once, and never stops a run."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from babytrain.engine.analysis.letters import PredictionCounts
from babytrain.engine.analysis.memorisation import MOST_HELD_OUT
from babytrain.engine.analysis.milestones import BestOnSameData
from babytrain.engine.analysis.sample_analyzer import MOST_WAITING_JOBS, RANDOM_TOKENS, AnalysisInputs, SampleAnalyzer
from babytrain.engine.config.build import build_config
from babytrain.engine.data.corpus import Corpus, build_corpus
from babytrain.runs.events import AnyEvent, Baselines, Eval, Letters, LogMessage, Milestone, Sample, TextMetrics

POEM = "the adder sleeps in\nwhite frost whitens his deep door\nthe old deer looks up\n\n"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return build_corpus(build_config("baby"))


def sample(text: str, step: int = 10) -> Sample:
    return Sample(t=1.0, step=step, sample_id=1, prompt="", text=text, seed=1, temperature=0.8, seconds=0.1)


def evaluation(val_loss: float, step: int = 10) -> Eval:
    return Eval(t=1.0, step=step, val_loss=val_loss, train_loss=val_loss, seconds=0.1)


def guesses(corpus: Corpus, right_share: float = 0.95) -> PredictionCounts:
    size = corpus.tokenizer.vocabulary_size
    stood = np.full(size, 1000)
    return PredictionCounts(stood, stood, (stood * right_share).astype(np.int64))


def analyzed(corpus: Corpus, *work: Any, hours: float = 0.01, **changes: Any) -> list[AnyEvent]:
    published: list[AnyEvent] = []
    inputs = AnalysisInputs(corpus, is_haiku=True, tracked_letter="e", **changes)
    sample_analyzer = SampleAnalyzer(
        inputs, published.append, now=lambda: 5.0, seconds_since_divergence=lambda: 3600 * hours
    )
    sample_analyzer.start()
    for one in work:
        if isinstance(one, Sample):
            sample_analyzer.add_sample(one)
        else:
            sample_analyzer.add_evaluation(one, guesses(corpus))
    assert sample_analyzer.finish(60.0)
    return published


def of(kind: type, events: list[AnyEvent]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_a_sample_an_evaluation_and_the_milestones_they_are(corpus: Corpus) -> None:
    work = [evaluation(1.0), sample(POEM), sample(POEM, 20), evaluation(0.2, 20)]
    events = analyzed(corpus, *work, best_on_same_data=lambda: BestOnSameData(0.5, 2))
    (baselines,) = of(Baselines, events)
    assert baselines.uniform > baselines.unigram > baselines.bigram > baselines.trigram > baselines.fivegram > 0
    first, second = of(TextMetrics, events)
    assert (first.step, second.step) == (10, 20)
    assert (first.haiku, first.valid_haiku) == (1, 1)
    assert first.real_word_share == 1.0
    assert [board.step for board in of(Letters, events)] == [10, 20]
    assert [(one.step, one.name) for one in of(Milestone, events)] == [
        (10, "favourite letter 94%"),  # and not that it is past 50, 75 and 90 as well
        (10, "below the trigram"),
        (10, "first haiku"),
        (20, "below the 5-gram"),
        (20, "best of all"),
    ]


@pytest.mark.parametrize("val_loss", [3.6, 34.0, math.nan])
def test_nothing_is_earned_above_the_loss_of_counting_letters(corpus: Corpus, val_loss: float) -> None:
    """An untrained model writes words by chance, and a collapsed one finds every e."""
    work = [sample(POEM, 0), evaluation(val_loss, 0), sample(POEM)]

    def milestones(*more: Any) -> list[Milestone]:
        best = BestOnSameData(40.0, 2)
        return of(Milestone, analyzed(corpus, *work, *more, hours=2, best_on_same_data=lambda: best))

    assert not milestones()
    later = milestones(evaluation(1.0, 20), sample(POEM, 20))
    assert {one.step for one in later} == {20}
    assert {"first haiku", "best of all", "an hour of calm"} <= {one.name for one in later}


def test_a_resumed_run_goes_on_with_what_it_had_learned(corpus: Corpus) -> None:
    known = Baselines(t=1.0, step=0, uniform=3.0, unigram=2.9, bigram=2.0, trigram=1.5, fivegram=0.1)
    assert of(Milestone, analyzed(corpus, sample(POEM), baselines=known, val_loss=1.0))
    assert not of(Milestone, analyzed(corpus, sample(POEM), baselines=known, val_loss=2.95))


def test_what_an_earlier_session_said_is_not_said_again(corpus: Corpus) -> None:
    reached = frozenset({"first word", "first line", "first haiku"})
    known = Baselines(t=1.0, step=0, uniform=3.0, unigram=2.9, bigram=2.0, trigram=1.5, fivegram=0.1)
    events = analyzed(corpus, sample(POEM), evaluation(1.8), reached=reached, baselines=known)
    names = [one.name for one in of(Milestone, events)]
    assert not reached & set(names)
    assert "below the bigram" in names
    assert "below the trigram" not in names  # by the figures on record
    assert not of(Baselines, events)


def test_a_judge_that_fails_costs_a_line_and_not_the_run(corpus: Corpus) -> None:
    def broken() -> BestOnSameData:
        raise OSError("the disk is gone")

    events = analyzed(replace(corpus, val=corpus.val[:1]), sample(POEM), best_on_same_data=broken)
    assert len(of(LogMessage, events)) == 2  # no baselines from one token; no family
    assert len(of(TextMetrics, events)) == 1


def test_the_end_of_a_run_does_not_wait_for_ever(corpus: Corpus) -> None:
    gate = threading.Event()
    inputs = AnalysisInputs(
        corpus, is_haiku=True, tracked_letter="e", best_on_same_data=lambda: gate.wait() and BestOnSameData()
    )
    sample_analyzer = SampleAnalyzer(inputs, lambda _: None, now=lambda: 0.0, seconds_since_divergence=lambda: 0.0)
    sample_analyzer.start()
    assert not sample_analyzer.finish(0.05)
    gate.set()
    assert sample_analyzer.finish(60.0)


def test_who_writes_faster_than_is_read_loses_the_oldest_and_is_told_once(corpus: Corpus) -> None:
    gate = threading.Event()
    published: list[AnyEvent] = []
    inputs = AnalysisInputs(
        corpus,
        is_haiku=True,
        tracked_letter="e",
        val_loss=1.0,
        best_on_same_data=lambda: gate.wait(60.0) and BestOnSameData(),
    )
    sample_analyzer = SampleAnalyzer(inputs, published.append, now=lambda: 0.0, seconds_since_divergence=lambda: 0.0)
    sample_analyzer.start()
    written = 3 * MOST_WAITING_JOBS
    for step in range(1, written + 1):
        sample_analyzer.add_sample(sample(POEM, step))
    gate.set()
    assert sample_analyzer.finish(60.0)
    steps = [one.step for one in of(TextMetrics, published)]
    assert 0 < len(steps) <= MOST_WAITING_JOBS
    assert steps == list(range(written - len(steps) + 1, written + 1))  # the newest, in order
    (note,) = of(LogMessage, published)
    assert "cannot keep up" in note.text
    assert "first haiku" in [one.name for one in of(Milestone, published)]


def test_who_does_not_wait_any_longer_hears_nothing_more(corpus: Corpus) -> None:
    begun, gate = threading.Event(), threading.Event()

    def slow() -> BestOnSameData:
        begun.set()
        gate.wait(60.0)
        return BestOnSameData()

    published: list[AnyEvent] = []
    inputs = AnalysisInputs(corpus, is_haiku=True, tracked_letter="e", best_on_same_data=slow)
    sample_analyzer = SampleAnalyzer(inputs, published.append, now=lambda: 0.0, seconds_since_divergence=lambda: 0.0)
    sample_analyzer.start()
    sample_analyzer.add_sample(sample(POEM))
    assert begun.wait(60.0)
    told = len(published)
    assert not sample_analyzer.finish(0.0)
    gate.set()
    assert sample_analyzer.finish(60.0)
    assert len(published) == told


def test_of_a_long_text_the_beginning_is_read_and_that_is_said(corpus: Corpus, monkeypatch: Any) -> None:
    monkeypatch.setattr("babytrain.engine.analysis.sample_analyzer.MOST_READ_TOKENS", len(corpus.train) // 4)
    (note,) = of(LogMessage, analyzed(corpus))
    assert (note.level, "first 25%" in note.text) == ("info", True)


def test_no_more_is_decoded_than_is_read(corpus: Corpus) -> None:
    lengths: list[int] = []

    class Counting:
        kind, vocabulary_size = corpus.tokenizer.kind, corpus.tokenizer.vocabulary_size

        def decode(self, ids: Any) -> str:
            lengths.append(len(ids))
            return corpus.tokenizer.decode(ids)

    long = np.tile(corpus.val, 1 + MOST_HELD_OUT // len(corpus.val))
    analyzed(replace(corpus, val=long, tokenizer=Counting()))  # type: ignore[arg-type]  # what is asked of it
    assert lengths == [len(corpus.train), MOST_HELD_OUT, RANDOM_TOKENS]


def test_what_a_person_asked_for_is_judged_and_is_no_milestone(corpus: Corpus) -> None:
    events = analyzed(corpus, structs.replace(sample(POEM), requested=True))
    assert len(of(TextMetrics, events)) == 1
    assert not of(Milestone, events)
