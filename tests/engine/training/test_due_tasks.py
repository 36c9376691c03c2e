"""What is due at a step is done once for each time the step is reached by making it."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from babytrain.engine.model.gpt import GPT
from babytrain.engine.training.trainer import due_at
from babytrain.runs.dials.dial_state import initial_dials
from babytrain.runs.events import Checkpoint, Eval, GuardEvent, Resumed, Sample
from tests.engine.tiny_runs import SteeredFeed, events_of, tiny_config, train


def steps_of(events: list, kind: type) -> list[int]:
    return [event.step for event in events if isinstance(event, kind)]


def test_a_step_that_found_no_memory_makes_nothing_due(tmp_path: Path, monkeypatch) -> None:
    honest = GPT.loss

    def hungry(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self.training and len(tokens) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return honest(self, tokens, targets)

    monkeypatch.setattr(GPT, "loss", hungry)
    events = events_of(train(tmp_path, batch_size=8, steps=10))
    assert [event.action for event in events if isinstance(event, GuardEvent)] == ["halved the batch"] * 2
    assert steps_of(events, Eval) == [0, 10]
    assert steps_of(events, Sample) == [0, 10]
    assert [event.reason for event in events if isinstance(event, Checkpoint) and event.step == 0] == ["best"]


def test_a_way_back_makes_nothing_due_where_it_leads_to(tmp_path: Path, monkeypatch) -> None:
    honest, calls = GPT.loss, 0

    def poisoned(self: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += self.training
        loss = honest(self, tokens, targets)
        return loss * math.nan if self.training and 13 <= calls <= 15 else loss

    monkeypatch.setattr(GPT, "loss", poisoned)
    events = events_of(train(tmp_path))
    assert steps_of(events, Resumed) == [10]
    assert steps_of(events, Eval) == [0, 10, 20]
    assert steps_of(events, Sample) == [0, 10, 20]


def test_a_step_that_is_reached_again_is_evaluated_again(tmp_path: Path) -> None:
    events = events_of(train(tmp_path, SteeredFeed({12: [{"action": "rollback", "text": "5"}]})))
    assert steps_of(events, Resumed) == [5]
    assert steps_of(events, Eval) == [0, 10, 10, 20]


def test_what_is_due_at_a_step() -> None:
    config = tiny_config(eval_every=4, sample_every=0, checkpoint_every=0)
    dials = initial_dials(config.to_dict())
    assert due_at(3, dials, config) == set()
    assert due_at(4, dials, config) == {"evaluation"}
    assert due_at(50, dials, config) == {"diagnosis"}
