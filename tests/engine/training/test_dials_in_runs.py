"""Every dial, turned while a run trains: the outcome changes, and what is absurd is refused with the range."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from babytrain.engine.checkpoints.format import last_checkpoint, load_checkpoint
from babytrain.engine.config.build import checked_value
from babytrain.engine.config.errors import EngineError
from babytrain.engine.config.settings import MACHINE_SETTINGS, Config
from babytrain.engine.model.gpt import GPT
from babytrain.engine.sessions import background_services
from babytrain.engine.sessions.fork import plan_fork
from babytrain.engine.sessions.start_and_resume import RunResult, train_new, train_resumed
from babytrain.engine.training.guard import Guard
from babytrain.runs.dials.apply_and_undo import apply_command
from babytrain.runs.dials.dial_state import DialState, initial_dials, restore_dials
from babytrain.runs.dials.learning_rate_schedule import learning_rate
from babytrain.runs.dials.spec import MACHINE_DIALS, SETTABLE
from babytrain.runs.events import Command, Eval, HostReading, Predicted, Request, Sample
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunState
from babytrain.runs.store.folder import RunFolder
from tests.engine.tiny_runs import SteeredFeed, events_of, final_weights, resume_from, same_bits, tiny_config, train

POSITIONS: dict[str, float | str] = {
    "schedule": "linear",
    "batch_size": 2,
    "accumulate": 2,
    "weight_decay": 1.0,
    "dropout": 0.3,
    "clip": 0.01,
    "label_smoothing": 0.2,
    "beta1": 0.5,
    "beta2": 0.5,
    "window_shift": 0.5,
    "token_noise": 0.3,
}
CADENCES = {"eval_every": 4, "sample_every": 4}
POLICY: dict[str, float | str] = {
    "quiet_hours": "00:00-24:00",
    "quiet_duty": 0.7,
    "temperature_ceiling_celsius": 60,
    "power_budget_watts": 30,
    "on_battery": "pause",
}


class PluggedIn:
    def read(self) -> HostReading:
        return HostReading(plugged_in=True)


def turn(dial: str, position: float | str) -> dict[str, Any]:
    word = isinstance(position, str)
    return {"action": "set", "value": None if word else position, "text": position if word else "", "dial": dial}


def saved_dials(result: RunResult) -> DialState:
    """As the newest checkpoint of a run has them."""
    checkpoint = last_checkpoint(Path(result.run_dir) / "checkpoints")
    assert checkpoint is not None
    return restore_dials(load_checkpoint(checkpoint).trainer, tiny_config().to_dict())


def after(config: Config, dials: DialState, request: Request, step: int) -> DialState:
    return apply_command(config, dials, request, step, checked_value).dials


def turned_run(folder: Path, dial: str, position: float | str, **changes):
    feed = LiveFeed()
    word = isinstance(position, str)
    feed.ask("set", None if word else float(position), text=position if word else "", dial=dial)
    return train(folder, feed, dial, **changes)


@pytest.fixture(scope="module")
def unturned(tmp_path_factory) -> dict[str, torch.Tensor]:
    return final_weights(train(tmp_path_factory.mktemp("unturned")))


def test_the_list_of_dials_is_whole() -> None:
    assert {*POSITIONS, *CADENCES, *POLICY} == set(SETTABLE)
    assert set(POLICY) == set(MACHINE_DIALS) == set(SETTABLE) & set(MACHINE_SETTINGS)


@pytest.mark.parametrize("dial", POSITIONS)
def test_a_turned_dial_changes_the_weights(tmp_path: Path, dial: str, unturned: dict[str, torch.Tensor]) -> None:
    result = turned_run(tmp_path, dial, POSITIONS[dial])
    (command,) = [event for event in events_of(result) if isinstance(event, Command)]
    assert (command.dial, command.status) == (dial, "applied")
    assert not same_bits(final_weights(result), unturned)


@pytest.mark.parametrize("dial", POLICY)
def test_a_dial_of_the_power_policy_changes_no_bit(
    tmp_path: Path, dial: str, unturned: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_services, "HostSensors", lambda _: PluggedIn())
    quiet = {"quiet_hours": "00:00-24:00"} if dial == "quiet_duty" else {"quiet_duty": 0.8}
    feed = SteeredFeed({7: [turn(dial, POLICY[dial])]}) if dial != "quiet_duty" else LiveFeed()
    if dial == "quiet_duty":
        feed.ask(**turn(dial, POLICY[dial]))  # before the first step, or it would rest until somebody says so
    result = train(tmp_path, feed, dial, **quiet)
    (command,) = [event for event in events_of(result) if isinstance(event, Command)]
    assert (command.dial, command.status) == (dial, "applied")
    assert same_bits(final_weights(result), unturned)


def test_a_dial_of_the_power_policy_does_not_make_the_guard_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgot: list[int] = []
    monkeypatch.setattr(Guard, "dials_changed", lambda self, names: forgot.append(1))
    train(tmp_path, SteeredFeed({7: [turn("temperature_ceiling_celsius", 60)]}), "policy")
    assert forgot == []
    train(tmp_path, SteeredFeed({7: [turn("dropout", 0.1)]}), "other")
    assert forgot == [1]


def test_cadences_change_what_is_done_between_steps(tmp_path: Path) -> None:
    evaluated = turned_run(tmp_path, "eval_every", CADENCES["eval_every"])
    assert sum(isinstance(event, Eval) for event in events_of(evaluated)) == 6
    sampled = turned_run(tmp_path, "sample_every", CADENCES["sample_every"])
    assert sum(isinstance(event, Sample) for event in events_of(sampled)) == 6


@pytest.mark.parametrize(
    ("dial", "value", "words"),
    [
        ("dropout", 1.5, "between 0 and 0.9"),
        ("batch_size", 1e9, "between 1 and"),
        ("batch_size", 5000.0, "the text has: batch_size must lie between 1 and"),
        ("batch_size", 2.5, "whole number"),
        ("clip", float("nan"), "between"),
        ("beta1", -1.0, "between"),
        ("token_noise", float("inf"), "between"),
        ("warp", 1.0, "no dial"),
        ("schedule", None, "one of"),
    ],
)
def test_absurd_positions_are_refused_in_a_sentence_and_change_nothing(
    tmp_path: Path, dial: str, value: float | None, words: str, unturned: dict[str, torch.Tensor]
) -> None:
    feed = LiveFeed()
    feed.ask("set", value, text="" if value is not None else "zigzag", dial=dial)
    result = train(tmp_path, feed)
    (command,) = [event for event in events_of(result) if isinstance(event, Command)]
    assert command.status == "refused"
    assert words in command.reason
    assert same_bits(final_weights(result), unturned)


def test_an_undo_puts_back_the_newest_turn_and_then_the_one_before(
    tmp_path: Path, unturned: dict[str, torch.Tensor]
) -> None:
    feed = LiveFeed()
    feed.ask("set", 0.3, dial="dropout")
    feed.ask("lr_scale", 0.5)
    for _ in range(3):
        feed.ask("undo")
    result = train(tmp_path, feed)
    commands = [event for event in events_of(result) if isinstance(event, Command)]
    undone = [command for command in commands if command.action == "undo"]
    assert [command.dial for command in undone] == ["lr_scale", "dropout", ""]
    assert [command.status for command in undone] == ["applied", "applied", "refused"]
    assert (undone[1].before, undone[1].after) == (0.3, 0.0)
    assert same_bits(final_weights(result), unturned)


def test_what_waits_together_is_done_one_by_one(tmp_path: Path) -> None:
    """What lies between two changes of a dial counts: here each undo takes back the change right before it."""
    undo: dict[str, Any] = {"action": "undo"}
    asked = [turn("dropout", 0.1), undo, turn("dropout", 0.2), turn("clip", 0.5), turn("dropout", 0.3), undo, undo]
    together = train(tmp_path, SteeredFeed({5: asked}), "together")
    apart = train(tmp_path, SteeredFeed({5: [*asked[:1]], 6: asked[1:3], 7: asked[3:]}), "apart")
    for result in (together, apart):
        commands = [event for event in events_of(result) if isinstance(event, Command)]
        assert [(one.action, one.dial, one.status) for one in commands] == [
            (one["action"], dial, "applied")
            for one, dial in zip(
                asked, ["dropout", "dropout", "dropout", "clip", "dropout", "dropout", "clip"], strict=True
            )
        ]
        assert (saved_dials(result).dropout, saved_dials(result).clip) == (0.2, 1.0)
        assert [undo.dial for undo in saved_dials(result).undos] == ["dropout"]


def test_the_record_says_where_the_dials_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through undos, changes that change nothing, a batch halved for lack of memory, ways back, a resume, a fork."""
    loss, calls = GPT.loss, itertools.count()

    def hungry_once(self: GPT, *tensors: torch.Tensor, **rest: Any) -> torch.Tensor:
        if next(calls) == 15:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss(self, *tensors, **rest)

    def assert_told(result: RunResult) -> None:
        state = RunState()
        state.apply_all(events_of(result))
        assert replace(saved_dials(result), undos=()) == state.at().dials

    monkeypatch.setattr(GPT, "loss", hungry_once)
    undo: dict[str, Any] = {"action": "undo"}
    asked = {
        3: [{"action": "lr_hold", "value": 2e-3}, turn("eval_every", 5), turn("eval_every", 5), turn("dropout", 0.1)],
        8: [undo, turn("quiet_hours", "off"), turn("beta2", 0.9)],
        13: [{"action": "rollback", "text": "last"}, {"action": "lr_scale", "value": 0.5}],
        14: [{"action": "total_steps", "value": 24}, undo, undo, turn("token_noise", 0.1)],
    }
    result = train(tmp_path, SteeredFeed(asked), "told")
    assert_told(result)
    assert saved_dials(result).batch_size == 2
    assert_told(resume_from(result, 10, steps=26, lr=1e-3))
    fork = train_new(plan_fork(RunFolder(Path(result.run_dir)), "last", {"steps": 30}, runs_dir=tmp_path), LiveFeed())
    assert_told(fork)
    assert saved_dials(fork).token_noise == 0.1


