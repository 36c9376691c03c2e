"""From a journal's events to the commands that a rerun has to give, and where."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, Checkpoint, Command, Resumed
from babytrain.runs.playback.replay_plan import PlannedCommand, recorded_sessions
from tests.runs.builders import any_event, ended, started, step


def command(at: int, action: str, *, by_engine: bool = False, status: str = "applied", **facts: Any) -> Command:
    return Command(
        t=float(at),
        step=at,
        command_id=0 if by_engine else 1,
        action=action,  # type: ignore[arg-type]
        status=status,  # type: ignore[arg-type]
        **facts,
    )


def checkpoint(at: int, reason: Any = "cadence", name: str = "") -> Checkpoint:
    directory = f"checkpoints/step-{at:09d}" + (f"-{name}" if name else "")
    return Checkpoint(t=float(at), step=at, directory=directory, reason=reason, seconds=0.0, name=name)


def resumed(at: int, *, rollback: bool = False, **facts: Any) -> Resumed:
    return Resumed(
        t=99.0,
        step=at,
        wall_time=0.0,
        checkpoint=f"step-{at:09d}",
        total_steps=30,
        rollback=rollback,
        **facts,
    )


def steps(first: int, last: int) -> list[AnyEvent]:
    return [step(number) for number in range(first, last + 1)]


def commands_to_repeat(events: list[AnyEvent]) -> list[PlannedCommand]:
    return [command for session in recorded_sessions(events) for command in session.commands]


def told(events: list[AnyEvent]) -> list[tuple[int, int, str]]:
    return [(one.rollback_count, one.step, one.request.action) for one in commands_to_repeat(events)]


def test_only_what_took_effect_and_matters_is_repeated() -> None:
    events = [
        started(),
        *steps(1, 3),
        command(3, "lr_scale", value=0.5),
        command(3, "lr_scale", value=-1.0, status="refused"),
        command(3, "pause"),
        command(3, "note", text="hm"),
        command(3, "sample"),
        command(3, "advance", value=2),
        command(3, "resume"),
        *steps(4, 5),
        command(5, "set", dial="dropout", value=0.1),
        command(5, "undo", dial="dropout"),
        ended(5),
    ]
    assert told(events) == [(0, 3, "lr_scale"), (0, 5, "set"), (0, 5, "undo")]
    assert commands_to_repeat(events)[1].request.dial == "dropout"


def test_of_the_engine_s_own_only_what_depends_on_the_machine() -> None:
    events = [
        started(),
        *steps(1, 4),
        command(4, "lr_scale", by_engine=True, value=0.5),
        command(4, "lr_hold", by_engine=True, value=0.5),
        command(4, "rollback", by_engine=True, text="best"),
        command(4, "stop", by_engine=True),
        command(4, "total_steps", by_engine=True, value=50.0),
        command(4, "set", by_engine=True, dial="batch_size", value=2.0),
        ended(4),
    ]
    assert told(events) == [(0, 4, "total_steps"), (0, 4, "set")]


def test_after_a_kill_what_came_after_the_checkpoint_never_happened() -> None:
    events = [
        started(),
        *steps(1, 5),
        command(5, "lr_scale", value=0.5),
        checkpoint(5),
        command(5, "lr_scale", value=0.25),
        *steps(6, 8),
        command(8, "evaluate"),
        resumed(5),
        *steps(6, 9),
        command(9, "lr_release"),
        ended(9),
    ]
    assert told(events) == [(0, 5, "lr_scale"), (0, 9, "lr_release")]
    one, two = recorded_sessions(events)
    assert [event.step for event in one.steps] == [1, 2, 3, 4, 5]
    assert [event.step for event in two.steps] == [6, 7, 8, 9]
    assert (one.end_step, one.finished, two.end_step, two.finished) == (5, False, 9, True)


def test_going_back_within_a_session_supersedes_nothing_and_begins_a_lap() -> None:
    events = [
        started(),
        *steps(1, 5),
        checkpoint(5),
        *steps(6, 8),
        command(8, "lr_scale", value=0.5),
        resumed(5, rollback=True),
        command(8, "rollback", text="last"),
        command(5, "rewarm", value=3.0),
        *steps(6, 8),
        command(8, "lr_release"),
        ended(8, status="interrupted"),
    ]
    assert told(events) == [(0, 8, "lr_scale"), (0, 8, "rollback"), (1, 5, "rewarm"), (1, 8, "lr_release")]
    (session,) = recorded_sessions(events)
    assert (session.end_rollback_count, session.end_step, session.finished) == (1, 8, False)
    assert len(session.steps) == 11


def test_a_resume_after_going_back_stands_where_its_checkpoint_was_written() -> None:
    events = [
        started(),
        *steps(1, 5),
        checkpoint(5),
        *steps(6, 8),
        command(8, "lr_scale", value=0.5),
        resumed(5, rollback=True),
        command(8, "rollback", text="last"),
        *steps(6, 6),
        resumed(5),
        *steps(6, 7),
        ended(7),
    ]
    assert told(events) == []
    assert [event.step for session in recorded_sessions(events) for event in session.steps] == [1, 2, 3, 4, 5, 6, 7]


def test_a_checkpoint_that_was_asked_for_is_known_by_itself() -> None:
    """The kill came before the command was filed, and the run went on from that very checkpoint."""
    events = [started(), *steps(1, 5), checkpoint(5, "requested", "mine"), Resumed(
        t=9.0, step=5, wall_time=0.0, checkpoint="step-000000005-mine", total_steps=9
    ), *steps(6, 9), ended(9)]  # fmt: skip
    (only,) = commands_to_repeat(events)
    assert (only.step, only.request.action, only.request.text) == (5, "checkpoint", "mine")


def test_a_checkpoint_that_is_not_on_record_was_written_in_the_moment_of_the_kill() -> None:
    events = [started(), *steps(1, 5), command(5, "lr_scale", value=0.5), resumed(5), *steps(6, 9), ended(9)]
    assert told(events) == [(0, 5, "lr_scale")]


def test_settings_changed_by_a_resume_are_known() -> None:
    before: list[AnyEvent] = [started(), *steps(1, 3), checkpoint(3, "end"), ended(3)]
    more: list[AnyEvent] = [resumed(3, changes={"steps": 5}), *steps(4, 5)]
    one, two = recorded_sessions([*before, *more, checkpoint(5, "end"), ended(5)])
    assert (one.finished, one.changes, two.changes) == (True, {}, {"steps": 5})
    # Killed before its next checkpoint, it got no further than it was.
    (only,) = recorded_sessions([*before, *more])
    assert (only.end_step, only.finished) == (3, True)


def test_no_run_no_commands() -> None:
    assert recorded_sessions([]) == []
    assert commands_to_repeat([step(1)]) == []


@given(st.lists(any_event(st.text(max_size=8)), max_size=30))
def test_any_stream_of_events_has_an_answer(events: list[AnyEvent]) -> None:
    for session in recorded_sessions([started(), *events]):
        assert all(one.rollback_count >= -1 for one in session.commands)
