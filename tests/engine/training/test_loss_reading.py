"""Reading each loss at once and reading it later lead to the same run, on the CPU's tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from babytrain.engine.model.gpt import GPT
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.sessions.start_and_resume import RunResult
from babytrain.engine.training import trainer
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.guard import Guard
from babytrain.engine.training.loss_reading import DELAY_STEPS, UNREAD, LossReader
from babytrain.engine.training.train_state import TrainState
from babytrain.engine.training.train_step import train_step
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.events import Eval, GuardEvent, Resumed, Step
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.model.tiny_models import tiny_config, tiny_model
from tests.engine.tiny_runs import events_of, final_optimizer, final_weights, same_bits, train

Poison = Callable[[Callable[[int], float]], None]


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    """Multiply the training loss of the n-th windows of a run, as many as a step has, whenever they are read."""
    honest, fetch = GPT.loss, Batches.next_batch
    number = 0

    def next_batch(self: Batches, first: int, dials: DialState) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal number
        number = first // dials.windows_per_step + 1
        return fetch(self, first, dials)

    monkeypatch.setattr(Batches, "next_batch", next_batch)

    def arrange(factor: Callable[[int], float]) -> None:
        def poisoned(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            loss = honest(self, tokens, targets)
            return loss * factor(number) if self.training else loss

        monkeypatch.setattr(GPT, "loss", poisoned)

    return arrange


class AskedAtSteps(LiveFeed):
    """Commands that are asked for when so many steps are made, whether they were read or not."""

    def __init__(self, commands: dict[int, list[dict[str, Any]]]) -> None:
        super().__init__()
        self.commands = {step: list(several) for step, several in commands.items()}

    def made(self, step: int) -> None:
        for command in self.commands.pop(step, ()):
            self.ask(**command)


def both_ways(
    folder: Path, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[], LiveFeed | None], **changes: Any
) -> tuple[RunResult, RunResult]:
    results = []
    for name in ("now", "later"):
        if name == "later":
            monkeypatch.setattr(trainer, "build_loss_reader", lambda guard, device: LossReader(guard, DELAY_STEPS))
        (folder / name).mkdir()
        feed = prepare()
        if isinstance(feed, AskedAtSteps):
            monkeypatch.setattr(trainer, "train_step", asking(feed))
        results.append(train(folder / name, feed, **changes))
    return results[0], results[1]


def asking(feed: AskedAtSteps) -> Callable[..., float]:
    def step(state: TrainState, *rest: Any) -> float:
        share = train_step(state, *rest)
        feed.made(state.progress.step)
        return share

    return step


def story(result: RunResult) -> list[tuple]:
    """What became of a run, without the time: every step as it counts, every recovery, every evaluation."""
    lines: list[tuple] = []
    for event in events_of(result):
        match event:
            case Step():
                lines.append((event.step, str(event.loss), str(event.gradient_norm), event.learning_rate, event.tokens))
            case GuardEvent():
                lines.append((event.step, event.cause, event.action, event.text, event.first_window))
            case Resumed():
                lines.append((event.step, event.checkpoint))
            case Eval():
                lines.append((event.step, event.val_loss, event.train_loss))
    return lines


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize(
    ("what", "factor", "changes"),
    [
        ("calm", lambda number: 1.0, {"dropout": 0.1, "accumulate": 2}),
        ("left out", lambda number: math.nan if number in (7, 12) else 1.0, {}),
        ("left out", lambda number: math.inf if number == 8 else 1.0, {"guard": "skip"}),
        ("back", lambda number: math.nan if 7 <= number <= 9 else 1.0, {"guard_patience_steps": 3}),
        (
            "back",
            lambda number: 1.0 + 0.05 * max(0, number - 40),
            {"steps": 60, "eval_every": 30, "checkpoint_every": 8},
        ),
    ],
    ids=["calm", "two steps left out", "infinite", "back after three", "back from diverging"],
)
def test_both_ways_lead_to_the_same_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    poison: Poison,
    optimizer: str,
    what: str,
    factor: Callable[[int], float],
    changes: dict[str, Any],
) -> None:
    now, later = both_ways(tmp_path, monkeypatch, lambda: poison(factor), optimizer=optimizer, **changes)
    assert story(later) == story(now)
    expected = {"calm": [], "left out": ["skipped"], "back": ["rolled back"]}[what]
    assert set(expected) <= {event.action for event in events_of(later) if isinstance(event, GuardEvent)}
    assert same_bits(final_weights(later), final_weights(now))
    assert same_bits(final_optimizer(later), final_optimizer(now))


def test_commands_find_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = {3: [{"action": "lr_scale", "value": 0.5}], 14: [{"action": "rollback", "text": "5"}, {"action": "undo"}]}
    now, later = both_ways(tmp_path, monkeypatch, lambda: AskedAtSteps(turns), steps=33, eval_every=7, dropout=0.1)
    assert story(later) == story(now)
    assert same_bits(final_weights(later), final_weights(now))


def test_a_stop_names_the_step_at_fault_and_keeps_what_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poison: Poison
) -> None:
    now, later = both_ways(
        tmp_path,
        monkeypatch,
        lambda: poison(lambda number: math.nan if number == 7 else 1.0),
        guard="stop",
        checkpoint_every=0,
    )
    assert (now.status, now.steps) == (later.status, later.steps - 3) == ("failed", 7)  # evaluated, so read, at 10
    assert "step 7," in later.reason
    assert [event.step for event in events_of(later) if isinstance(event, Step)] == list(range(1, 11))
    assert all(tensor.isfinite().all() for tensor in final_weights(later).values())


def test_a_second_spike_whose_update_was_made_is_not_called_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poison: Poison
) -> None:
    now, later = both_ways(
        tmp_path,
        monkeypatch,
        lambda: poison(lambda number: 40.0 if number in (42, 45) else 1.0),
        steps=60,
        eval_every=60,
        lr=1e-4,
    )
    assert [event.action for event in events_of(now) if isinstance(event, GuardEvent)] == ["noted", "skipped"]
    noted = [event for event in events_of(later) if isinstance(event, GuardEvent)]
    assert [(event.action, event.step) for event in noted] == [("noted", 42), ("noted", 45)]
    assert not any("left out" in event.text for event in noted)


def test_a_step_is_read_so_many_steps_later_whatever_the_clock_says() -> None:
    losses = LossReader(Guard(tiny_config(warmup=0)), DELAY_STEPS)
    read: list[tuple[int, int]] = []
    for step in range(1, 20):
        losses.check(step, torch.tensor(2.0), torch.tensor(1.0))
        event = Step(
            t=0.0, step=step, loss=UNREAD, learning_rate=1e-3, gradient_norm=UNREAD, tokens=0, step_seconds=0.0
        )
        losses.add(event, 0, 0)
        read += [(step, late.event.step) for late in losses.read()]
    assert read == [(step, step - DELAY_STEPS) for step in range(1 + DELAY_STEPS, 20)]
    assert [late.event.step for late in losses.read(everything=True)] == list(range(20 - DELAY_STEPS, 20))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_an_update_that_is_not_allowed_changes_no_bit(optimizer: str) -> None:
    config = tiny_config(optimizer=optimizer, weight_decay=0.5)
    outcomes = []
    for masked in (False, True):
        model = tiny_model(optimizer=optimizer)
        rule = Optimizer(model, config)
        rule.set_learning_rates(0.1, 0.1)
        for step in range(4):
            rule.zero_grad()
            rows = torch.arange(24).view(3, 8) % model.vocabulary_size
            model.loss(rows[:, :-1], rows[:, 1:]).backward()
            rule.clip_gradient_norm(1.0)
            rule.step(only_if=torch.tensor(True) if masked else None)
            if masked and step in (0, 2):  # a broken step in between
                rule.zero_grad()
                for parameter in model.parameters():
                    assert parameter.grad is not None
                    parameter.grad.fill_(math.nan)
                norm = rule.clip_gradient_norm(1.0)
                rule.step(only_if=torch.isfinite(norm))
        outcomes.append((model.state_dict(), rule.tensors(), rule.scalars()))
    (weights, state, scalars), (other_weights, other_state, other_scalars) = outcomes
    assert same_bits(weights, other_weights)
    assert same_bits(state, other_state)
    assert scalars == other_scalars
