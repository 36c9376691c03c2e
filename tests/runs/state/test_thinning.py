"""Long runs are kept small without hiding a spike, a NaN or the step of a checkpoint."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, HostReading, Step, Vitals
from babytrain.runs.state.thinning import MAX_STEP_LINES, StepThinner, merge_steps, steps_per_line
from tests.runs.builders import checkpoint, ended, same, step


@given(st.integers(0, 10**12))
def test_a_run_of_any_length_keeps_at_most_so_many_steps(total_steps: int) -> None:
    stride = steps_per_line(total_steps)
    assert -(-total_steps // stride) <= MAX_STEP_LINES
    assert stride == 1 or -(-total_steps // (stride - 1)) > MAX_STEP_LINES  # and not fewer than need be


def test_short_runs_keep_every_step() -> None:
    assert steps_per_line(MAX_STEP_LINES) == 1
    assert steps_per_line(MAX_STEP_LINES + 1) == 2


losses = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40)


@given(losses, st.integers(1, 10))
def test_merging_keeps_mean_range_count_and_time(values: list[float], stride: int) -> None:
    thinner = StepThinner(stride)
    steps = [step(number, loss=loss) for number, loss in enumerate(values, 1)]
    kept = [event for one in steps for event in thinner.add(one)] + list(thinner.flush())
    assert len(kept) == -(-len(values) // stride)
    for index, event in enumerate(kept):
        assert isinstance(event, Step)
        part = values[index * stride : (index + 1) * stride]
        last = steps[min((index + 1) * stride, len(steps)) - 1]
        assert event.loss == pytest.approx(sum(part) / len(part))
        assert event.merged == len(part)
        assert (event.step, event.t, event.tokens) == (last.step, last.t, last.tokens)
        assert event.step_seconds == pytest.approx(sum(one.step_seconds for one in steps[: len(part)]))
        low, high = event.loss_min, event.loss_max
        assert (event.loss if low is None else low, event.loss if high is None else high) == (min(part), max(part))


@given(losses, st.integers(1, 5), st.integers(1, 5))
@example([0.4, 0.4, 0.4, 0.0], 3, 1)
def test_merging_what_was_merged_is_merging_once(values: list[float], first: int, second: int) -> None:
    steps = [step(number, loss=loss) for number, loss in enumerate(values, 1)]
    parts = [merge_steps(steps[start : start + first]) for start in range(0, len(steps), first)]
    whole = merge_steps(steps)
    again = merge_steps(parts)
    assert again.merged == whole.merged
    assert again.loss == pytest.approx(whole.loss, rel=1e-9, abs=1e-9)
    assert (again.loss_min, again.loss_max) == (whole.loss_min, whole.loss_max)


def test_a_nan_is_not_averaged_away() -> None:
    merged = merge_steps([step(1, loss=2.0), step(2, loss=math.nan), step(3, loss=1.0)])
    assert math.isnan(merged.loss)
    assert (merged.loss_min, merged.loss_max) == (1.0, 2.0)
    assert math.isnan(merge_steps([step(1, loss=math.nan), step(2, loss=math.nan)]).loss_max or 0.0)


def test_steps_are_flushed_before_what_happens_at_them() -> None:
    thinner = StepThinner(10)
    assert thinner.add(step(1)) == []
    assert thinner.add(step(2)) == []
    merged, event = thinner.add(checkpoint(2))
    assert (merged.step, event) == (2, checkpoint(2))
    assert thinner.add(ended(2)) == [ended(2)]  # nothing waits any more


def test_sensor_readings_do_not_stop_steps_from_merging() -> None:
    thinner = StepThinner(4)
    kept: list[AnyEvent] = []
    for number in range(1, 9):
        reading = Vitals(t=number * 0.5, step=number, host=HostReading())
        kept += thinner.add(step(number)) + thinner.add(reading)
    assert sum(isinstance(event, Step) for event in kept) == 2
    assert sum(isinstance(event, Vitals) for event in kept) == 8
    assert [event.t for event in kept] == sorted(event.t for event in kept)


def test_with_a_stride_of_one_nothing_changes() -> None:
    assert same(StepThinner(1).add(step(1)), [step(1)])
    with pytest.raises(ValueError, match="at least 1"):
        StepThinner(0)
