"""The learning rate that is planned: the engine's own, read from the record."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config import Config
from babytrain.engine.optim.schedule import learning_rate_factor
from babytrain.runs.events import Command
from babytrain.runs.planned_rate import cadence, planned_learning_rates, schedule_factors
from babytrain.runs.state import RunState
from tests.runs.builders import resumed, started, step

CONFIG = {"schedule": "linear", "lr": 0.01, "warmup": 10, "decay": 0.2, "min_lr": 0.0}


@given(
    schedule=st.sampled_from(["linear", "cosine", "wsd", "constant"]),
    warmup=st.integers(0, 300),
    decay=st.floats(0.01, 1.0),
    min_lr=st.floats(0.0, 1.0),
    total=st.integers(1, 500),
)
def test_it_is_what_the_engine_will_do(schedule: Any, warmup: int, decay: float, min_lr: float, total: int) -> None:
    config = Config(schedule=schedule, warmup=warmup, decay=decay, min_lr=min_lr)
    factors = schedule_factors(dataclasses.asdict(config), np.arange(total + 5, dtype=np.float64), total)
    assert factors is not None
    expected = [learning_rate_factor(config, finished, total) for finished in range(total + 5)]
    np.testing.assert_allclose(factors, expected, rtol=1e-12, atol=1e-15)


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
        ([turned("lr_hold", 0.003, 20), resumed(15, t=30.0, total_steps=110, within=True)], 0.003),
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
    "nonsense", [{}, {"schedule": "wild"}, {"lr": "fast"}, {"lr": math.nan}, {"warmup": None}, {"min_lr": math.inf}]
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
        ([turned("set", None, 5, dial="eval_every", text="often")], 0),
    ],
)
def test_a_cadence_is_what_it_was_set_to_last(events: list[Any], every: int) -> None:
    state = RunState()
    state.apply_all([started(config={"eval_every": 50}), *events])
    assert cadence(state.at(), "eval_every") == every
