"""How long a run was paused or at rest, from what it said of itself."""

from __future__ import annotations

from babytrain.runs.events import Phase, Resumed
from babytrain.runs.state.elapsed_time import paused_seconds
from babytrain.runs.state.run_state import RunState


def phase(t: float, name: str) -> Phase:
    return Phase(t=t, step=1, phase=name)  # type: ignore[arg-type]


def resumed(t: float, *, rollback: bool = False) -> Resumed:
    return Resumed(t=t, step=1, wall_time=0.0, checkpoint="c", total_steps=9, rollback=rollback)


def state_of(*events: Phase | Resumed) -> RunState:
    state = RunState()
    state.apply_all(events)
    return state


def test_pauses_and_rests_count_and_nothing_else() -> None:
    state = state_of(phase(0, "training"), phase(10, "paused"), phase(13, "training"), phase(20, "policy_pause"))
    state.apply_all([phase(27, "evaluating"), phase(30, "training")])
    assert paused_seconds(state) == 10.0
    assert paused_seconds(state, 12.0) == 2.0
    assert paused_seconds(state, 25.0) == 8.0


def test_a_run_killed_in_a_pause_is_held_until_it_was_killed() -> None:
    state = state_of(phase(0, "training"), phase(10, "policy_pause"), resumed(14), phase(20, "training"))
    assert paused_seconds(state) == 4.0


def test_a_way_back_ends_no_pause() -> None:
    assert paused_seconds(state_of(phase(10, "paused"), resumed(14, rollback=True), phase(20, "training"))) == 10.0
