"""Energy from readings: a known integral is found, a gap is told and never filled in, no counter can make it absurd."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.energy.measurement import (
    FROZEN_SECONDS,
    MAX_COUNTER_GAP_SECONDS,
    MAX_WATTS,
    WRAPS_JOULES,
    ClockReading,
    ComponentState,
    MeasuredEnergy,
    advance_component,
    counter_difference,
    elapsed_time,
    trapezoid,
)

Reading = tuple[float, float | None, float | None]  # when, counter, watts


def measure(readings: list[Reading]) -> list[MeasuredEnergy]:
    """What is believed of a part, reading by reading."""
    probe, found = ComponentState(), []
    for at, joules, watts in readings:
        look = advance_component(probe, joules=joules, watts=watts, at=at)
        probe = look.state
        if look.best is not None:
            found.append(look.best)
    return found


def total(readings: list[Reading]) -> tuple[float, float]:
    found = measure(readings)
    return sum(one.joules for one in found), sum(one.seconds for one in found)


watts = st.floats(0.0, 800.0)
steps = st.lists(st.floats(0.3, 2.9), min_size=2, max_size=40)


def times(intervals: list[float]) -> list[float]:
    return [1000.0 + sum(intervals[:index]) for index in range(len(intervals) + 1)]


@given(steps, watts, st.floats(-5.0, 5.0))
def test_power_that_changes_evenly_is_integrated_exactly(intervals: list[float], start: float, slope: float) -> None:
    at = times(intervals)
    power = [max(0.0, start + slope * (t - at[0])) for t in at]
    joules, seconds = total([(t, None, p) for t, p in zip(at, power, strict=True)])
    straight = all(p > 0 for p in power)
    truth = (power[0] + power[-1]) / 2 * (at[-1] - at[0])
    assert seconds == pytest.approx(at[-1] - at[0])
    if straight:
        assert joules == pytest.approx(truth, rel=1e-6, abs=1e-6)


@given(watts, watts, st.floats(0.1, 10.0), st.floats(0.05, 0.95))
def test_a_stretch_split_in_two_sums_to_the_same(before: float, now: float, seconds: float, share: float) -> None:
    middle = before + (now - before) * share
    parts = trapezoid(before, middle, seconds * share) + trapezoid(middle, now, seconds * (1 - share))
    assert parts == pytest.approx(trapezoid(before, now, seconds), rel=1e-9, abs=1e-9)


@given(st.lists(st.booleans(), min_size=5, max_size=120), st.floats(20.0, 400.0))
def test_with_a_sensor_that_is_silent_at_random_what_is_told_as_measured_is_right(
    speaks: list[bool], power: float
) -> None:
    readings: list[Reading] = [(float(t), None, power if speaking else None) for t, speaking in enumerate(speaks)]
    joules, seconds = total(readings)
    heard = [t for t, speaking in enumerate(speaks) if speaking]
    closed = sum(b - a for a, b in pairwise(heard) if b - a <= 3)
    assert seconds == closed
    assert joules == pytest.approx(closed * power, rel=0.01)


@given(
    st.sampled_from(WRAPS_JOULES),
    st.lists(st.floats(0.0, 900.0), min_size=2, max_size=60),
    st.floats(0.0, 1.0),
)
def test_a_counter_that_wraps_goes_on_counting(size: float, drawn: list[float], begins: float) -> None:
    joules, readings = begins * size, []
    for t, each in enumerate(drawn):
        joules += each
        readings.append((float(t), math.fmod(joules, size), None))
    assert total(readings)[0] == pytest.approx(sum(drawn[1:]), rel=0.01, abs=1e-3)


anything = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.0, 1e6)


@given(st.lists(st.tuples(st.floats(0.01, 1000.0), anything, anything), max_size=40))
def test_no_reading_makes_it_fall_or_be_absurd(rows: list[tuple[float, float | None, float | None]]) -> None:
    at = times([row[0] for row in rows])
    readings = [(t, joules, power) for t, (_, joules, power) in zip(at, rows, strict=False)]
    for stretch in measure(readings):
        assert 0 <= stretch.joules <= MAX_WATTS * stretch.seconds * (1 + 1e-9)
        assert 0 < stretch.seconds <= MAX_COUNTER_GAP_SECONDS


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=80))
def test_counter_and_power_never_tell_the_same_second_twice(speaking: list[tuple[bool, bool]]) -> None:
    """Both tell the truth when they speak, so whoever steps in for whom, the total is what the measured time drew."""
    readings: list[Reading] = [
        (float(t), 100.0 * t if counter else None, 100.0 if power else None)
        for t, (counter, power) in enumerate(speaking)
    ]
    joules, seconds = total(readings)
    assert seconds <= len(speaking) - 1
    assert joules == pytest.approx(100.0 * seconds)


def test_a_counter_measures_through_a_silence_and_power_does_not() -> None:
    assert total([(0.0, 0.0, None), (60.0, 6000.0, None)]) == (6000.0, 60.0)
    assert total([(0.0, None, 100.0), (60.0, None, 100.0)]) == (0, 0)


def test_a_counter_is_not_believed_over_longer_than_it_may_take_to_wrap_unseen() -> None:
    assert total([(0.0, 0.0, None), (MAX_COUNTER_GAP_SECONDS + 1, 6000.0, None)]) == (0, 0)


def test_a_counter_that_began_anew_is_stepped_in_for() -> None:
    readings: list[Reading] = [(0.0, 9e5, 100.0), (1.0, 9e5 + 100, 100.0), (2.0, 40.0, 100.0), (3.0, 140.0, 100.0)]
    assert total(readings) == (300.0, 3.0)


def test_a_jump_that_no_card_could_draw_is_no_energy() -> None:
    assert counter_difference(100.0, 1e9, 1.0) is None
    # A card never seen above 50 W does not draw 4 kJ in a second.
    assert total([(0.0, 0.0, 50.0), (1.0, 4000.0, 50.0)]) == (50.0, 1.0)


def test_a_counter_that_stands_still_while_the_card_works_is_not_believed() -> None:
    joules, seconds = total([(float(t), 5.0, 200.0) for t in range(101)])
    assert seconds == pytest.approx(100, abs=1)
    assert joules == pytest.approx(200.0 * (100 - FROZEN_SECONDS), abs=400)


def test_a_card_at_rest_may_have_a_counter_that_stands_still() -> None:
    assert total([(float(t), 5.0, 0.5) for t in range(101)]) == (0.0, 100.0)


@pytest.mark.parametrize(
    ("now", "seconds", "slept"),
    [
        (ClockReading(11.0, 11.0, 101.0), 1.0, False),
        (ClockReading(11.0, 3611.0, 3701.0), 3601.0, True),
        (ClockReading(11.0, 11.0, 3701.0), 3601.0, True),  # no clock counts sleep but the wall's
        (ClockReading(11.0, 12.5, 102.5), 1.0, False),  # clocks are never quite the same
        (ClockReading(11.0, 11.0, 40.0), 1.0, False),  # put back by hand
    ],
)
def test_a_sleep_is_seen_by_the_clocks_that_go_on(now: ClockReading, seconds: float, slept: bool) -> None:
    passed = elapsed_time(ClockReading(10.0, 10.0, 100.0), now)
    assert (passed.seconds, passed.awake, passed.slept) == (seconds, 1.0, slept)
