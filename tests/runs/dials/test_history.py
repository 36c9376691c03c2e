"""Dials read from the record of a run: positions that were recorded, and commands of older journals replayed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from babytrain.runs.events import Command
from babytrain.runs.forecast.final_loss_forecast import planned_learning_rates
from babytrain.runs.state.run_state import RunState
from tests.runs.builders import resumed, started, step

CONFIG = {"schedule": "linear", "lr": 0.01, "warmup": 10, "wsd_decay_fraction": 0.2, "min_lr_ratio": 0.0}


def turned(action: Any, value: float | None, at: int, status: Any = "applied", **more: Any) -> Command:
    return Command(t=at * 0.5, step=at, command_id=1, action=action, status=status, value=value, **more)


def undone(dial: str, at: int) -> Command:
    return turned("undo", None, at, dial=dial)


def planned(*events: Any) -> float:
    state = RunState()
    state.apply_all([started(config=CONFIG, total_steps=110), *events])
    rates = planned_learning_rates(state.at(), [61])
    assert rates is not None
    return float(rates[0])


@pytest.mark.parametrize(
    ("events", "rate"),
    [
        ([], 0.005),
        ([turned("lr_scale", 2.0, 20)], 0.01),
        ([turned("lr_scale", 2.0, 20, "refused")], 0.005),
        ([turned("lr_hold", 0.003, 20)], 0.003),
        ([turned("lr_scale", 2.0, 20), turned("lr_hold", 0.003, 21), turned("lr_release", None, 22)], 0.01),
        # A resume from step 15 takes back what was turned at step 20.
        ([turned("lr_hold", 0.003, 20), resumed(15, t=30.0, total_steps=110)], 0.005),
        ([turned("lr_hold", 0.003, 10), resumed(15, t=30.0, total_steps=110)], 0.003),
        # A session that went back by itself keeps what was turned.
        ([turned("lr_hold", 0.003, 20), resumed(15, t=30.0, total_steps=110, rollback=True)], 0.003),
        ([turned("set", None, 20, dial="schedule", text="constant")], 0.01),
        ([turned("set", 0.1, 20, dial="dropout")], 0.005),
        ([turned("rewarm", 39.0, 51)], 0.005 * 10 / 40),
        (
            [
                turned("lr_hold", 0.003, 20),
                turned("set", 0.1, 21, dial="dropout"),
                undone("dropout", 22),
            ],
            0.003,
        ),
        ([turned("lr_hold", 0.003, 20), undone("lr_hold", 22)], 0.005),
    ],
)
def test_turned_dials_count(events: list[Any], rate: float) -> None:
    assert planned(*[step(number) for number in range(1, 10)], *events) == pytest.approx(rate)


@pytest.mark.parametrize(
    "nonsense",
    [{}, {"schedule": "wild"}, {"lr": "fast"}, {"lr": math.nan}, {"warmup": None}, {"min_lr_ratio": math.inf}],
)
def test_no_plan_on_record_is_no_plan(nonsense: dict[str, Any]) -> None:
    state = RunState()
    state.apply(started(config={**CONFIG, **nonsense} if nonsense else {}))
    assert planned_learning_rates(state.at(), [5]) is None


@pytest.mark.parametrize(
    ("events", "every"),
    [
        ([], 50),
        ([turned("set", 20.0, 5, dial="eval_every")], 20),
        ([turned("set", None, 5, dial="eval_every", text="20")], 20),
        ([turned("set", 20.0, 5, dial="sample_every")], 50),
        ([turned("set", 20.0, 5, dial="eval_every"), undone("eval_every", 6)], 50),
        (
            [
                turned("set", 20.0, 5, dial="eval_every"),
                turned("lr_scale", 2.0, 6),
                undone("lr_scale", 7),
            ],
            20,
        ),
        ([undone("eval_every", 7)], 50),
        ([turned("set", None, 5, dial="eval_every", text="often")], 50),
    ],
)
def test_a_cadence_is_what_it_was_set_to_last(events: list[Any], every: int) -> None:
    state = RunState()
    state.apply_all([started(config={"eval_every": 50}), *events])
    assert state.at().dials.eval_every == every
