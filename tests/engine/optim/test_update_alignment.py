"""How an update agrees with the gradient after it."""

from __future__ import annotations

import math

import pytest
import torch

from babytrain.engine.optim.update_alignment import MOST_STEPS_BETWEEN, UpdateAlignment, alignment_interval


def measured(gradient: list[float]) -> list[tuple[float, ...]]:
    """After an update of (+1, 0, 0, -1), in two halves, the next gradient is this one."""
    values, gradients = torch.zeros(4), torch.zeros(4)
    alignment = UpdateAlignment(values, gradients, (slice(0, 2), slice(2, 4)))
    alignment.before_update()
    values += torch.tensor([1.0, 0.0, 0.0, -1.0])
    alignment.after_update()
    gradients.copy_(torch.tensor(gradient))
    alignment.compare()
    alignment.compare()  # measured once
    return alignment.take()


def test_an_update_that_the_next_gradient_would_repeat_is_1_and_one_it_takes_back_is_minus_1() -> None:
    ((first, second),) = measured([-3.0, 0.0, 0.0, -0.5])
    assert (first, second) == pytest.approx((1.0, -1.0))


def test_gradients_across_the_update_are_0_and_nan_is_left_out() -> None:
    assert measured([0.0, 2.0, 5.0, 0.0]) == [pytest.approx((0.0, 0.0))]
    assert measured([math.nan, 0.0, 0.0, 1.0]) == []


def test_an_update_that_was_not_compared_is_forgotten_when_the_rest_is_taken() -> None:
    values, gradients = torch.zeros(2), torch.ones(2)
    alignment = UpdateAlignment(values, gradients, (slice(0, 2),))
    alignment.before_update()
    values += 1.0
    alignment.after_update()
    assert alignment.take() == []
    alignment.compare()
    assert alignment.take() == []


def test_short_runs_are_measured_more_often() -> None:
    assert [alignment_interval(steps) for steps in (1, 400, 1000, 10**6)] == [2, 2, 4, MOST_STEPS_BETWEEN]
