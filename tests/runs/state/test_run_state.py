"""RunState and Moment: the only reducer, and a seek that is a slice."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, Command, Letters, Resumed, Sample, SamplePiece, Verdict
from babytrain.runs.events.timeline import MAX_LETTERS
from babytrain.runs.state.columns import MAX_BRANCH_ROWS, MAX_BRANCHES, StepColumns
from babytrain.runs.state.run_state import RunSnapshot, RunState
from tests.runs.builders import any_event, checkpoint, ended, evaluation, recorded_run, resumed, same, started, step

COLUMNS = ("step", "tokens", "t", "loss", "loss_min", "loss_max", "learning_rate", "gradient_norm", "step_seconds")


def reduce(events: list[AnyEvent]) -> RunState:
    state = RunState()
    state.apply_all(events)
    return state


def shown(snapshot: RunSnapshot) -> dict[str, Any]:
    """Everything a screen can ask a moment for, its time aside."""
    return {
        "columns": {name: snapshot.column(name).tolist() for name in COLUMNS},
        "step": snapshot.step,
        "total_steps": snapshot.total_steps,
        "epoch": snapshot.epoch,
        "tokens": snapshot.tokens,
        "loss": snapshot.loss,
        "learning_rate": snapshot.learning_rate,
        "gradient_norm": snapshot.gradient_norm,
        "tokens_per_second": snapshot.tokens_per_second(),
        "evals": snapshot.evals,
        "best_eval": snapshot.best_eval,
        "samples": snapshot.samples,
        "vitals": snapshot.vitals,
        "recent_vitals": snapshot.recent_vitals(3),
        "commands": snapshot.state.commands.until(snapshot.t),
        "checkpoints": snapshot.state.checkpoints.until(snapshot.t),
        "notes": snapshot.state.log_messages.until(snapshot.t)[-3:],
        "phase": snapshot.phase,
        "ended": snapshot.ended,
        "status": snapshot.status,
    }


@given(recorded_run(most_events=40), st.floats(0, 12))
@settings(max_examples=200)
def test_seeking_is_reducing_what_had_happened_by_then(events: list[AnyEvent], t: float) -> None:
    last_resume = max((event.t for event in events if isinstance(event, Resumed)), default=0.0)
    t += last_resume  # before a resume the superseded steps are gone for good
    prefix = [event for event in events if event.t <= t]
    assert same(shown(reduce(events).at(t)), shown(reduce(prefix).at()))


@given(recorded_run(), st.floats(-5, 30))
def test_before_a_resume_everything_not_superseded_is_still_there(events: list[AnyEvent], t: float) -> None:
    snapshot = reduce(events).at(t)
    survivors: list[int] = []
    for event in events:
        if isinstance(event, Resumed):
            survivors = [number for number in survivors if number <= event.step]
        elif event.__class__.__name__ == "Step":
            survivors.append(event.step)
    times = reduce(events).at().column("t")
    assert snapshot.column("step").tolist() == [
        number for number, when in zip(survivors, times, strict=True) if when <= t
    ]


@given(st.lists(any_event(st.text(max_size=3), st.floats(0, 100)), max_size=20), st.floats(-1, 101) | st.just(math.inf))
def test_no_order_of_events_however_odd_breaks_a_moment(events: list[AnyEvent], t: float) -> None:
    state = RunState()
    for event in events:
        state.apply(event)
        shown(state.at(t))
        shown(state.at())


def test_a_resume_drops_what_it_superseded_and_keeps_what_the_person_did() -> None:
    command = Command(t=2.0, step=4, command_id=1, action="note", status="applied", text="hm")
    state = reduce(
        [
            started(),
            step(1),
            step(2),
            checkpoint(2),
            evaluation(2, 3.0),
            step(3),
            step(4),
            evaluation(4, 1.0),
            command,
            checkpoint(4, t=2.0),
            resumed(2, 5.0, total_steps=9),
            step(3, t=5.5, loss=7.0),
        ]
    )
    snapshot = state.at()
    assert snapshot.column("step").tolist() == [1, 2, 3]
    assert snapshot.loss == 7.0
    assert [event.step for event in snapshot.evals] == [2]
    assert [event.step for event in snapshot.state.checkpoints.until(snapshot.t)] == [2]
    assert snapshot.state.commands.until(snapshot.t) == [command]
    assert snapshot.total_steps == 9
    assert state.at(4.0).total_steps == 1500


def test_what_a_rollback_left_behind_is_a_branch_and_a_replay_goes_through_it() -> None:
    lost = [step(3, t=3.0, loss=51_101.0), step(4, t=4.0, loss=math.nan)]
    events = [
        started(),
        step(1, t=1.0),
        step(2, t=2.0),
        *lost,
        resumed(2, 5.0, rollback=True),
        step(3, t=6.0, loss=2.0),
    ]
    state = reduce(events)
    assert state.at().column("step").tolist() == [1, 2, 3]
    ((branch, rows),) = state.at().branches()
    assert branch.step[:rows].tolist() == [2, 3, 4], "from where it branches off"
    assert [state.at(t).step for t in (2.5, 3.5, 4.5, 5.5, 6.0)] == [2, 3, 4, 2, 3]
    assert (state.at(3.5).loss, state.at(5.5).loss, state.at(6.0).loss) == (51_101.0, state.at(2.5).loss, 2.0)
    assert math.isnan(state.at(4.5).loss or 0.0)
    assert [rows for _, rows in state.at(3.5).branches()] == [2]
    assert state.at(2.5).branches() == []


def test_of_very_many_steps_left_behind_some_are_kept() -> None:
    columns = StepColumns()
    for number in range(1, 3 * MAX_BRANCH_ROWS):
        columns.append_step(step(number))
    columns.drop_after(10)
    for number in range(11, 100):
        columns.append_step(step(number))
        columns.drop_after(10)
    assert len(columns.left_behind) <= MAX_BRANCHES
    assert all(branch.count <= MAX_BRANCH_ROWS for branch in columns.left_behind)


def test_a_resume_to_the_very_start_leaves_no_steps() -> None:
    snapshot = reduce([started(), step(1), step(2), resumed(0, 2.0)]).at()
    assert (snapshot.step, snapshot.tokens, snapshot.loss) == (0, 0, None)


def test_an_ended_run_that_was_resumed_is_training_again() -> None:
    state = reduce([started(), step(1), ended(1, "interrupted"), resumed(1, 0.5), step(2)])
    assert state.at().status == "training"
    assert state.at(0.25).status == "training"
    state.apply(ended(2, "done"))
    assert state.at().status == "done"


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_the_best_evaluation_is_the_lowest_that_is_a_number(broken: float) -> None:
    state = reduce([started(), evaluation(1, broken), evaluation(2, 2.0), evaluation(3, 3.0), evaluation(4, broken)])
    best = state.at().best_eval
    assert best is not None
    assert best.val_loss == 2.0
    assert state.at(0.5).best_eval is None


def test_a_reply_of_the_talk_screen_is_no_sample_of_the_run() -> None:
    facts: dict[str, Any] = {"t": 1.0, "step": 2, "sample_id": 1, "prompt": "a frog"}
    state = reduce([started(), SamplePiece(**facts, text=" si", talk=True)])
    assert state.at().sample_piece is None
    state.apply(Sample(**facts, text=" sits", seed=1, temperature=0.8, seconds=0.1, requested=True, talk=True))
    assert state.at().samples == []
    assert [reply.text for reply in state.replies.events] == [" sits"]


@pytest.mark.parametrize("after", [None, math.nan, math.inf])
def test_a_plan_that_is_no_number_is_no_plan(after: float | None) -> None:
    replan = Command(t=0.0, step=0, command_id=1, action="total_steps", status="applied", after=after)
    assert reduce([started(), replan]).at().total_steps == 1500


def test_a_change_of_plan_counts_from_its_moment_on() -> None:
    refused = Command(t=1.0, step=2, command_id=1, action="total_steps", status="refused", value=1)
    applied = Command(t=1.5, step=3, command_id=1, action="total_steps", status="applied", after=3000.0)
    state = reduce([started(), refused, applied])
    assert state.at(1.4).total_steps == 1500
    assert state.at(1.5).total_steps == 3000
    undone = Command(
        t=2.0, step=4, command_id=2, action="undo", dial="total_steps", status="applied", before=3000.0, after=1500.0
    )
    state.apply(undone)
    assert state.at(1.9).total_steps == 3000
    assert state.at(2.0).total_steps == 1500


def test_a_verdict_said_again_brings_its_figures_up_to_date_and_is_no_new_verdict() -> None:
    given = Verdict(t=1.0, step=1, verdict="slow", why="It is 1.2.", next_="Wait.")
    again = Verdict(t=2.0, step=2, verdict="slow", why="It is 1.1.", next_="Wait.", repeated=True)
    other = Verdict(t=3.0, step=3, verdict="learning", why="It falls.", next_="Wait.")
    state = reduce([started(), given, again, other])
    whys = [verdict.why for t in (1.5, 2.5, 3.5) if (verdict := state.at(t).verdict) is not None]
    assert whys == ["It is 1.2.", "It is 1.1.", "It falls."]
    assert state.verdicts.events == [given, other]


def test_nan_losses_are_columns_like_any_other() -> None:
    snapshot = reduce([started(), step(1), step(2, loss=math.nan), step(3)]).at()
    assert snapshot.loss == 4.0 - 3 * 0.001
    assert math.isnan(snapshot.column("loss")[1])


def test_a_piece_of_a_sample_is_shown_until_the_sample_is_there() -> None:
    state = reduce([started(), SamplePiece(t=0.0, step=0, sample_id=1, prompt="", text="the")])
    assert state.at().sample_piece is not None
    state.apply(ended(1))
    assert state.at().sample_piece is None


@given(st.lists(st.integers(0, 3), max_size=60))
def test_columns_grow_without_moving_what_a_reader_holds(increments: list[int]) -> None:
    columns = StepColumns(capacity=1)
    held: list[tuple[int, Any]] = []
    t = 0.0
    for number, increment in enumerate(increments):
        t += increment
        held.append((columns.count, columns.t[: columns.count]))
        columns.append_step(step(number, t=t))
    for count, view in held:
        assert view.tolist() == columns.t[:count].tolist()
    for when in {0.0, t, t / 2, -1.0}:
        assert columns.rows_until(when) == sum(columns.t[: columns.count] <= when)


def letters(number: int, t: float) -> Letters:
    return Letters(t=t, step=number, symbols=("e",), shares=(1.0,), recalls=(0.5,), precisions=(None,))


def test_of_very_many_evaluations_the_first_board_and_every_one_of_the_newest_are_kept() -> None:
    state = RunState()
    for number in range(5 * MAX_LETTERS):
        state.apply(letters(number, float(number)))
    kept = [one.step for one in state.letters.events]
    newest = 5 * MAX_LETTERS - 1
    assert len(kept) <= MAX_LETTERS
    assert kept[0] == 0
    assert kept[-MAX_LETTERS // 2 :] == list(range(newest - MAX_LETTERS // 2 + 1, newest + 1))
    middle = state.at(2.5 * MAX_LETTERS).letters[-1].step
    assert 2 * MAX_LETTERS < middle <= 2.5 * MAX_LETTERS, "what was known half way is still there, nearly"


def test_letters_of_an_evaluation_that_was_taken_back_come_too_late() -> None:
    def evaluated(number: int, t: float) -> AnyEvent:
        return evaluation(number, 1.0, t=t)

    state = reduce([started(), evaluated(20, 1.0), letters(20, 1.1), evaluated(40, 2.0)])
    state.apply(resumed(20, 3.0, rollback=True))
    state.apply(letters(40, 3.1))  # counted while the run went back
    assert [one.step for one in state.letters.events] == [20]
    state.apply_all([evaluated(40, 4.0), letters(40, 4.1)])
    assert [(one.step, one.t) for one in state.letters.events] == [(20, 1.1), (40, 4.1)]


def test_settings_that_a_resume_changed_hold_from_then_on() -> None:
    state = reduce(
        [
            started(config={"target_loss": 1.5, "nickname": "Nag"}),
            resumed(1, 5.0, changes={"target_loss": 1.2}),
            resumed(2, 9.0, changes={"target_loss": 1.1}),
        ]
    )
    assert [state.at(t).settings["target_loss"] for t in (4.0, 5.0, 9.0)] == [1.5, 1.2, 1.1]
    assert state.at().settings["nickname"] == "Nag"