def test_a_rewarm_climbs_from_near_nothing_to_where_the_schedule_is() -> None:
    config = tiny_config(warmup=0, schedule="constant", lr=1e-2)
    dials = after(config, initial_dials(config.to_dict()), Request(command_id=1, action="rewarm", value=4.0), 10)
    rates = [learning_rate(config, dials, step) for step in range(9, 16)]
    assert rates == pytest.approx([1e-2, 2e-3, 4e-3, 6e-3, 8e-3, 1e-2, 1e-2])


def test_the_half_life_of_beta2_is_kept_in_tokens_when_the_batch_changes() -> None:
    config = tiny_config(beta2=0.99, batch_size=4)
    dials = initial_dials(config.to_dict())
    larger = after(config, dials, Request(command_id=1, action="set", dial="batch_size", value=8.0), 0)
    assert dials.beta2_in_use == 0.99
    assert larger.beta2_in_use == pytest.approx(0.99**2)
    by_hand = after(config, larger, Request(command_id=2, action="set", dial="beta2", value=0.95), 0)
    assert by_hand.beta2_in_use == 0.95  # what a person says holds for the batch it was said for


def test_a_look_at_what_comes_next_names_likely_tokens_and_changes_nothing(
    tmp_path: Path, unturned: dict[str, torch.Tensor]
) -> None:
    feed = LiveFeed()
    feed.ask("predict", text="the sna")
    result = train(tmp_path, feed)
    (answer,) = [event for event in feed.drain_events() if isinstance(event, Predicted)]
    assert not any(isinstance(event, Predicted) for event in events_of(result))  # shown, and not kept
    assert answer.prompt == "the sna"
    assert len(answer.tokens) == len(answer.probabilities) == 8
    assert list(answer.probabilities) == sorted(answer.probabilities, reverse=True)
    assert 0 < sum(answer.probabilities) <= 1
    assert same_bits(final_weights(result), unturned)


def test_a_batch_larger_than_the_text_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for changes, allowed in (
        ({"batch_size": 60_000}, r"batch_size must lie between 1 and \d+\."),
        ({"accumulate": 4096}, r"accumulate must lie between 1 and \d+\."),
    ):
        with pytest.raises(EngineError, match=f"is more than the .* the text has: {allowed}"):
            train(tmp_path, **changes)
    assert not (tmp_path / "runs").exists()
    result = train(tmp_path)
    with pytest.raises(EngineError, match="batch_size must lie between 1 and"):
        train_resumed(Path(result.run_dir), {"batch_size": 60_000, "steps": 30}, LiveFeed())
