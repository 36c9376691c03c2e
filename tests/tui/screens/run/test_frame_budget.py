"""Frames are spaced so that drawing keeps to its share, and nothing that changed is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from babytrain.tui.screens.run.frame_budget import (
    CORE_SHARE,
    IDLE_AFTER_SECONDS,
    MAX_SECONDS,
    TICK_SECONDS,
    DueParts,
    FrameBudget,
)


class Machine:
    """A clock of its own, and a processor that is busy for as long as one says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.busy = 0.0
        self.budget = FrameBudget(lambda: self.now, lambda: self.busy)

    def tick(self, *, changed: bool = True, vitals: bool = False) -> DueParts:
        self.now += TICK_SECONDS
        return self.budget.due(changed=changed, vitals_changed=vitals)


def frames(machine: Machine, seconds: float, frame_seconds: float) -> int:
    drawn = 0
    for _ in range(round(seconds / TICK_SECONDS)):
        if machine.tick().chart:
            machine.busy += frame_seconds
            drawn += 1
    return drawn


def test_a_cheap_screen_is_drawn_at_every_tick() -> None:
    assert frames(Machine(), 4, 0.001) == 40


def test_a_dear_screen_keeps_to_its_share() -> None:
    machine = Machine()
    frames(machine, 5, 0.02)
    before = machine.busy
    frames(machine, 60, 0.02)
    assert machine.busy - before <= 60 * CORE_SHARE * 1.05


@given(st.floats(0, 10))
def test_the_screen_never_stands_still(frame_seconds: float) -> None:
    machine = Machine()
    frames(machine, 5, frame_seconds)
    assert machine.budget.period_seconds <= MAX_SECONDS


def test_one_slow_frame_slows_nothing_down() -> None:
    machine = Machine()
    frames(machine, 2, 0.001)
    machine.busy += 0.5
    assert machine.budget.period_seconds == TICK_SECONDS
    machine.tick()
    assert machine.budget.period_seconds == TICK_SECONDS


def test_numbers_and_sensors_are_slower() -> None:
    machine = Machine()
    drawn = [machine.tick(changed=True, vitals=True) for _ in range(100)]
    assert sum(due.numbers for due in drawn) <= 41
    assert sum(due.vitals for due in drawn) <= 11


def test_nothing_is_drawn_when_nothing_changed() -> None:
    machine = Machine()
    machine.tick()
    assert {machine.tick(changed=False) for _ in range(20)} == {DueParts(False, False, False)}


def test_a_change_that_came_too_early_is_drawn_later() -> None:
    machine = Machine()
    machine.tick(changed=True)
    assert not machine.tick(changed=True).numbers
    later = [machine.tick(changed=False) for _ in range(5)]
    assert sum(due.numbers for due in later) == 1


def test_nobody_looking_means_fewer_frames() -> None:
    machine = Machine()
    machine.budget.has_focus = False
    assert frames(machine, 10, 0.001) <= 21


def test_a_screen_without_input_slows_down_until_the_next_key() -> None:
    machine = Machine()
    assert frames(machine, 4, 0.001) == 40
    machine.now += IDLE_AFTER_SECONDS
    assert frames(machine, 10, 0.001) <= 51
    machine.budget.input_seen()
    assert frames(machine, 4, 0.001) == 40


def test_what_was_drawn_out_of_turn_is_not_drawn_again() -> None:
    machine = Machine()
    machine.tick(changed=True)
    machine.tick(changed=True)
    machine.budget.drawn()
    machine.now += 10
    assert machine.tick(changed=False) == DueParts(False, False, False)
