"""The feed of a live run: what is too long to be kept step by step takes no more memory for it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, Command, Phase, SamplePiece, Step
from babytrain.runs.state.live_feed import MAX_ROW_WAIT_SECONDS, LiveFeed
from babytrain.runs.state.thinning import MAX_STEP_LINES
from tests.runs.builders import checkpoint, resumed, started


def step(number: int, seconds: float = 0.001, loss: float | None = None) -> Step:
    return Step(
        t=number * seconds,
        step=number,
        loss=float(number) if loss is None else loss,
        learning_rate=1e-3,
        gradient_norm=1.0,
        tokens=10 * number,
        step_seconds=seconds,
    )


def fed(total_steps: int, steps: Iterable[Step] = ()) -> LiveFeed:
    feed = LiveFeed()
    feed.publish(started(total_steps=total_steps))
    for event in steps:
        feed.publish_step(event)
    return feed


def test_the_memory_of_a_run_is_taken_before_it_trains() -> None:
    feed = fed(50_000)
    table = feed.steps.loss
    for number in range(1, 50_001):
        feed.publish_step(step(number))
    assert feed.steps.count == 50_000
    assert feed.steps.loss is table


def test_a_plan_beyond_all_measure_takes_no_more_than_the_longest_record() -> None:
    assert fed(10**9).steps.capacity < 2 * MAX_STEP_LINES


def test_a_plan_that_creeps_up_does_not_take_its_memory_again_each_time() -> None:
    feed = fed(20_000)
    tables = set()
    for total in range(20_100, 22_000, 100):
        feed.publish(
            Command(t=0.0, step=0, command_id=0, action="total_steps", status="applied", dials={"total_steps": total})
        )
        tables.add(feed.steps.capacity)
    assert len(tables) == 1


@settings(max_examples=30)
@given(st.integers(1, 3000), st.integers(1, 2999))
def test_many_steps_to_a_row_lose_neither_a_step_nor_an_extreme(count: int, spike: int) -> None:
    steps = [step(number, loss=99.0 if number == spike else 1.0) for number in range(1, count + 1)]
    feed = fed(5 * MAX_STEP_LINES, steps)
    feed.publish(Phase(t=9.0, step=count, phase="paused"))
    rows = feed.steps.count
    assert rows == math.ceil(count / 5)
    assert feed.steps.step[rows - 1] == count
    assert feed.steps.tokens[rows - 1] == 10 * count
    assert math.isclose(feed.steps.step_seconds[:rows].sum(), 0.001 * count)
    assert feed.steps.loss_max[:rows].max() == (99.0 if spike <= count else 1.0)


def test_what_happens_stands_after_the_steps_before_it_and_a_letter_of_a_sample_ends_no_row() -> None:
    feed = fed(5 * MAX_STEP_LINES, [step(1), step(2)])
    piece: AnyEvent = SamplePiece(t=0.002, step=2, sample_id=1, prompt="", text="a")
    feed.publish(piece)
    assert feed.steps.count == 0
    feed.publish(Phase(t=0.002, step=2, phase="evaluating"))
    assert feed.steps.step[: feed.steps.count].tolist() == [2]


def test_slow_steps_show_although_their_row_is_not_complete() -> None:
    feed = LiveFeed()
    feed.publish(started(total_steps=10**9))
    for number in range(1, 11):
        feed.publish_step(step(number, seconds=MAX_ROW_WAIT_SECONDS))
    assert feed.steps.count == 10


def test_going_back_drops_the_steps_that_still_wait_for_their_row() -> None:
    feed = fed(2 * MAX_STEP_LINES, [step(1), step(2), step(3), step(4)])
    feed.publish(checkpoint(4, t=0.004))
    for number in (5, 6, 7):
        feed.publish_step(step(number))
    feed.publish(resumed(4, t=0.008, total_steps=2 * MAX_STEP_LINES, rollback=True))
    for number in (5, 6, 7, 8):
        feed.publish_step(step(number))
    assert feed.steps.step[: feed.steps.count].tolist() == [2, 4, 6, 8]


def test_a_request_that_was_answered_is_no_longer_remembered_as_given_up() -> None:
    feed = LiveFeed()
    first, second, third = (feed.ask("sample") for _ in range(3))
    for request in (second, third):
        feed.cancel(request)
    for answered, left in ((first, {2, 3}), (second, {3}), (third, set())):
        feed.publish(Command(t=0.0, step=0, command_id=answered.command_id, action="sample", status="applied"))
        assert feed.cancelled == left
