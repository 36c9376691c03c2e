"""Smoothing and cleaning, row by row, must be the same as all at once, and must notice when rows were replaced."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from babytrain.runs.events import Step
from babytrain.runs.state.columns import StepColumns
from babytrain.tui.widgets.loss.loss_history import ROWS_PER_BLOCK, DebiasedAverage, LossHistory


def table(losses, first_step=1, into=None):
    steps = StepColumns() if into is None else into
    for number, loss in enumerate(losses):
        step = first_step + number
        row = {"learning_rate": 1.0, "gradient_norm": 1.0, "step_seconds": 0.1}
        steps.append_step(Step(step=step, t=step * 0.1, loss=loss, tokens=step, **row))
    return steps


def plain_average(values, decay):
    """The definition, one value at a time."""
    total = weight = 0.0
    result = []
    for value in values:
        total, weight = decay * total + value, decay * weight + 1
        result.append(total / weight)
    return result


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95, 0.995])
@given(
    values=hnp.arrays(np.float64, st.integers(0, 400), elements=st.floats(-100, 100)),
    cuts=st.lists(st.integers(0, 400)),
)
def test_the_average_in_pieces_is_the_definition(decay, values, cuts):
    average = DebiasedAverage(decay)
    edges = sorted({0, len(values), *(cut for cut in cuts if cut <= len(values))})
    pieces = [average.extend(values[a:b]) for a, b in itertools.pairwise(edges)]
    found = np.concatenate(pieces) if pieces else np.empty(0)
    assert np.allclose(found, plain_average(values, decay), atol=1e-6)


def test_a_long_run_is_averaged_as_exactly_as_a_short_one():
    values = np.random.default_rng(0).normal(2, 0.3, 20_000)
    assert np.allclose(DebiasedAverage(0.95).extend(values), plain_average(values, 0.95), atol=1e-9)


@given(losses=st.lists(st.floats(), min_size=1, max_size=300), cut=st.integers(0, 300))
def test_rows_taken_in_as_they_come_are_the_rows_taken_in_at_once(losses, cut):
    steps = table(losses)
    gradual, at_once = LossHistory(), LossHistory()
    gradual.update(steps, min(cut, len(losses)), decay=0.9)
    gradual.update(steps, len(losses), decay=0.9)
    at_once.update(steps, len(losses), decay=0.9)
    n = len(losses)
    np.testing.assert_allclose(gradual.columns[:, :n], at_once.columns[:, :n], rtol=1e-6, atol=1e-9)
    assert gradual.bad_rows(n).tolist() == np.flatnonzero(~np.isfinite(losses)).tolist()


@given(
    losses=st.lists(st.floats(-10, 10) | st.just(float("nan")), min_size=1, max_size=5 * ROWS_PER_BLOCK), data=st.data()
)
def test_blocks_of_any_part_say_what_their_rows_say(losses, data):
    history = LossHistory()
    history.update(table(losses), len(losses))
    rows = data.draw(st.integers(1, len(losses)))
    low, high, smooth = history.blocks(rows)
    assert len(low) == len(high) == len(smooth) == -(-rows // ROWS_PER_BLOCK)
    for block in range(len(low)):
        part = np.array(losses[block * ROWS_PER_BLOCK : min(rows, (block + 1) * ROWS_PER_BLOCK)])
        part = part[np.isfinite(part)]
        if len(part):
            assert (low[block], high[block]) == (part.min(), part.max())
        else:
            assert np.isnan(low[block])


def test_missing_losses_repeat_the_average_and_are_counted():
    history = LossHistory()
    history.update(table([2.0, float("nan"), float("inf"), 2.0]), 4, decay=0.5)
    assert history.smooth[:4].tolist() == [2.0, 2.0, 2.0, 2.0]
    assert np.isnan(history.columns[0][:4]).tolist() == [False, True, True, False]
    assert history.bad_rows(4).tolist() == [1, 2]
    assert history.bad_rows(2).tolist() == [1]


def test_an_absurd_loss_does_not_hide_the_curve_for_thousands_of_steps():
    history = LossHistory()
    history.update(table([2.0] * 50 + [1e300] + [2.0] * 50), 101, decay=0.98)
    assert history.smooth[100] == pytest.approx(2.0)
    assert history.columns[1][50] == 1e300


def test_a_merged_row_shows_its_range():
    steps = StepColumns()
    row = {"learning_rate": 1.0, "gradient_norm": 1.0, "step_seconds": 0.1}
    steps.append_step(Step(step=10, t=1.0, loss=2.0, tokens=10, loss_min=1.5, loss_max=float("inf"), **row))
    history = LossHistory()
    history.update(steps, 1)
    assert (history.columns[0][0], history.columns[1][0]) == (1.5, 2.0)


def test_rows_replaced_by_a_resume_are_read_again():
    steps = table([3.0] * 10)
    history = LossHistory()
    history.update(steps, 10)
    steps.drop_after(5)
    table([1.0] * 5, first_step=6, into=steps)
    history.update(steps, 10, resumes=1)
    assert history.smooth[:10].tolist() == [3.0] * 5 + [1.0] * 5


def test_rows_replaced_before_the_resume_is_told_are_noticed_too():
    steps = table([3.0] * 10)
    history = LossHistory()
    history.update(steps, 10)
    steps.drop_after(5)
    table([1.0] * 2, first_step=6, into=steps)
    history.update(steps, 7)
    assert history.smooth[:7].tolist() == [3.0] * 5 + [1.0] * 2


def test_another_run_starts_over():
    history = LossHistory()
    history.update(table([3.0, 3.0]), 2)
    history.update(table([1.0, 1.0]), 2)
    assert history.smooth[:2].tolist() == [1.0, 1.0]


def test_another_smoothing_starts_over():
    history = LossHistory()
    steps = table([1.0, 3.0])
    history.update(steps, 2)
    assert history.smooth[1] == 3.0
    history.update(steps, 2, decay=0.5)
    assert history.smooth[1] == pytest.approx((0.5 * 1 + 3) / 1.5)
