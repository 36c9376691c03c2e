"""What a real run says of what it has learned: samples, letters, baselines, readings, poems, planted lines."""

from __future__ import annotations

import math
import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from babytrain.engine.config.errors import ConfigError, CorpusError, EngineError
from babytrain.engine.data.canaries import make_canaries
from babytrain.engine.data.corpus import CANARY_SEED, build_corpus
from babytrain.engine.generation.generate import generate, new_decoder
from babytrain.engine.model.gpt import GPT
from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.start_and_resume import RunResult, train_new
from babytrain.engine.training.trainer import Trainer
from babytrain.runs.events import (
    Baselines,
    Canaries,
    Command,
    Ended,
    Eval,
    FinalEvaluation,
    Letters,
    LogMessage,
    Milestone,
    Sample,
    TextMetrics,
    Verdict,
)
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.tiny_runs import (
    TEXT,
    events_of,
    final_weights,
    resume_from,
    same_bits,
    tiny_config,
    train,
    write_text,
)
from tests.engine.training.test_diagnosis_monitor import memorise


def of(kind: type, result: RunResult) -> list:
    return [event for event in events_of(result) if isinstance(event, kind)]


def test_every_prompt_is_written_to_at_every_turn_and_every_text_is_judged(tmp_path: Path) -> None:
    result = train(tmp_path, prompt="the", extra_prompts="snake|under", sample_tokens=60, top_p=0.9)
    samples = of(Sample, result)
    assert [(one.step, one.prompt) for one in samples] == [
        (step, prompt) for step in (0, 10, 20) for prompt in ("the", "snake", "under")
    ]
    assert {one.top_p for one in samples} == {0.9}
    assert len({one.sample_id for one in samples}) == 9
    judged = {one.sample_id: one for one in of(TextMetrics, result)}
    assert set(judged) == {one.sample_id for one in samples}
    for one in samples:
        reading = judged[one.sample_id]
        copied = one.text[reading.match_start : reading.match_start + reading.longest_match]
        assert copied in TEXT
        assert reading.haiku is None  # no poems


def test_letters_are_measured_at_every_evaluation_and_baselines_once(tmp_path: Path) -> None:
    result = train(tmp_path, tracked_letter="s")
    assert [one.step for one in of(Letters, result)] == [one.step for one in of(Eval, result)]
    assert {one.tracked_letter for one in of(Letters, result)} == {"s"}
    (levels,) = of(Baselines, result)
    assert math.isfinite(levels.fivegram)
    resumed = resume_from(result, 10)
    assert len(of(Baselines, resumed)) == 1
    names = [one.name for one in of(Milestone, resumed)]
    assert len(names) == len(set(names))  # each once, over all sessions
    assert isinstance(events_of(resumed)[-1], Ended)


def test_nothing_of_it_changes_the_weights(tmp_path: Path) -> None:
    plain = train(tmp_path, name="plain")
    busy = train(tmp_path, name="busy", extra_prompts="snake|under", tracked_letter="z", repetition_penalty=1.3)
    assert same_bits(final_weights(plain), final_weights(busy))


def test_a_model_of_haiku_sits_a_final_exam(tmp_path: Path) -> None:
    plan = NewRunPlan(config=tiny_config(steps=3, eval_every=3), runs_dir=tmp_path)
    result = train_new(plan, LiveFeed())
    (exam,) = of(FinalEvaluation, result)
    assert (exam.step, exam.poems, exam.valid, exam.new) == (3, 100, 0, 0), "after three steps nothing scans"
    assert "Final exam, 100 poems in a row: none in 5-7-5." in [one.text for one in of(LogMessage, result)]


def test_planted_lines_are_in_the_text_and_their_exposure_is_told(tmp_path: Path) -> None:
    config = tiny_config(canaries=2)
    corpus = build_corpus(config, (str(write_text(tmp_path)),))
    text = corpus.tokenizer.decode(corpus.train)
    assert all(line in text for line in make_canaries(CANARY_SEED, 2))
    plain = build_corpus(tiny_config(), (str(tmp_path / "snakes.txt"),))
    assert corpus.sha256 == plain.sha256  # the hash is of the text as it was given
    result = train(tmp_path, canaries=2)
    (told,) = of(Canaries, result)
    assert [one.line for one in told.canaries] == list(make_canaries(CANARY_SEED, 2))
    for one in told.canaries:
        assert one.exposure_bits == pytest.approx(math.log2(one.candidates) - math.log2(one.rank))


def test_a_prompt_that_cannot_be_read_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="tokenizer=byte"):
        build_corpus(tiny_config(extra_prompts="the|Ω"), (str(write_text(tmp_path)),))
    with pytest.raises(ConfigError, match="canaries"):
        tiny_config(canaries=17)


