"""The guard keeps what the README promises: whatever a person or a setting did to the updates, the run comes back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import Tensor

from babytrain.engine.checkpoints import format as checkpoint_format
from babytrain.engine.checkpoints.format import best_checkpoint
from babytrain.engine.model.gpt import GPT
from babytrain.engine.sessions.rerun import plan_rerun, train_rerun
from babytrain.engine.sessions.start_and_resume import RunResult, train_resumed
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.events import Checkpoint, Command, Eval, GuardEvent, Resumed, Step, Verdict
from babytrain.runs.journal import load_state
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.summary import summarize_run
from tests.engine.tiny_runs import SteeredFeed, events_of, train

RUN: dict[str, Any] = {"steps": 200, "eval_every": 50, "sample_every": 0, "checkpoint_every": 100, "schedule": "linear"}
A_MILLION = {"action": "lr_scale", "value": 1e6}


def steered(folder: Path, commands: dict[int, list[dict[str, Any]]], **changes: Any) -> RunResult:
    return train(folder, SteeredFeed(commands), **(RUN | changes))


def rollbacks(result: RunResult) -> list[GuardEvent]:
    return [event for event in events_of(result) if isinstance(event, GuardEvent) and event.action == "rolled back"]


def rates(result: RunResult) -> dict[int, float]:
    """The learning rate of each step, of the last time it was made."""
    return {event.step: event.learning_rate for event in events_of(result) if isinstance(event, Step)}


@pytest.mark.parametrize("raised", [A_MILLION, {"action": "lr_hold", "value": 0.3}], ids=["NaN", "diverging"])
def test_a_rate_raised_too_far_leads_back_to_before_the_change_and_to_its_rate(
    tmp_path: Path, raised: dict[str, Any]
) -> None:
    result = steered(tmp_path, {80: [raised]})
    (rescue,) = rollbacks(result)
    assert rescue.step == 80
    assert "the learning rate it had there (the learning rate was multiplied by" in rescue.text
    assert "at step 80)" in rescue.text
    assert result.status == "done"
    assert result.val_loss is not None
    assert result.val_loss < 0.6
    (back,) = [event for event in events_of(result) if isinstance(event, Resumed)]
    assert (back.step, back.rollback) == (80, True)
    assert max(rates(result).values()) < 3e-3 + 1e-9


def test_an_undo_does_not_lead_back_to_the_rate_that_failed(tmp_path: Path) -> None:
    twice = [A_MILLION, {"action": "lr_scale", "value": 0.9}]
    result = steered(tmp_path, {60: [{"action": "lr_scale", "value": 1.1}], 80: twice[:1], 120: [{"action": "undo"}]})
    assert len(rollbacks(result)) == 1
    (undo,) = [event for event in events_of(result) if isinstance(event, Command) and event.action == "undo"]
    assert undo.status == "refused"
    assert max(rates(result).values()) < 3.3e-3 + 1e-9


def test_a_rate_that_a_person_lowered_is_not_raised_by_going_back(tmp_path: Path, monkeypatch) -> None:
    honest, calls = GPT.loss, 0

    def poisoned(self: GPT, *rows: Tensor) -> Tensor:
        nonlocal calls
        calls += self.training
        return honest(self, *rows) * (math.nan if self.training and 120 <= calls <= 122 else 1.0)

    monkeypatch.setattr(GPT, "loss", poisoned)
    result = steered(tmp_path, {110: [{"action": "lr_scale", "value": 0.2}]})
    assert [rescue.step for rescue in rollbacks(result)] == [100]
    (turned,) = [event for event in events_of(result) if isinstance(event, Command) and event.command_id == 0]
    assert turned.value == pytest.approx(0.1)


def test_another_dial_that_ruins_the_updates_is_put_back(tmp_path: Path) -> None:
    result = steered(tmp_path, {80: [{"action": "set", "dial": "weight_decay", "value": 10.0}]}, lr=0.05)
    (rescue,) = rollbacks(result)
    assert (rescue.cause, rescue.step) == ("diverging", 50)
    assert "the weight_decay it had there" in rescue.text
    assert result.val_loss is not None
    assert result.val_loss < 0.5


@pytest.mark.parametrize(
    "turned",
    [
        {"action": "lr_scale", "value": 2.0},
        {"action": "set", "dial": "dropout", "value": 0.8},
        {"action": "set", "dial": "label_smoothing", "value": 0.5},
        {"action": "set", "dial": "batch_size", "value": 1},
    ],
    ids=lambda command: command.get("dial", "rate"),
)
def test_a_dial_that_only_moves_the_loss_is_left_alone(tmp_path: Path, turned: dict[str, Any]) -> None:
    assert rollbacks(steered(tmp_path, {80: [turned]})) == []


def test_a_run_that_diverges_from_its_first_steps_goes_back_to_its_start_until_it_learns(tmp_path: Path) -> None:
    result = steered(tmp_path, {}, lr=5.0)
    assert [rescue.step for rescue in rollbacks(result)] == [0] * len(rollbacks(result))
    assert 0 < len(rollbacks(result)) <= 5
    assert "above that of the untrained model" in rollbacks(result)[0].text
    evaluations = [event for event in events_of(result) if isinstance(event, Eval)]
    assert result.status == "done"
    assert evaluations[-1].val_loss < evaluations[0].val_loss / 2


def test_weights_that_are_ruined_in_the_last_steps_are_noticed_by_the_last_evaluation(tmp_path: Path) -> None:
    result = steered(tmp_path, {198: [A_MILLION]})
    assert [rescue.step for rescue in rollbacks(result)] == [198]
    assert (result.status, result.steps) == ("done", 200)
    assert result.val_loss == result.best_val_loss


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"guard": "skip"}, "step 140"), ({"max_rollbacks": 0}, "step 1"), ({"guard": "stop"}, "step 1")],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_run_that_is_given_up_names_the_change_that_caused_it(tmp_path: Path, settings: Any, told: str) -> None:
    result = steered(tmp_path, {100: [A_MILLION]}, **settings)
    assert result.status == "failed"
    assert result.reason.startswith("The learning rate was multiplied by 1,000,000 at step 100: ")
    assert told in result.reason
    assert result.reason.endswith("Resume it from step 100, before that change.")
    last = [event for event in events_of(result) if isinstance(event, GuardEvent)][-1]
    assert last.action == "stopped"
    assert result.reason in last.text
    again = train_resumed(Path(result.run_dir), {}, LiveFeed())
    assert (again.status, again.steps) == ("done", 200)
    assert again.val_loss is not None
    assert again.val_loss < 0.6
    assert [event.step for event in events_of(again) if isinstance(event, Resumed)] == [100]


def test_the_last_resort_says_how_often_it_tried(tmp_path: Path, monkeypatch) -> None:
    honest, calls = GPT.loss, 0

    def poisoned(self: GPT, *rows: Tensor) -> Tensor:
        nonlocal calls
        calls += self.training
        return honest(self, *rows) * (math.nan if self.training and calls > 30 else 1.0)

    monkeypatch.setattr(GPT, "loss", poisoned)
    result = steered(tmp_path, {}, max_rollbacks=3, optimizer="muon")
    assert (result.status, len(rollbacks(result))) == ("failed", 3)
    assert result.reason.startswith("3 rollbacks did not help: the loss or its gradient was NaN or infinite (step ")
    assert "lower learning rate, for instance lr=" in result.reason
    assert " and muon_lr=" in result.reason  # both: a lower lr alone leaves the hidden matrices as they were
    summary = summarize_run(RunFolder(Path(result.run_dir)))
    assert summary.status == "failed"


def test_weights_without_a_number_are_no_finished_run(tmp_path: Path, monkeypatch) -> None:
    honest = GPT.window_losses

    def ruined(self: GPT, *rows: Tensor) -> tuple[Tensor, Tensor]:
        losses, predictions = honest(self, *rows)
        return (losses * math.nan if steps_made() else losses), predictions

    feed = LiveFeed()

    def steps_made() -> int:
        return feed.steps.count

    monkeypatch.setattr(GPT, "window_losses", ruined)
    result = train(tmp_path, feed, **(RUN | {"guard": "skip"}))
    assert result.status == "failed"
    assert result.reason.startswith("The validation loss is nan")
    assert "--at best" in result.reason
    checkpoints = Path(result.run_dir) / "checkpoints"
    assert best_checkpoint(checkpoints) == checkpoints / "step-000000000"
    assert summarize_run(RunFolder(Path(result.run_dir))).status == "failed"


def test_the_best_is_there_to_go_back_to_from_the_start(tmp_path: Path) -> None:
    feed = SteeredFeed({3: [{"action": "rollback", "text": "best"}]})
    result = train(tmp_path, feed)
    saved = [(event.step, event.reason) for event in events_of(result) if isinstance(event, Checkpoint)]
    assert saved[0] == (0, "best")
    back = [event for event in events_of(result) if isinstance(event, Resumed)]
    assert [event.step for event in back] == [0]


def test_no_verdict_sends_to_a_best_checkpoint_that_found_no_room(tmp_path: Path, monkeypatch) -> None:
    honest = checkpoint_format.save_file

    def full(tensors: dict[str, Tensor], path: Path) -> None:
        if "000000100" in path.parent.name:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        honest(tensors, path)

    monkeypatch.setattr(checkpoint_format, "save_file", full)
    result = steered(tmp_path, {100: [{"action": "lr_hold", "value": 0.3}]}, guard="skip")
    assert result.best_step == 100
    verdicts = [event for event in events_of(result) if isinstance(event, Verdict) and event.step > 100]
    assert "diverging" in [verdict.verdict for verdict in verdicts]
    for verdict in verdicts:
        assert "best checkpoint" not in verdict.next_
        assert all(one is None or one.action != "rollback" for one in (verdict.advice, verdict.alternative))


def test_a_resume_with_a_dial_that_moves_the_loss_is_left_alone(tmp_path: Path) -> None:
    short = steered(tmp_path, {}, steps=100)
    smoothed = train_resumed(Path(short.run_dir), {"label_smoothing": 0.5, "steps": 160}, LiveFeed())
    assert (smoothed.status, rollbacks(smoothed)) == ("done", [])


def test_a_resume_with_a_wrong_rate_goes_back_until_it_learns(tmp_path: Path) -> None:
    short = steered(tmp_path, {}, steps=100)
    wrong = train_resumed(Path(short.run_dir), {"lr": 1.0, "steps": 300}, LiveFeed())
    assert {rescue.step for rescue in rollbacks(wrong)} == {100}
    assert wrong.status == "done"
    assert wrong.val_loss is not None
    assert short.val_loss is not None
    assert wrong.val_loss < short.val_loss


def test_a_rescued_run_is_repeated_with_its_rescues(tmp_path: Path) -> None:
    raised = {80: [A_MILLION], 120: [{"action": "set", "dial": "weight_decay", "value": 10.0}]}
    result = steered(tmp_path, raised, lr=0.02)
    assert len(rollbacks(result)) >= 2
    outcome = train_rerun(plan_rerun(RunFolder(Path(result.run_dir)), runs_dir=tmp_path / "again"), LiveFeed())
    assert outcome.same, outcome.sentence()
    assert [rescue.text for rescue in rollbacks(outcome.run)] == [rescue.text for rescue in rollbacks(result)]


def test_a_run_that_the_clock_ended_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "working_seconds", lambda recorder: 1.0 * recorder.step)
    result = train(tmp_path, **(RUN | {"minutes": 0.5, "steps": 3000}))
    assert (result.status, result.steps, result.reason) == ("done", 30, "the planned 30s are over")
    summary = summarize_run(RunFolder(Path(result.run_dir)))
    assert (summary.step, summary.total_steps, summary.status) == (30, 30, "done")
    assert load_state(Path(result.run_dir) / "journal.jsonl").at().total_steps == 30


def test_a_healthy_run_is_not_touched(tmp_path: Path) -> None:
    result = steered(tmp_path, {})
    assert [event for event in events_of(result) if isinstance(event, GuardEvent)] == []
    assert torch.isfinite(torch.tensor(result.val_loss or math.nan))
