"""What goes wrong in a run is noticed, kept from the weights, and survived; each time with an event that says so."""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from babytrain.engine.checkpoints import format as checkpoint_format
from babytrain.engine.checkpoints.format import CheckpointError, LoadedCheckpoint
from babytrain.engine.model.gpt import GPT
from babytrain.engine.training import recovery
from babytrain.engine.training.guard import Guard
from babytrain.runs.errors import is_out_of_memory
from babytrain.runs.events import Checkpoint, Command, GuardEvent, LogMessage, Resumed, Step
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.tiny_runs import events_of, final_weights, resume_from, same_bits, tiny_config, train


@pytest.fixture
def poison(monkeypatch) -> Callable[[Callable[[int], bool], float], None]:
    """Multiply the training loss of chosen forward passes, counted from 1."""

    def arrange(chosen: Callable[[int], bool], factor: float) -> None:
        honest, calls = GPT.loss, 0

        def poisoned(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            nonlocal calls
            calls += self.training
            loss = honest(self, tokens, targets)
            return loss * factor if self.training and chosen(calls) else loss

        monkeypatch.setattr(GPT, "loss", poisoned)

    return arrange


def rescues(result) -> list[GuardEvent]:
    return [event for event in events_of(result) if isinstance(event, GuardEvent)]


def folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def test_a_step_that_is_no_number_is_left_out_and_the_run_goes_on(tmp_path: Path, poison) -> None:
    poison(lambda call: call == 8, math.nan)
    result = train(tmp_path)
    assert (result.status, result.steps) == ("done", 20)
    assert all(tensor.isfinite().all() for tensor in final_weights(result).values())
    (rescue,) = rescues(result)
    assert (rescue.cause, rescue.action, rescue.step) == ("not finite", "skipped", 8)
    assert "step 8" in rescue.text
    assert "lr " in rescue.text
    assert rescue.first_window == 7 * 4
    steps = {event.step: event for event in events_of(result) if isinstance(event, Step)}
    assert math.isnan(steps[8].loss)
    assert math.isfinite(steps[9].loss)


def test_several_in_a_row_lead_back_to_the_last_good_checkpoint_with_half_the_learning_rate(
    tmp_path: Path, poison
) -> None:
    poison(lambda call: 8 <= call <= 10, math.nan)  # checkpoints stand every 5 steps
    result = train(tmp_path, guard_patience_steps=3)
    assert (result.status, result.steps) == ("done", 20)
    assert [rescue.action for rescue in rescues(result)] == ["skipped", "skipped", "rolled back"]
    (back,) = [event for event in events_of(result) if isinstance(event, Resumed)]
    assert (back.step, back.rollback) == (5, True)
    (turned,) = [event for event in events_of(result) if isinstance(event, Command) and event.action == "lr_scale"]
    assert (turned.command_id, turned.value) == (0, 0.5)
    assert all(tensor.isfinite().all() for tensor in final_weights(result).values())


def test_after_so_many_rescues_it_stops_in_order_with_everything_saved(tmp_path: Path, poison) -> None:
    poison(lambda call: call >= 8, math.nan)
    result = train(tmp_path, guard_patience_steps=2, max_rollbacks=2)
    assert result.status == "failed"
    assert "lower learning rate" in result.reason
    assert [rescue.action for rescue in rescues(result)].count("rolled back") == 2
    assert rescues(result)[-1].action == "stopped"
    assert all(tensor.isfinite().all() for tensor in final_weights(result).values())


def test_the_policy_stop_stops_at_once(tmp_path: Path, poison) -> None:
    poison(lambda call: call == 8, math.nan)
    result = train(tmp_path, guard="stop")
    assert (result.status, result.steps) == ("failed", 8)
    assert "step 8" in result.reason


def test_a_run_that_diverges_does_not_go_back_to_what_was_saved_while_it_did(tmp_path: Path, poison) -> None:
    poison(lambda call: 41 <= call <= 50, 5.0)
    result = train(tmp_path, steps=60, checkpoint_every=1, eval_every=30, sample_every=0)
    (rescue,) = [one for one in rescues(result) if one.action == "rolled back"]
    assert rescue.cause == "diverging"
    (back,) = [event for event in events_of(result) if isinstance(event, Resumed)]
    assert back.step == 40
    assert (result.status, result.steps) == ("done", 60)


def test_a_checkpoint_that_cannot_be_read_is_passed_over_for_the_one_before(
    tmp_path: Path, poison, monkeypatch
) -> None:
    poison(lambda call: 13 <= call <= 15, math.nan)
    honest = recovery.load_checkpoint

    def torn(place: Path) -> LoadedCheckpoint:
        if place.name == "step-000000010":
            raise CheckpointError("It cannot be read.")
        return honest(place)

    monkeypatch.setattr(recovery, "load_checkpoint", torn)
    result = train(tmp_path)
    (back,) = [event for event in events_of(result) if isinstance(event, Resumed)]
    assert (back.step, result.status) == (5, "done")


def test_a_full_disk_does_not_keep_a_run_from_going_back(tmp_path: Path, poison, monkeypatch) -> None:
    def full(checkpoints: Path, place: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    poison(lambda call: 13 <= call <= 15, math.nan)
    monkeypatch.setattr(recovery, "mark_as_last", full)
    result = train(tmp_path)
    (back,) = [event for event in events_of(result) if isinstance(event, Resumed)]
    assert (back.step, result.status, result.steps) == (10, "done", 20)
    assert any("No space left" in event.text for event in events_of(result) if isinstance(event, LogMessage))


def test_a_checkpoint_that_found_no_room_is_tried_again_by_a_run_that_went_back(
    tmp_path: Path, poison, monkeypatch
) -> None:
    honest, refusals = checkpoint_format.save_file, []

    def full_once(tensors: dict[str, torch.Tensor], path: Path) -> None:
        if "000000015" in path.parent.name and not refusals:
            refusals.append(path)
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(tensors, path)

    monkeypatch.setattr(checkpoint_format, "save_file", full_once)
    poison(lambda call: 16 <= call <= 18, math.nan)
    result = train(tmp_path)
    events = events_of(result)
    assert refusals
    assert [event.step for event in events if isinstance(event, Resumed)] == [10]
    assert 15 in [event.step for event in events if isinstance(event, Checkpoint)]


NO_ROOM = [
    torch.OutOfMemoryError("CUDA out of memory."),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
]


@pytest.mark.parametrize("error", NO_ROOM, ids=lambda error: type(error).__name__)
def test_too_little_memory_halves_the_batch_and_trains_on_the_same_windows(
    tmp_path: Path, monkeypatch, error: Exception
) -> None:
    honest = GPT.loss

    def hungry(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self.training and len(tokens) > 2:
            raise error
        return honest(self, tokens, targets)

    untroubled = train(folder(tmp_path, "a"))
    monkeypatch.setattr(GPT, "loss", hungry)
    result = train(folder(tmp_path, "b"))
    assert (result.status, result.steps, result.tokens) == ("done", 20, untroubled.tokens)
    assert [rescue.action for rescue in rescues(result)] == ["halved the batch"]
    one, other = final_weights(untroubled), final_weights(result)
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_too_little_memory_is_got_over_on_a_text_smaller_than_a_step_too(tmp_path: Path, monkeypatch) -> None:
    honest, refused = GPT.loss, 0
    feed = LiveFeed()

    def hungry(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nonlocal refused
        if self.training and len(tokens) > 16:
            refused += 1
            if refused > 10:
                feed.stop_requested.set()  # or it would try for ever
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return honest(self, tokens, targets)

    monkeypatch.setattr(GPT, "loss", hungry)
    result = train(tmp_path, feed, batch_size=64, context=128, steps=2)  # of 26 windows
    assert (result.status, result.tokens) == ("done", 2 * 64 * 128), "a step still sees the same windows"
    assert [one.text.split(": now ")[1].split(" at")[0] for one in rescues(result)] == ["32", "16"]


def test_what_a_processor_says_when_it_has_no_memory_left_is_understood() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))


def test_an_evaluation_that_does_not_fit_is_made_in_smaller_pieces(tmp_path: Path, monkeypatch) -> None:
    honest = GPT.window_losses
    asked: list[int] = []

    def hungry(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append(len(tokens))
        if len(tokens) > 4:
            raise NO_ROOM[-1]
        return honest(self, tokens, targets)

    untroubled = train(folder(tmp_path, "a"))
    monkeypatch.setattr(GPT, "window_losses", hungry)
    result = train(folder(tmp_path, "b"))
    assert max(asked) > 4
    assert result.val_loss == pytest.approx(untroubled.val_loss, abs=1e-5)


def test_a_single_window_that_does_not_fit_ends_the_run_with_advice(tmp_path: Path, monkeypatch) -> None:
    def hungry(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. No room.")

    honest = GPT.loss
    monkeypatch.setattr(GPT, "loss", lambda self, *rows: (hungry if self.training else honest)(self, *rows))
    result = train(tmp_path)
    assert result.status == "failed"
    assert "smaller context" in result.reason


def test_a_resume_in_the_middle_of_trouble_is_judged_like_a_run_that_never_stopped(tmp_path: Path, poison) -> None:
    result = train(tmp_path, steps=40, checkpoint_every=5, lr=3e-2)
    again = resume_from(result, 25)
    assert same_bits(final_weights(result), final_weights(again))


def test_the_state_of_a_guard_survives_json() -> None:
    guard, losses = Guard(tiny_config(warmup=2)), torch.Generator().manual_seed(1)
    series = [3.0 + float(torch.randn((), generator=losses)) * 0.1 for _ in range(90)] + [9.0, 3.0, 9.0, math.nan]
    for step, loss in enumerate(series[:60], 1):
        guard.decide(step, loss, 1.0)
    copy = Guard(tiny_config(warmup=2))
    copy.restore(json.loads(json.dumps(guard.state())))
    for step, loss in enumerate(series[60:], 61):
        assert copy.decide(step, loss, 1.0) == guard.decide(step, loss, 1.0)
    assert copy.state() == guard.state()


def test_a_spike_is_noted_and_a_second_one_soon_after_is_left_out() -> None:
    guard = Guard(tiny_config(warmup=0))
    noise = torch.Generator().manual_seed(2)
    step = 0
    for _ in range(80):
        step += 1
        assert guard.decide(step, 2.0 + 0.02 * float(torch.randn((), generator=noise)), 1.0).action == "go on"
    assert guard.decide(step + 1, 4.0, 1.0).action == "note"
    assert guard.decide(step + 2, 2.0, 1.0).action == "go on"
    assert guard.decide(step + 3, 4.0, 1.0).action == "skip"
