"""What is said of runs near the loss of counting tokens, and of dials far from the usual."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from babytrain.engine.diagnosis.decide_verdict import diagnose
from babytrain.engine.diagnosis.observation import Observation

COUNTING = 3.0


def run(level: float, val: float, *, train: float | None = None, fall: float = 0.0, **changes: Any) -> Observation:
    """300 steps that fell by `fall` to `level` since step 50, evaluated every 30, the newest time with `val`."""
    steps = np.arange(1, 301)
    noise = np.random.Generator(np.random.Philox(key=1)).standard_normal(300)
    evaluated = np.arange(0, 301, 30)
    left = 3.0 * (1.0 - evaluated / 300)
    values: dict[str, Any] = {
        "step": steps,
        "t": 0.1 * steps,
        "loss": level + fall * (1.0 - steps / 300) + 0.004 * noise,
        "learning_rate": np.full(300, 0.01),
        "gradient_norm": np.ones(300),
        "step_seconds": np.full(300, 0.1),
        "eval_step": evaluated,
        "eval_t": 0.1 * evaluated,
        "val_loss": val + left,
        "train_loss": (val if train is None else train) + left,
        "total_steps": 300,
        "uniform_loss": 4.5,
        "unigram_loss": COUNTING,
        "rate_factors": (1.0, 1.0),
        "finished": True,
    }
    return Observation(**values | changes)


def test_a_text_of_chance_at_the_default_rates_is_not_said_to_need_a_higher_rate() -> None:
    found = diagnose(run(3.0, 3.0, fall=0.05))
    assert found.verdict == "not learning"
    assert "it fell by" in found.why  # measured, not "has not moved"
    assert diagnose(run(3.0, 3.0, fall=0.05, rate_factors=(0.01, 0.01))).verdict == "lr too low"


def test_a_loss_raised_by_label_smoothing_is_not_held_against_a_good_evaluation() -> None:
    assert diagnose(run(3.3, 1.9, label_smoothing=0.5)).verdict == "done"
    assert diagnose(run(3.3, 3.1, label_smoothing=0.5)).verdict == "not learning"
    assert diagnose(run(3.3, 1.9)).verdict == "not learning"


def test_much_dropout_after_which_evaluations_are_worse_than_counting_is_named() -> None:
    observation = run(2.7, 3.2, dropout=0.9, finished=False)
    found = diagnose(observation)
    assert found.verdict == "not learning"
    assert "3.200" in found.why
    assert "dropout of 0.9" in found.next_
    assert found.advice is not None
    assert found.advice.action == "dropout"
    assert "dropout of 0.9" in diagnose(replace(observation, finished=True)).next_


@pytest.mark.parametrize(
    ("factors", "rate"),
    [((1.0, 80.0), "a muon_lr near"), ((80.0, 1.0), "an lr near"), ((80.0, 80.0), "an lr and a muon_lr each near")],
)
def test_the_next_run_is_told_which_rate_is_far_from_its_default(factors: tuple[float, float], rate: str) -> None:
    risen = np.array([4.5, *10 * [60.0]])
    assert rate in diagnose(run(60.0, 60.0, val_loss=risen, train_loss=risen, rate_factors=factors)).next_
    low = 1.0 / factors[0], 1.0 / factors[1]
    assert rate in diagnose(run(3.5, 3.5, fall=0.3, rate_factors=low)).next_


def test_dials_far_from_the_usual_are_named_where_nothing_else_is_wrong() -> None:
    assert "weight decay of 10" in diagnose(run(2.3, 2.3, weight_decay=10.0)).next_
    assert "42 times the default: a lower one" in diagnose(run(2.3, 2.3, rate_factors=(42.0, 1.0))).next_
    assert "may end lower" not in diagnose(run(2.3, 2.3)).next_


def test_evaluations_that_fall_each_time_are_no_plateau() -> None:
    """Batches of one window: their noise hides a fall that the evaluations show."""
    noise = np.random.Generator(np.random.Philox(key=2)).standard_normal(300)
    evaluations = np.array([5.0, 2.5, 2.45, 2.40, 2.36, 2.33, 2.31, 2.23, 2.19, 2.15, 2.12])
    shown: dict[str, Any] = {"val_loss": evaluations, "train_loss": evaluations, "finished": False}
    observation = run(2.3, 2.1, loss=2.3 + 0.3 * noise, **shown)
    assert diagnose(observation).verdict != "plateau"
    flat = np.array([5.0, 2.5, *9 * [2.3]])
    assert diagnose(run(2.3, 2.1, val_loss=flat, train_loss=flat, finished=False)).verdict == "plateau"
