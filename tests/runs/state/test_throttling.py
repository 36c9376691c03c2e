"""Stretches in which a card slowed itself down or a run rested: found, named, and priced in tokens."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.events import GpuReading, HostReading, Phase, PolicyEvent, Vitals
from babytrain.runs.state.elapsed_time import Interval, policy_in_force, policy_pauses
from babytrain.runs.state.run_state import RunState
from babytrain.runs.state.throttling import (
    MAX_SENSOR_GAP_SECONDS,
    ThrottleTracker,
    current_reasons,
    interval_sentence,
    throttled_intervals,
    throttled_seconds,
    tokens_lost,
)
from tests.runs.builders import resumed, started, step

HOT, LIMIT = "hot", "at its power limit (normal under load, not a fault)"


def card(*reasons: str, index: int = 0, trains: bool = True, **changes: object) -> GpuReading:
    return GpuReading(index=index, name="card", throttle_reasons=reasons, trains=trains, **changes)  # type: ignore[arg-type]


def look(t: float, *cards: GpuReading) -> Vitals:
    return Vitals(t=t, step=int(t), host=HostReading(), gpus=cards)


def state_of(*events: object) -> RunState:
    state = RunState()
    state.apply(started())
    state.apply_all(events)  # type: ignore[arg-type]
    return state


def restraint(t: float, action: str, cause: str = "quiet hours", text: str = "") -> PolicyEvent:
    return PolicyEvent(t=t, step=int(t), cause=cause, action=action, text=text, duty_cycle=0.0)  # type: ignore[arg-type]


def test_readings_in_a_row_are_one_stretch_that_ends_when_it_is_over() -> None:
    looks = [look(t, card(HOT) if 3 <= t < 7 else card()) for t in range(12)]
    assert throttled_intervals(looks) == [Interval(3.0, 7.0, "heat")]


def test_sensors_read_every_ten_seconds_still_tell_a_stretch() -> None:
    assert throttled_intervals([look(10.0 * n, card(HOT) if n < 5 else card()) for n in range(9)]) == [
        Interval(0.0, 50.0, "heat")
    ]


def test_a_power_limit_is_no_slowdown() -> None:
    assert throttled_intervals([look(t, card(LIMIT, "clocks set by hand")) for t in range(9)]) == []


def test_only_the_card_that_trains_counts() -> None:
    others_hot = [look(t, card(HOT, trains=False), card(index=1)) for t in range(9)]
    assert throttled_intervals(others_hot) == []
    on_processor = [look(t, card(HOT, trains=False)) for t in range(9)]
    assert throttled_intervals(on_processor) == []


@pytest.mark.parametrize(("watts", "told"), [(18.0, ()), (199.0, (LIMIT,)), (None, (LIMIT,))])
def test_a_card_far_below_its_power_limit_is_not_at_it(watts: float | None, told: tuple[str, ...]) -> None:
    resting = card(LIMIT, power_watts=watts, power_limit_watts=200.0)
    assert current_reasons(resting) == told
    hot = card(HOT, LIMIT, power_watts=watts, power_limit_watts=200.0)
    assert current_reasons(hot) == (HOT, *told)


def test_a_reading_does_not_speak_for_hours_in_which_nobody_looked() -> None:
    looks = [look(0.0, card(HOT)), look(1.0, card(HOT)), look(500.0, card(HOT)), look(501.0, card())]
    assert throttled_intervals(looks) == [Interval(0.0, 1.0, "heat"), Interval(500.0, 501.0, "heat")]


READINGS = st.lists(
    st.tuples(st.floats(0.1, 20.0), st.sets(st.sampled_from([HOT, LIMIT, "reason 0x800"]), max_size=2)), max_size=60
)


def looks_from(readings: list[tuple[float, set[str]]]) -> list[Vitals]:
    t, looks = 0.0, []
    for gap, reasons in readings:
        t += gap
        looks.append(look(t, card(*sorted(reasons))))
    return looks


@given(READINGS)
def test_stretches_are_apart_in_order_and_hold_every_slowed_reading(readings: list[tuple[float, set[str]]]) -> None:
    looks = looks_from(readings)
    found = throttled_intervals(looks)
    assert all(one.start <= one.end for one in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    for one in looks:
        if set(one.gpus[0].throttle_reasons) - {LIMIT}:
            assert any(interval.start <= one.t <= interval.end for interval in found)
        else:
            assert not any(interval.start <= one.t < interval.end for interval in found)


@given(READINGS, st.integers(1, 7))
def test_reading_by_reading_is_the_same_as_all_at_once(readings: list[tuple[float, set[str]]], at_once: int) -> None:
    looks = looks_from(readings)
    state, log = state_of(), ThrottleTracker()
    for first in range(0, len(looks), at_once):
        state.apply_all(looks[first : first + at_once])
        log.until(state.at())
    end = state.at(1e9)
    assert log.until(end) == ThrottleTracker().until(end) == throttled_intervals(looks)


@given(READINGS, st.floats(0, 800))
def test_a_replay_knows_nothing_of_the_future(readings: list[tuple[float, set[str]]], t: float) -> None:
    looks = looks_from(readings)
    whole, past = state_of(*looks), state_of(*(one for one in looks if one.t <= t))
    seen, known = ThrottleTracker().until(whole.at(t)), ThrottleTracker().until(past.at(t))
    assert [one.start for one in seen] == [one.start for one in known]
    assert all(one.end <= t for one in seen)


def test_thinned_readings_are_read_anew() -> None:
    looks = [look(t, card(HOT) if t < 5 else card()) for t in range(40)]
    state, log = state_of(*looks), ThrottleTracker()
    log.until(state.at())
    state.vitals.thin_older_half()
    state.apply(look(40.0, card(HOT)))
    assert [one.start for one in log.until(state.at())] == [0.0, 40.0]


def run_with_heat(slower: float, **changes: object) -> RunState:
    """200 steps of half a second, the middle 60 of them slower by a factor and told to be hot."""
    state, t = state_of(), 0.0
    for number in range(1, 201):
        hot = 70 < number <= 130
        seconds = 0.5 * (slower if hot else 1.0)
        t += seconds
        state.apply(step(number, t=t, step_seconds=seconds))
        state.apply(look(t, card(HOT) if hot else card()))
    return state


@pytest.mark.parametrize(("slower", "lost"), [(1.25, 0.2), (2.0, 0.5), (1.0, 0.0)])
def test_tokens_lost_are_told_from_the_speed_around(slower: float, lost: float) -> None:
    snapshot = run_with_heat(slower).at()
    (interval,) = ThrottleTracker().until(snapshot)
    assert tokens_lost(snapshot, interval, [interval]) == pytest.approx(lost, abs=0.01)


def test_without_anything_to_compare_nothing_is_claimed() -> None:
    state = state_of(*(look(t, card(HOT)) for t in range(60)))
    state.apply_all(step(number) for number in range(1, 100))
    snapshot = state.at()
    assert tokens_lost(snapshot, ThrottleTracker().until(snapshot)[0]) is None


def test_another_batch_size_is_no_slowdown() -> None:
    state = state_of()
    for number in range(1, 101):
        state.apply(step(number, tokens=number * 768 if number <= 50 else 50 * 768 + (number - 50) * 100))
    assert tokens_lost(state.at(), Interval(25.0, 50.0, "heat")) is None


def test_the_sentence_is_in_the_time_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        state = state_of(resumed(10, 1000.0, wall_time=1_769_864_400.0))  # 13:00 UTC
        interval = Interval(1000.0 + 62 * 60, 1000.0 + 69 * 60, "heat")
        snapshot = state.at(9000.0)
        assert interval_sentence(snapshot, interval, 0.031) == "slowed by heat 14:02–14:09, 3% of tokens lost"
        assert interval_sentence(snapshot, interval, None) == "slowed by heat 14:02–14:09"
        assert (
            interval_sentence(snapshot, Interval(interval.start, interval.start + 9, "heat"))
            == "slowed by heat at 14:02"
        )
        going_on = Interval(interval.start, interval.end, "heat", ongoing=True)
        assert interval_sentence(snapshot, going_on) == "slowed by heat since 14:02"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_stretch_is_ongoing_until_a_reading_says_otherwise() -> None:
    state = state_of(look(10.0, card(HOT)))
    assert ThrottleTracker().until(state.at(12.0)) == [Interval(10.0, 12.0, "heat", ongoing=True)]
    silent = state.at(11.0 + MAX_SENSOR_GAP_SECONDS)
    assert ThrottleTracker().until(silent) == [Interval(10.0, 10.0, "heat")]


def test_seconds_slowed_count_from_the_first_reading_of_each_session() -> None:
    def counted(t: float, seconds: float) -> Vitals:
        return look(t, card(throttled_seconds={HOT: seconds}))

    events = [counted(1.0, 100.0), counted(5.0, 104.0), resumed(5, 5.0), counted(6.0, 900.0), counted(9.0, 902.5)]
    snapshot = state_of(*events).at()
    assert snapshot.vitals is not None
    assert throttled_seconds(snapshot, snapshot.vitals.gpus[0]) == {HOT: pytest.approx(6.5)}
    reloaded = state_of(counted(1.0, 100.0), counted(5.0, 3.0)).at()
    assert reloaded.vitals is not None
    assert throttled_seconds(reloaded, reloaded.vitals.gpus[0]) == {HOT: 3.0}


def test_rests_last_from_a_pause_to_whatever_ends_it() -> None:
    events = [
        restraint(10.0, "paused"),
        restraint(12.0, "paused", "battery"),
        restraint(14.0, "released", "battery"),
        restraint(20.0, "released"),
        restraint(25.0, "slowed", "heat"),
        restraint(30.0, "paused"),
        resumed(30, 35.0),
        restraint(40.0, "paused"),
        restraint(44.0, "overridden"),
        restraint(50.0, "paused"),
    ]
    found = policy_pauses(state_of(*events).at(60.0))
    assert [(one.start, one.end, one.ongoing) for one in found] == [
        (10.0, 20.0, False),
        (30.0, 35.0, False),
        (40.0, 44.0, False),
        (50.0, 60.0, True),
    ]
    assert found[0].cause == "quiet hours"


def test_what_holds_now_is_the_newest_rule_of_this_session() -> None:
    state = state_of(restraint(10.0, "slowed", "heat"), Phase(t=11.0, step=11, phase="training"))
    held = policy_in_force(state.at(20.0))
    assert held is not None
    assert held.cause == "heat"
    assert policy_in_force(state.at(5.0)) is None
    state.apply(resumed(10, 30.0))
    assert policy_in_force(state.at(40.0)) is None


def test_a_rule_that_ends_leaves_the_others_in_force() -> None:
    state = state_of(
        restraint(10.0, "slowed", "heat"),
        restraint(20.0, "paused"),
        restraint(25.0, "paused", "battery"),
        restraint(30.0, "released"),
        restraint(40.0, "released", "battery"),
        restraint(50.0, "released", "heat"),
    )
    held = [policy_in_force(state.at(t)) for t in (15.0, 22.0, 27.0, 35.0, 45.0, 55.0)]
    assert [one.cause if one else "" for one in held] == ["heat", "quiet hours", "battery", "battery", "heat", ""]
    assert [(one.start, one.end) for one in policy_pauses(state.at(60.0))] == [(20.0, 40.0)]
