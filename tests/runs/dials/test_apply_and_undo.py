"""Turning a dial: what it does to the learning rate, and what is refused."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config.build import build_config, checked_value
from babytrain.runs.dials.apply_and_undo import DialChange, apply_command
from babytrain.runs.dials.dial_state import DialState, initial_dials
from babytrain.runs.dials.learning_rate_schedule import learning_rate
from babytrain.runs.events import Request

CONFIG = build_config("baby", {"lr": 1e-2, "warmup": 10, "schedule": "cosine"})
DIALS = replace(initial_dials(CONFIG.to_dict()), total_steps=1000)


def applied(dials: DialState, request: Request, step: int) -> DialChange:
    return apply_command(CONFIG, dials, request, step, checked_value)


def request(action: str, value: float | None = None) -> Request:
    return Request(command_id=1, action=action, value=value)


@given(st.floats(0.01, 100), st.integers(0, 999))
def test_a_scale_keeps_the_shape_of_the_schedule(factor: float, step: int) -> None:
    turned = applied(DIALS, request("lr_scale", factor), step).dials
    assert learning_rate(CONFIG, turned, step) == pytest.approx(factor * learning_rate(CONFIG, DIALS, step))


@given(st.floats(1e-6, 1.0), st.integers(0, 999))
def test_a_held_rate_is_flat_until_released(rate: float, step: int) -> None:
    held = applied(DIALS, request("lr_hold", rate), step).dials
    assert learning_rate(CONFIG, held, step) == learning_rate(CONFIG, held, 0) == rate
    released = applied(held, request("lr_release"), step)
    assert learning_rate(CONFIG, released.dials, step) == learning_rate(CONFIG, DIALS, step)
    assert released.before == rate


@pytest.mark.parametrize("action", ["lr_hold", "lr_scale"])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -1.0, 0.0, 1e9])
def test_absurd_values_are_refused_with_the_range(action: str, value: float | None) -> None:
    turn = applied(DIALS, request(action, value), 5)
    assert turn.dials == DIALS
    assert "between" in turn.refusal


def test_a_run_cannot_end_before_where_it_is() -> None:
    assert "step 50" in applied(DIALS, request("total_steps", 49.0), 50).refusal
    assert applied(DIALS, request("total_steps", 50.0), 50).dials.total_steps == 50
