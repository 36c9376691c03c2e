"""A steered run trained again from its journal: the same to the bit, or told where it first differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from babytrain.engine.checkpoints.format import last_checkpoint, load_checkpoint
from babytrain.engine.config.errors import EngineError
from babytrain.engine.model.gpt import GPT
from babytrain.engine.sessions.rerun import RerunResult, differing_bits, plan_rerun, train_rerun
from babytrain.engine.sessions.start_and_resume import RunResult, train_resumed
from babytrain.engine.training import trainer
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent, Command, LogMessage, Request, Resumed, Started
from babytrain.runs.playback.replay_plan import recorded_sessions
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder, read_run_toml
from babytrain.runs.store.lock import RunLock
from tests.engine.tiny_runs import SteeredFeed, events_of, train, write_text
from tests.engine.training.test_diagnosis_monitor import memorise


def turn(dial: str, value: float | None = None, text: str = "") -> dict[str, Any]:
    return {"action": "set", "dial": dial, "value": value, "text": text}


EVERY_KIND: dict[int, list[dict[str, Any]]] = {
    2: [{"action": "lr_scale", "value": 0.5}, turn("dropout", 0.1), {"action": "note", "text": "here we go"}],
    4: [turn("batch_size", 3), turn("accumulate", 2), turn("window_shift", 0.5), turn("token_noise", 0.1)],
    6: [{"action": "checkpoint", "text": "Before the storm"}, {"action": "lr_hold", "value": 5e-3}],
    7: [turn("weight_decay", 0.3), turn("clip", 0.5), turn("label_smoothing", 0.1)],
    9: [turn("beta1", 0.8), turn("beta2", 0.95), {"action": "undo"}, {"action": "lr_release"}],
    11: [turn("schedule", text="wsd"), turn("eval_every", 4), turn("sample_every", 7)],
    13: [{"action": "evaluate"}, {"action": "rewarm", "value": 4}],
    14: [{"action": "pause"}, {"action": "advance", "value": 1}],
    15: [{"action": "sample", "text": "the snake"}, {"action": "resume"}],
    17: [{"action": "total_steps", "value": 34}, {"action": "lr_scale", "value": -1}],
    19: [{"action": "rollback", "text": "best"}],
    21: [turn("dropout", 0.2), {"action": "undo"}],
    24: [{"action": "rollback", "text": "before-the-storm"}],
    26: [{"action": "lr_scale", "value": 2.0}],
    30: [{"action": "rollback", "text": "last"}, {"action": "undo"}],
}


def commands_to_repeat(events: list[AnyEvent]) -> list[Request]:
    return [command.request for session in recorded_sessions(events) for command in session.commands]


def again(result: RunResult, folder: Path, feed: LiveFeed | None = None) -> RerunResult:
    plan = plan_rerun(RunFolder(Path(result.run_dir)), runs_dir=folder / "again")
    assert plan.differences == ()
    return train_rerun(plan, feed or LiveFeed())


def assert_same(outcome: RerunResult) -> None:
    assert outcome.same, outcome.sentence()
    assert outcome.differing_bits == 0


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_steered_in_every_way_comes_out_the_same_to_the_bit(tmp_path: Path, optimizer: str) -> None:
    result = train(tmp_path, SteeredFeed(EVERY_KIND), steps=30, optimizer=optimizer)
    applied = [event for event in events_of(result) if isinstance(event, Command) and event.status == "applied"]
    assert len(applied) >= 30
    assert (result.status, result.steps) == ("done", 34)
    assert len([event for event in events_of(result) if isinstance(event, Resumed)]) == 3
    outcome = again(result, tmp_path)
    assert_same(outcome)
    assert outcome.steps_compared > 34  # with the laps it went back over
    assert outcome.run.status == "done"
    told = next(event for event in events_of(outcome.run) if isinstance(event, Started))
    assert told.rerun_of == result.run_id
    assert read_run_toml(RunFolder(Path(outcome.run.run_dir)))[1]["rerun_of"] == result.run_id
    assert_same(again(outcome.run, tmp_path))


def test_commands_are_given_at_the_same_places_with_the_same_effect(tmp_path: Path) -> None:
    result = train(tmp_path, SteeredFeed(EVERY_KIND), steps=30)
    outcome = again(result, tmp_path)

    def turns(run: RunResult) -> list[tuple[Any, ...]]:
        kept = {"lr_scale", "lr_hold", "lr_release", "set", "rewarm", "undo", "rollback", "total_steps", "checkpoint"}
        return [
            (event.step, event.action, event.dial, event.text, event.before, event.after)
            for event in events_of(run)
            if isinstance(event, Command) and event.status == "applied" and event.action in kept
        ]

    assert turns(outcome.run) == turns(result)


@pytest.mark.parametrize("stop", [3, 8, 14, 20, 25, 27])
def test_a_run_stopped_in_the_middle_of_steering_and_resumed_comes_out_the_same(tmp_path: Path, stop: int) -> None:
    commands = {**EVERY_KIND, stop: [*EVERY_KIND.get(stop, []), {"action": "stop"}]}
    result = train(tmp_path, SteeredFeed(commands), steps=30)
    assert result.status == "interrupted"
    left = {step: several for step, several in EVERY_KIND.items() if step > result.steps}
    whole = train_resumed(Path(result.run_dir), {}, SteeredFeed(left))
    assert whole.status == "done"
    assert_same(again(whole, tmp_path))


def test_settings_changed_by_a_resume_are_changed_again(tmp_path: Path) -> None:
    result = train(tmp_path, SteeredFeed({7: [{"action": "stop"}]}), steps=15)
    more = train_resumed(Path(result.run_dir), {"lr": 1e-3, "dropout": 0.2, "steps": 18}, LiveFeed())
    much_more = train_resumed(Path(more.run_dir), {"steps": 25, "batch_size": 5}, LiveFeed())
    assert much_more.steps == 25
    assert_same(again(much_more, tmp_path))


def test_a_run_planned_by_the_clock_is_repeated_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "working_seconds", lambda recorder: 0.1 * recorder.step)  # of a clock like any other
    result = train(tmp_path, minutes=0.05, steps=1_000_000)
    outcome = again(result, tmp_path)
    assert_same(outcome)
    assert outcome.run.steps == result.steps


def test_a_plan_that_grows_at_its_very_end_grows_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "working_seconds", lambda recorder: 0.0)
    monkeypatch.setattr(
        trainer, "steps_that_fit", lambda limit, *_, step, **__: (10 if step < 10 else 20) if limit else None
    )
    result = train(tmp_path, minutes=1.0, steps=1_000_000)
    assert result.steps == 20
    assert_same(again(result, tmp_path))


def test_a_batch_halved_for_lack_of_memory_is_halved_again(tmp_path: Path, monkeypatch) -> None:
    honest, calls = GPT.loss, 0

    def hungry_once(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += self.training
        if self.training and calls == 8:
            raise torch.OutOfMemoryError("CUDA out of memory. No room.")
        return honest(self, tokens, targets)

    monkeypatch.setattr(GPT, "loss", hungry_once)
    result = train(tmp_path, dropout=0.1)
    assert [one.dial for one in commands_to_repeat(events_of(result))] == ["batch_size", "accumulate"]
    assert_same(again(result, tmp_path))


def test_what_the_guard_did_it_does_again(tmp_path: Path, monkeypatch) -> None:
    """Three steps in a row that are no numbers lead back, while a person turns dials before and after."""
    honest, calls = GPT.loss, 0

    def poisoned(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += self.training
        loss = honest(self, tokens, targets)
        return loss * float("nan") if self.training and 18 <= calls <= 20 else loss

    monkeypatch.setattr(GPT, "loss", poisoned)
    commands = {
        12: [turn("dropout", 0.1)],
        16: [{"action": "checkpoint", "text": "calm"}, {"action": "lr_scale", "value": 3.0}],
        19: [{"action": "note", "text": "oh dear"}],
        24: [{"action": "rollback", "text": "calm"}, {"action": "undo"}],
    }
    result = train(tmp_path, SteeredFeed(commands), steps=30)
    ways_back = [(event.step, event.reason) for event in events_of(result) if isinstance(event, Resumed)]
    assert [step for step, _ in ways_back] == [16, 16]
    assert [one.action for one in commands_to_repeat(events_of(result))] == [
        "set", "checkpoint", "lr_scale", "rollback", "undo",
    ]  # fmt: skip
    calls = 0
    assert_same(again(result, tmp_path))


def test_a_step_that_differs_is_found_and_named(tmp_path: Path, monkeypatch) -> None:
    result = train(tmp_path)
    honest, calls = GPT.loss, 0

    def poisoned(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += self.training
        loss = honest(self, tokens, targets)
        return loss * (1 + 1e-4) if self.training and calls == 8 else loss

    monkeypatch.setattr(GPT, "loss", poisoned)
    feed = LiveFeed()
    outcome = again(result, tmp_path, feed)
    assert not outcome.same
    assert outcome.first_difference is not None
    assert (outcome.first_difference.step, outcome.first_difference.what) == (8, "loss")
    assert abs(outcome.first_difference.now - outcome.first_difference.recorded) == pytest.approx(3e-4, rel=0.5)
    assert outcome.differing_bits
    assert "first at step 8" in outcome.sentence()
    assert any("step 8" in event.text for event in feed.drain_events() if isinstance(event, LogMessage))


def test_weights_that_differ_are_found_though_every_loss_agrees(tmp_path: Path) -> None:
    result = train(tmp_path)
    place = last_checkpoint(Path(result.run_dir) / "checkpoints")
    assert place is not None
    file = place / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    outcome = again(result, tmp_path)
    assert (outcome.first_difference, outcome.differing_bits) == (None, 1)
    assert not outcome.same
    assert "1 bit differs in weights" in outcome.sentence()


def test_a_changed_text_version_and_machine_are_told_before_it_starts(tmp_path: Path, monkeypatch) -> None:
    result = train(tmp_path, kept_text_megabytes=0)
    folder = RunFolder(Path(result.run_dir))
    file = folder.config_file
    saved = file.read_text().replace("hostname = ", 'hostname = "elsewhere"\nwas = ')
    file.write_text(saved.replace('torch_version = "', 'torch_version = "0.1+'))
    text = write_text(tmp_path)
    text.write_text(text.read_text() + "one more line\n")
    told = " ".join(plan_rerun(folder, runs_dir=tmp_path / "again").differences)
    assert "text has changed" in told
    assert "machine" in told
    assert "elsewhere" in told
    assert "version of torch" in told
    assert not (tmp_path / "again").exists()


def test_a_folder_without_a_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunsError, match="journal"):
        plan_rerun(RunFolder(tmp_path / "nowhere"), runs_dir=tmp_path)


def test_a_run_that_is_being_trained_is_not_repeated_yet(tmp_path: Path) -> None:
    folder = RunFolder(Path(train(tmp_path).run_dir))
    with RunLock(folder), pytest.raises(EngineError, match="once it has ended"):
        plan_rerun(folder, runs_dir=tmp_path / "again")


def test_a_killed_run_is_repeated_as_far_as_its_last_checkpoint(tmp_path: Path) -> None:
    result = train(tmp_path, SteeredFeed({3: [turn("dropout", 0.3)], 17: [turn("dropout", 0.0)]}))
    folder = RunFolder(Path(result.run_dir))
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    cut = next(index for index, line in enumerate(lines) if b'"kind":"step"' in line and b'"step":19' in line)
    folder.journal.write_bytes(b"".join(lines[:cut]) + lines[cut][:20])
    place = last_checkpoint(folder.checkpoints)
    assert place is not None
    for file in place.iterdir():
        file.unlink()
    outcome = again(result, tmp_path)
    assert_same(outcome)
    assert outcome.run.steps == 15


def test_differing_bits_are_counted() -> None:
    assert differing_bits(torch.zeros(3), torch.zeros(3)) == 0
    assert differing_bits(torch.zeros(3), torch.tensor([0.0, -0.0, 0.0])) == 1
    assert differing_bits(torch.zeros(()), torch.ones(())) == 7


def test_a_repeat_is_a_run_like_any_other(tmp_path: Path) -> None:
    """It can be resumed further than the original went."""
    outcome = again(train(tmp_path, SteeredFeed({3: [turn("dropout", 0.3)]})), tmp_path)
    more = train_resumed(Path(outcome.run.run_dir), {"steps": 25}, LiveFeed())
    assert (more.status, more.steps) == ("done", 25)
    checkpoint = last_checkpoint(Path(more.run_dir) / "checkpoints")
    assert checkpoint is not None
    assert load_checkpoint(checkpoint).trainer["dials"]["dropout"] == 0.3
    assert replace(outcome, problem="x").same is False


@pytest.mark.parametrize("wish", ["stop", "rollback"])
def test_what_was_done_about_overfitting_is_done_again(tmp_path: Path, wish: str) -> None:
    result = memorise(tmp_path, "book", on_overfitting=wish)
    assert result.status == "done"
    (end,) = commands_to_repeat(events_of(result))
    assert (end.action, end.value) == ("total_steps", result.steps)
    assert_same(again(result, tmp_path))


def test_a_step_larger_than_the_text_that_is_on_record_is_trained_again(tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(
            "babytrain.engine.sessions.start_and_resume.check_step_size", lambda *_: None
        )  # there was no such rule once
        result = train(tmp_path, steps=4, context=128)
        train_resumed(Path(result.run_dir), {"steps": 6, "batch_size": 80}, LiveFeed())
    assert_same(again(result, tmp_path))
