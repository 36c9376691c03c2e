"""The clock of a replay, on a clock of its own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.playback.clock import FRAMES_AT_MAXIMUM, SPEEDS, PlaybackClock, quiet_gaps


class Now:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


def test_it_starts_paused_at_the_beginning(now: Now) -> None:
    clock = PlaybackClock(60.0, now)
    now.seconds += 10
    assert clock.advance() == 0.0
    assert (clock.playing, clock.finished, clock.speed, clock.speed_label) == (False, False, 1.0, "×1")


def test_playing_pausing_and_going_on(now: Now) -> None:
    clock = PlaybackClock(60.0, now)
    clock.play()
    now.seconds += 3
    assert clock.advance() == 3.0
    now.seconds += 1
    clock.toggle()  # pauses where time has got to, not at the last frame
    now.seconds += 100
    assert clock.position == 4.0
    clock.toggle()
    now.seconds += 1
    assert clock.advance() == 5.0


def test_it_stops_by_itself_at_the_end_and_toggling_starts_again(now: Now) -> None:
    clock = PlaybackClock(10.0, now)
    clock.play()
    now.seconds += 11
    assert clock.advance() == 10.0
    assert clock.finished
    assert not clock.playing
    clock.toggle()
    assert (clock.position, clock.playing) == (0.0, True)
    now.seconds += 1
    assert clock.advance() == 1.0


def test_a_change_of_speed_does_not_reach_back(now: Now) -> None:
    clock = PlaybackClock(1000.0, now)
    clock.play()
    now.seconds += 10
    clock.faster()
    now.seconds += 10
    assert clock.advance() == 10.0 + 20.0
    clock.slower()
    clock.slower()
    assert clock.speed_label == "×½"
    now.seconds += 10
    assert clock.advance() == 35.0


def test_all_speeds_have_a_name_and_the_ends_are_ends(now: Now) -> None:
    clock = PlaybackClock(10.0, now)
    for _ in range(20):
        clock.slower()
    labels = [clock.speed_label]
    for _ in range(20):
        clock.faster()
        labels.append(clock.speed_label)
    expected = ["×½", "×1", "×2", "×4", "×8", "×16", "×32", "×64", "×128", "×256", "max"]
    assert list(dict.fromkeys(labels)) == expected
    assert labels[-1] == "max"


@pytest.mark.parametrize("duration", [0.5, 60.0, 1e6])
def test_as_fast_as_it_can_shows_the_whole_recording_in_so_many_frames(now: Now, duration: float) -> None:
    clock = PlaybackClock(duration, now)
    clock.set_speed(math.inf)
    clock.play()
    frames = 0
    while clock.playing:
        clock.advance()  # time stands still: only frames count
        frames += 1
        assert frames < 1000
    assert abs(frames - FRAMES_AT_MAXIMUM) <= 1
    assert clock.finished


@pytest.mark.parametrize(
    ("wanted", "speed"), [(1.0, 1.0), (0.01, 0.5), (3.0, 4.0), (5.0, 8.0), (1e9, math.inf), (math.inf, math.inf)]
)
def test_a_speed_that_is_asked_for_becomes_the_slowest_that_is_not_below(now: Now, wanted: float, speed: float) -> None:
    clock = PlaybackClock(10.0, now)
    clock.set_speed(wanted)
    assert clock.speed == speed


actions = st.one_of(
    st.tuples(st.just("seek"), st.floats(allow_nan=False)),
    st.tuples(st.just("wait"), st.floats(-5, 1e4)),
    st.tuples(st.sampled_from(["play", "pause", "toggle", "faster", "slower", "advance"]), st.none()),
)


@given(st.floats(0, 1e6), st.lists(actions, max_size=30))
def test_whatever_is_pressed_the_position_stays_in_the_recording(
    duration: float, pressed: list[tuple[str, float | None]]
) -> None:
    now = Now()
    clock = PlaybackClock(duration, now)
    for action, value in pressed:
        before, speed, playing = clock.position, clock.speed, clock.playing
        if action == "wait":
            assert value is not None
            now.seconds += value
            after = clock.advance()
            assert after >= before  # playing never runs back, not even when the system's clock does
            if not playing:
                assert after == before
            elif not math.isinf(speed):
                assert after <= before + max(0.0, value) * speed + 1e-6 * max(1.0, after)
        elif value is None:
            getattr(clock, action)()
        else:
            getattr(clock, action)(value)
        assert 0.0 <= clock.position <= clock.duration
        assert clock.speed in SPEEDS
        assert clock.finished == (clock.position == clock.duration)


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=50), st.sampled_from(SPEEDS[:-1]))
def test_how_often_one_looks_does_not_matter(frames: list[float], speed: float) -> None:
    now = Now()
    often, once = PlaybackClock(1e9, now), PlaybackClock(1e9, now)
    for clock in (often, once):
        clock.set_speed(speed)
        clock.play()
    for seconds in frames:
        now.seconds += seconds
        often.advance()
    assert often.position == pytest.approx(once.advance())


def test_seeking_while_playing_goes_on_from_there(now: Now) -> None:
    clock = PlaybackClock(100.0, now)
    clock.play()
    now.seconds += 5
    clock.seek(50.0)
    now.seconds += 1
    assert clock.advance() == 51.0
    clock.seek(-1000.0)
    assert clock.position == 0.0
    clock.seek(math.inf)
    assert clock.finished
    with pytest.raises(ValueError, match="NaN"):
        clock.seek(math.nan)


@pytest.mark.parametrize("duration", [math.nan, math.inf])
def test_a_recording_has_a_length(now: Now, duration: float) -> None:
    with pytest.raises(ValueError, match="cannot last"):
        PlaybackClock(duration, now)


def test_an_empty_recording_is_over_at_once(now: Now) -> None:
    clock = PlaybackClock(0.0, now)
    assert clock.finished
    clock.play()
    clock.advance()
    assert (clock.playing, clock.position) == (False, 0.0)


def test_playing_jumps_over_quiet_hours(now: Now) -> None:
    clock = PlaybackClock(7300.0, now)
    clock.set_gaps([(5000.0, 7200.0), (100.0, 3700.0), (3000.0, 4900.0), (50.0, 40.0)])
    clock.seek(99.0)
    clock.play()
    now.seconds += 0.5
    assert clock.advance() == 99.5
    now.seconds += 1
    assert clock.advance() == 4900.5
    now.seconds += 100
    assert clock.advance() == 7200.5
    clock.seek(2000.0)  # who looks into the gap stays there until the next frame
    assert clock.position == 2000.0
    now.seconds += 1
    assert clock.advance() == 4901.0


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=6),
    st.integers(0, 100),
    st.integers(0, 100),
)
def test_jumping_over_gaps_is_counting_the_seconds_outside_of_them(
    gaps: list[tuple[int, int]], start: int, stretch: int
) -> None:
    now = Now()
    clock = PlaybackClock(1000.0, now)
    clock.set_gaps([(float(first), float(last)) for first, last in gaps])
    clock.seek(float(start))
    clock.play()
    now.seconds += stretch
    position, left = start, stretch
    quiet = {second for first, last in gaps for second in range(first, last)}
    while left or position in quiet:
        left -= position not in quiet
        position += 1
    if stretch:
        assert clock.advance() == position


def test_gaps_are_found_between_events() -> None:
    assert quiet_gaps([0.0, 1.0, 2.0, 3602.0, 3603.0], longest_seconds=10.0) == [(3.0, 3601.0)]
    assert quiet_gaps([], 10.0) == []
    assert quiet_gaps([0.0, 1.5], longest_seconds=1.0) == []  # too short to keep a second at both ends