def test_a_resumed_run_is_judged_like_one_that_never_stopped(tmp_path: Path) -> None:
    whole = memorise(tmp_path, "whole", on_overfitting="stop", checkpoint_every=20, keep_checkpoints=100)
    again = resume_from(whole, whole.steps - 40)
    assert (again.status, again.steps) == (whole.status, whole.steps)
    verdicts = [(one.step, one.verdict, one.why) for one in of(Verdict, whole)]
    resumed = [(one.step, one.verdict, one.why) for one in of(Verdict, again)]
    assert resumed[-1][:2] == verdicts[-1][:2]


def test_a_text_that_is_asked_for_may_have_settings_of_its_own(tmp_path: Path) -> None:
    feed = LiveFeed()
    feed.ask("sample", text="the snake", dial="temperature=0.0 tokens=5 seed=3 repetition_penalty=1.2")
    feed.ask("sample", text="the snake", dial="temperature=99.0")
    result = train(tmp_path, feed)
    (asked,) = [one for one in of(Sample, result) if one.requested]
    assert (asked.prompt, len(asked.text), asked.seed) == ("the snake", 5, 3)
    assert (asked.temperature, asked.repetition_penalty) == (0.0, 1.2)
    (refused,) = [one for one in of(Command, result) if one.status == "refused"]
    assert "between 0 and 10" in refused.reason


def test_a_model_that_predicts_no_numbers_refuses_to_write_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a step of the guard `skip` may leave it, until a person goes back."""

    def damaged(model: GPT) -> GPT:
        copy = deepcopy(model)
        with torch.no_grad():
            for parameter in copy.parameters():
                parameter.fill_(math.nan)
        return copy

    def write(model: GPT, *how: Any, **more: Any) -> Any:
        return generate(damaged(model), *how, **more)

    monkeypatch.setattr("babytrain.engine.training.sample_writer.generate", write)
    monkeypatch.setattr(
        "babytrain.engine.training.sample_writer.new_decoder", lambda model, device: new_decoder(damaged(model), device)
    )
    feed = LiveFeed()
    feed.ask("sample", text="the")
    predict = feed.ask("predict", text="the")
    result = train(tmp_path, feed)
    assert result.status == "done"
    assert not of(Sample, result)
    assert any("No sample at this step: The model's weights are damaged" in one.text for one in of(LogMessage, result))
    (refused,) = [one for one in of(Command, result) if one.status == "refused"]
    assert "cannot write" in refused.reason
    answers = [one for one in feed.drain_events() if isinstance(one, Command)]
    (unforetold,) = [one for one in answers if one.command_id == predict.command_id]
    assert unforetold.status == "refused"
    assert "cannot predict" in unforetold.reason


class GivenUpAfter(set[int]):
    """Requests given up, the first of them only after somebody has looked so many times."""

    def __init__(self, looks: int, *ids: int) -> None:
        super().__init__(ids)
        self.looks = looks

    def __contains__(self, one: object) -> bool:
        self.looks -= super().__contains__(one)
        return super().__contains__(one) and self.looks < 0


def test_a_text_that_is_given_up_ends_at_the_next_token(tmp_path: Path) -> None:
    feed = LiveFeed()
    feed.cancelled = GivenUpAfter(6, feed.ask("sample", text="the", dial="tokens=50").command_id)
    feed.ask("sample", text="a", dial="tokens=9")
    result = train(tmp_path, feed)
    given_up, other = (one for one in of(Sample, result) if one.requested)
    assert (given_up.prompt, len(given_up.text)) == ("the", 5), "what was written by then is on record"
    assert (other.prompt, len(other.text)) == ("a", 9)
    assert result.status == "done"


def test_a_text_that_was_given_up_before_its_turn_is_not_begun(tmp_path: Path) -> None:
    feed = LiveFeed()
    feed.cancel(feed.ask("sample", text="the", dial="tokens=50"))
    result = train(tmp_path, feed)
    assert not [one for one in of(Sample, result) if one.requested]
    (refused,) = [one for one in of(Command, result) if one.status == "refused"]
    assert "given up" in refused.reason


def test_the_examiner_of_a_run_that_broke_goes_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Trainer, "run", break_down)
    with pytest.raises(EngineError, match="a defect"):
        train(tmp_path)
    for thread in threading.enumerate():
        if thread.name == "babytrain-analysis":
            thread.join(60.0)
            assert not thread.is_alive()


def test_an_exam_that_cannot_be_held_costs_a_line_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr("babytrain.engine.training.finalize.canary_exposures", broken)
    result = train(tmp_path, canaries=1)
    assert result.status == "done"
    assert any("no ink" in one.text for one in of(LogMessage, result))
