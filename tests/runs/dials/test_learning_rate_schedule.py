"""The course of the learning rate: bounds, joins, falling, and what happens when a run is made longer."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config.settings import Config
from babytrain.runs.dials.learning_rate_schedule import learning_rate_factor

SCHEDULES = ("cosine", "linear", "wsd", "constant")

configs = st.builds(
    Config,
    schedule=st.sampled_from(SCHEDULES),
    warmup=st.integers(0, 300),
    wsd_decay_fraction=st.floats(0.01, 1.0),
    min_lr_ratio=st.floats(0.0, 1.0),
)
lengths = st.integers(1, 2000)


def factor_of(config: Config, step: int, total: int) -> float:
    return learning_rate_factor(config, config.schedule, step, total)


def course(config: Config, total: int) -> list[float]:
    return [factor_of(config, step, total) for step in range(total + 3)]


@given(config=configs, total=lengths)
def test_it_stays_between_zero_and_one(config: Config, total: int) -> None:
    assert all(0.0 <= factor <= 1.0 for factor in course(config, total))


@given(config=configs, total=lengths)
def test_the_first_step_always_learns(config: Config, total: int) -> None:
    assert factor_of(config, 0, total) > 0.0


@given(config=configs, total=lengths)
def test_it_rises_to_the_peak_and_then_never_rises_again(config: Config, total: int) -> None:
    factors = course(config, total)
    top = min(config.warmup, total // 2)
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert max(factors) == pytest.approx(1.0)


@given(config=configs, total=lengths)
def test_it_ends_at_min_lr_and_stays_there(config: Config, total: int) -> None:
    end = 1.0 if config.schedule == "constant" else config.min_lr_ratio
    for step in (total, total + 1, total * 10):
        assert factor_of(config, step, total) == pytest.approx(end)


@given(config=configs, total=lengths)
def test_it_never_jumps(config: Config, total: int) -> None:
    """From step to step it moves no more than its steepest piece does; a cosine is pi/2 steeper than a line."""
    warmup = min(config.warmup, total // 2)
    falling = max(1, total - warmup)
    if config.schedule == "wsd":
        falling = max(1, min(falling, round(config.wsd_decay_fraction * total)))
    steepest = max(1 / (warmup + 1), math.pi / 2 / falling)
    factors = course(config, total)
    assert all(abs(b - a) <= steepest + 1e-9 for a, b in itertools.pairwise(factors))


@given(config=configs, total=st.integers(10, 2000), extra=st.integers(0, 2000), step=st.integers(0, 4000))
def test_a_longer_run_is_never_below_the_shorter_one_after_the_warm_up(
    config: Config, total: int, extra: int, step: int
) -> None:
    if step >= min(config.warmup, (total + extra) // 2):
        short, long = (factor_of(config, step, length) for length in (total, total + extra))
        assert long >= short - 1e-12


def test_cosine_is_nanogpts() -> None:
    config = Config(schedule="cosine", warmup=100, min_lr_ratio=0.1)
    assert factor_of(config, 0, 2000) == pytest.approx(1 / 101)
    assert factor_of(config, 99, 2000) == pytest.approx(100 / 101)
    assert factor_of(config, 100, 2000) == 1.0
    assert factor_of(config, 1050, 2000) == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("settings", "step", "factor"),
    [
        ({"schedule": "linear", "warmup": 0, "min_lr_ratio": 0.0}, 25, 0.75),
        ({"schedule": "linear", "warmup": 20, "min_lr_ratio": 0.5}, 60, 0.75),
        ({"schedule": "wsd", "warmup": 10, "wsd_decay_fraction": 0.2, "min_lr_ratio": 0.0}, 80, 1.0),
        ({"schedule": "wsd", "warmup": 10, "wsd_decay_fraction": 0.2, "min_lr_ratio": 0.0}, 90, 0.5),
        ({"schedule": "constant", "warmup": 10}, 99, 1.0),
    ],
)
def test_known_points_of_a_run_of_100_steps(settings: dict[str, Any], step: int, factor: float) -> None:
    assert factor_of(Config(**settings), step, 100) == pytest.approx(factor)
