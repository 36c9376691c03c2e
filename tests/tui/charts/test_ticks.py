"""Ticks at round numbers, inside the axis, few enough to read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.tui.charts.ticks import axis_ticks, round_step, round_up_axis_end

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("kind", ["value", "count", "time"])
@given(first=FINITE, second=FINITE, most=st.integers(-1, 300), log=st.booleans())
def test_any_range_gets_ticks_inside_it(kind, first, second, most, log):
    low, high = sorted((first, second))
    ticks = axis_ticks(low, high, most, kind, log)
    values = [tick.value for tick in ticks]
    assert values == sorted(values)
    slack = (high - low) * 1e-6 if math.isfinite(high - low) else math.inf
    assert all(low - slack <= value <= high + slack for value in values)
    assert len(ticks) <= max(1, min(most, 200)) + 2
    assert all(1 <= len(tick.label) <= 16 for tick in ticks)


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6), most=st.integers(2, 20))
def test_labels_tell_neighbouring_ticks_apart(low, span, most):
    labels = [tick.label for tick in axis_ticks(low, low + span, most)]
    if span > abs(low) * 1e-3:
        assert len(set(labels)) == len(labels)


@given(span=st.floats(1e-200, 1e200), most=st.integers(1, 50))
def test_steps_are_one_two_or_five_times_a_power_of_ten(span, most):
    step = round_step(span, most)
    mantissa = float(f"{step:e}".split("e")[0])
    assert mantissa in (1.0, 2.0, 5.0)
    assert span / step <= most * 1.0001


@pytest.mark.parametrize(
    ("low", "high", "most", "kind", "log", "expected"),
    [
        (0, 2000, 6, "count", False, ["0", "500", "1,000", "1,500", "2,000"]),
        (0, 2e6, 4, "count", False, ["0", "0.5M", "1.0M", "1.5M", "2.0M"]),
        (1.4, 2.1, 5, "value", False, ["1.4", "1.6", "1.8", "2.0"]),
        (0, 200, 4, "time", False, ["0", "1m", "2m", "3m"]),
        (0, 100, 5, "time", False, ["0", "30s", "1m", "1m30s"]),
        (0, 3, 6, "count", False, ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]),
        (0.05, 12, 8, "value", True, ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"]),
        (1e-3, 1e3, 4, "value", True, ["0.001", "0.1", "10", "1000"]),
    ],
)
def test_labels_are_what_a_person_would_have_written(low, high, most, kind, log, expected):
    assert [tick.label for tick in axis_ticks(low, high, most, kind, log)] == expected


def test_log_axis_within_a_decade_keeps_round_numbers():
    assert [tick.label for tick in axis_ticks(1.3, 4.4, 7, log=True)] == ["1.5", "2.0", "2.5", "3.0", "3.5", "4.0"]


@given(value=st.floats(1e-6, 1e12), clock=st.booleans())
def test_a_growing_axis_has_room_but_not_too_much(value, clock):
    end = round_up_axis_end(value, clock)
    assert value <= end <= value * 1.51


@given(value=st.floats())
def test_a_growing_axis_survives_nonsense(value):
    assert round_up_axis_end(value) > 0
