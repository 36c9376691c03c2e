"""What the benchmark of a held key counts."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from babytrain.runs.events import Command
from bench.speed.held_key import Screen, command_figures, expected_factors, frame_figures


def applied(step: int, value: float) -> Command:
    return Command(t=step, step=step, command_id=step, action="lr_scale", status="applied", value=value, after=value)


def painted(*chunks: tuple[float, str]) -> Screen:
    """A screen on which these chunks were painted at these seconds."""
    screen = Screen(cast("Any", SimpleNamespace(output=b"")))
    for at, text in chunks:
        screen.terminal.output += text.encode()
        screen.painted.append(at)
        screen.ends.append(len(screen.terminal.output))
    return screen


def test_a_press_is_answered_by_its_own_factor_or_a_later_one() -> None:
    screen = painted((1.0, "lr ×1.1"), (1.25, "something else"), (1.5, "lr ×1.33"))
    screen.pressed, screen.pressed_at = [0.9, 1.1, 1.2, 1.3], [0, 8, 8, 22]
    waits = screen.latencies([1.1, 1.21, 1.331, 1.4641])
    assert waits[0] == math.inf  # the last press: never shown
    assert waits[1:] == pytest.approx([300, 400, 100])


def test_frames_are_bursts_of_output() -> None:
    screen = painted((1.0, "a"), (1.001, "b"), (1.5, "c"), (3.0, "d"))
    assert screen.frames(0.9, 2.0) == [1.0, 1.5]
    assert frame_figures([1.0, 1.5], 0.9, 2.0) == {"frames_per_second": 1.82, "longest_gap_ms": 500.0}


def test_what_is_asked_for_stops_at_the_ends_of_the_dial() -> None:
    assert expected_factors(1.0, 3) == pytest.approx([1.1, 1.21, 1.331])
    assert expected_factors(9e5, 3)[-1] == 1e6


def test_a_step_that_obeys_twice_and_a_press_that_is_lost_are_seen() -> None:
    before = [applied(1, 0.5)]
    good = command_figures([*before, applied(5, 0.55), applied(7, 0.605)], 1, 2)
    assert (good["lr_scale_applied"], good["distinct_steps"], good["every_press_counts"]) == (2, 2, True)
    twice = command_figures([*before, applied(5, 0.55), applied(5, 0.55)], 1, 2)
    assert (twice["lr_scale_applied"], twice["distinct_steps"], twice["every_press_counts"]) == (2, 1, False)
