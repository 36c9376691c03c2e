"""The estimate: a range that holds what comes, from the first step on, and the reason where it is wide."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import (
    AnyEvent,
    Checkpoint,
    Command,
    Eval,
    FinalEvaluation,
    Phase,
    PhaseName,
    Resumed,
    Sample,
    Step,
)
from babytrain.runs.forecast.eta import estimate_eta, why_no_eta
from babytrain.runs.forecast.scheduled_costs import count_due
from babytrain.runs.forecast.step_cost import step_cost
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.run_state import RunSnapshot
from tests.tui.scripted import CONFIG, TOKENS_PER_STEP, ending, started, state_from


def run(
    steps: int,
    total: int,
    *,
    step_seconds: float = 0.1,
    eval_seconds: float = 0.5,
    sample_seconds: float = 0.3,
    checkpoint_seconds: float = 0.2,
    **config: Any,
) -> tuple[list[AnyEvent], float]:
    """A run of constant costs up to `steps`, and how long the rest of it takes."""
    settings = CONFIG | {"eval_every": 50, "sample_every": 40, "checkpoint_every": 30} | config
    events: list[AnyEvent] = [replace_corpus(started(total, config=settings), name="a book")]  # no exam at its end
    t = 0.0
    at_stop = 0.0
    for step in range(1, total + 1):
        t += step_seconds
        shown = step <= steps
        if shown:
            events.append(
                Step(
                    t=t,
                    step=step,
                    loss=1.0,
                    learning_rate=1e-3,
                    gradient_norm=1.0,
                    tokens=step * TOKENS_PER_STEP,
                    step_seconds=step_seconds,
                )
            )
        last = step == total
        if step % settings["eval_every"] == 0 or last:
            t += eval_seconds
            if shown:
                events.append(Eval(t=t, step=step, val_loss=1.0, train_loss=1.0, seconds=eval_seconds))
        if settings["sample_every"] and (step % settings["sample_every"] == 0 or last):
            t += sample_seconds
            if shown:
                events.append(
                    Sample(
                        t=t,
                        step=step,
                        sample_id=step,
                        prompt="",
                        text="x",
                        seed=1,
                        temperature=1.0,
                        seconds=sample_seconds,
                    )
                )
        if step % settings["checkpoint_every"] == 0 or last:
            t += checkpoint_seconds
            if shown:
                events.append(Checkpoint(t=t, step=step, directory="c", reason="cadence", seconds=checkpoint_seconds))
        if step == steps:
            at_stop = t
    return events, t - at_stop


def snapshot(events: list[AnyEvent]) -> RunSnapshot:
    return state_from(events).at()


@settings(max_examples=40, deadline=None)
@given(
    steps=st.integers(60, 400),
    more=st.integers(1, 400),
    step_seconds=st.floats(0.05, 2.0),
    eval_seconds=st.floats(0.0, 5.0),
    sample_seconds=st.floats(0.0, 5.0),
    checkpoint_seconds=st.floats(0.0, 1.0),
)
def test_the_range_holds_what_really_comes(steps: int, more: int, **costs: float) -> None:
    events, left = run(steps, steps + more, **costs)
    eta = estimate_eta(snapshot(events))
    assert eta is not None
    assert eta.low - 1e-6 <= left <= eta.high + 1e-6


def test_evaluations_to_come_count() -> None:
    cheap, _ = run(100, 1000, eval_seconds=0.1)
    dear, _ = run(100, 1000, eval_seconds=10.0)
    low, high = estimate_eta(snapshot(cheap)), estimate_eta(snapshot(dear))
    assert low is not None
    assert high is not None
    assert high.low - low.low > 150  # 18 evaluations of 10 seconds


def test_steps_that_were_given_up_do_not_slow_down_the_others() -> None:
    def cost(given_up: int) -> ValueRange | None:
        events, t = [started(2000)], 0.0
        for step in [*range(1, 901), *range(901 - given_up, 1001)]:
            if given_up and events[-1].step == 900 and step != 901:
                events.append(
                    Resumed(t=t, step=step - 1, wall_time=1.0, checkpoint="c", total_steps=2000, rollback=True)
                )
            t += 0.05
            events.append(
                Step(
                    t=t,
                    step=step,
                    loss=1.0,
                    learning_rate=1e-3,
                    gradient_norm=1.0,
                    tokens=step * TOKENS_PER_STEP,
                    step_seconds=0.05,
                )
            )
        return step_cost(snapshot(events))

    straight, back = cost(0), cost(90)
    assert straight is not None
    assert back is not None
    assert math.isclose(back.low, straight.low, rel_tol=1e-6)
    assert math.isclose(back.high, straight.high, rel_tol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 5, 12, 30])
def test_from_the_first_step_on_there_is_a_range_that_says_why_it_is_wide(steps: int) -> None:
    assert estimate_eta(snapshot([started()])) is None
    assert why_no_eta(snapshot([started()])) == "known after the first step"
    events = at_speeds(lambda step: 0.5 if step == 1 else 0.02, steps)
    eta = estimate_eta(snapshot(events))
    assert eta is not None
    assert eta.low < 0.02 * (1000 - steps) < eta.high
    assert eta.reason == ("few steps were timed yet" if steps <= 5 else "")


@given(
    seconds=st.lists(st.floats(0.0, 1e5) | st.just(math.nan), min_size=1, max_size=8),
    total=st.integers(1, 5000),
    minutes=st.sampled_from([0.0, 1.0]),
    phases=st.lists(st.sampled_from(["training", "paused", "policy_pause", "stopping", "saving"]), max_size=3),
)
def test_while_a_run_lasts_there_is_an_estimate_whatever_its_steps_took(
    seconds: list[float], total: int, minutes: float, phases: list[PhaseName]
) -> None:
    events = at_speeds(lambda step: seconds[step % len(seconds)], min(total, 60), total, minutes=minutes)
    events += [Phase(t=events[-1].t, step=events[-1].step, phase=phase) for phase in phases]
    seen = snapshot(events)
    eta = estimate_eta(seen)
    if not all(map(math.isfinite, seen.column("t"))):
        assert eta is not None or why_no_eta(seen)
        return
    assert eta is not None
    assert 0.0 <= eta.low <= eta.high < math.inf
    assert bool(eta.reason) == (eta.high > max(2.0 * eta.low, eta.low + 1.0)) or "stopping" in phases


def test_one_step_of_a_hundred_times_the_usual_length_is_no_part_of_the_low_end() -> None:
    eta = estimate_eta(snapshot(at_speeds(lambda step: 1.0 if step == 250 else 0.01)))
    assert eta is not None
    assert 0.9 * 7.0 < eta.low < 7.0  # if it never comes again
    assert 14.0 < eta.high < 25.0  # if it comes once or twice in a hundred steps, as it did
    assert eta.reason == "its steps take unequal times"


def test_something_dear_that_was_never_timed_widens_the_range_and_is_named() -> None:
    # A validation split of a thousand steps' worth of tokens, and no evaluation seen yet.
    events, _ = run(40, 200)
    first = events[0]
    facts = replace_corpus(first, val_tokens=1000 * TOKENS_PER_STEP)
    eta = estimate_eta(snapshot([facts, *events[1:]]))
    assert eta is not None
    assert eta.reason == "evaluations, samples and saving take an unknown time"
    seen, _ = run(60, 200)
    eta = estimate_eta(snapshot([facts, *seen[1:]]))
    assert eta is not None
    assert eta.reason == ""


def test_a_single_evaluation_that_took_far_longer_than_the_others_is_not_expected_again() -> None:
    events, left = run(400, 1000, eval_seconds=0.5)
    slow = next(index for index, event in enumerate(events) if isinstance(event, Eval) and event.step == 300)
    stretched = msgspec.structs.replace(events[slow], seconds=30.0)
    eta = estimate_eta(snapshot([*events[:slow], stretched, *events[slow + 1 :]]))
    assert eta is not None
    assert eta.low <= left <= eta.high < 1.5 * left


def test_a_run_that_is_being_stopped_ends_without_its_steps() -> None:
    events, _ = run(100, 1000, eval_seconds=2.0)
    t = events[-1].t
    stopping = [*events, Phase(t=t, step=100, phase="stopping"), Phase(t=t, step=100, phase="saving")]
    eta = estimate_eta(snapshot(stopping))
    assert eta is not None
    assert eta.low == 0.0
    assert eta.high < 4.0
    again = Resumed(t=t + 1.0, step=100, wall_time=1.0, checkpoint="c", total_steps=1000)
    eta = estimate_eta(snapshot([*stopping, again]))
    assert eta is not None
    assert eta.low > 60.0


def replace_corpus(event: AnyEvent, **changes: Any) -> AnyEvent:
    return msgspec.structs.replace(event, corpus=msgspec.structs.replace(event.corpus, **changes))  # type: ignore[union-attr]


def test_steps_of_varying_speed_widen_the_range() -> None:
    narrow = estimate_eta(snapshot(run(200, 1000)[0]))
    wide = estimate_eta(snapshot(at_speeds(lambda step: 0.1 if step // 25 % 2 else 0.2)))
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def at_speeds(seconds_of: Callable[[int], float], steps: int = 300, total: int = 1000, **config: Any) -> list[AnyEvent]:
    """A run of steps alone, each with its own seconds; the evaluation at the end costs nothing."""
    quiet = CONFIG | {"eval_every": 0, "sample_every": 0, "checkpoint_every": 0} | config
    events: list[AnyEvent] = [replace_corpus(started(total, config=quiet), val_tokens=0)]
    t = 0.0
    for step in range(1, steps + 1):
        seconds = seconds_of(step)
        t += seconds
        events.append(training_step(step, t, seconds))
    return events


def training_step(step: int, t: float, step_seconds: float) -> Step:
    return Step(
        t=t,
        step=step,
        loss=1.0,
        learning_rate=1e-3,
        gradient_norm=1.0,
        tokens=step * TOKENS_PER_STEP,
        step_seconds=step_seconds,
    )


def test_a_machine_that_slows_down_is_followed() -> None:
    eta = estimate_eta(snapshot(at_speeds(lambda step: 0.1 if step <= 150 else 0.15)))
    assert eta is not None
    assert eta.low < 700 * 0.15 < eta.high
    assert 0.5 * (eta.low + eta.high) > 700 * 0.13


def test_steps_handed_over_to_a_gpu_count_by_the_clock() -> None:
    # The recorded seconds are those of handing over; the step itself takes a hundred times as long.
    events = [
        msgspec.structs.replace(event, step_seconds=0.001) if isinstance(event, Step) else event
        for event in at_speeds(lambda _: 0.1)
    ]
    eta = estimate_eta(snapshot(events))
    assert eta is not None
    assert eta.low < 70.0 < eta.high


def test_a_pause_is_no_part_of_the_speed() -> None:
    events = at_speeds(lambda _: 0.1)
    t = events[-1].t
    events += [Phase(t=t, step=300, phase="paused"), Phase(t=t + 1000.0, step=300, phase="training")]
    events += [training_step(300 + more, t + 1000.0 + 0.1 * more, 0.1) for more in range(1, 101)]
    eta = estimate_eta(snapshot(events))
    assert eta is not None
    assert eta.low < 60.0 < eta.high < 70.0


def test_a_night_asleep_is_no_part_of_the_speed() -> None:
    events = at_speeds(lambda step: 30_000.0 if step == 250 else 0.1)
    eta = estimate_eta(snapshot(events))
    assert eta is not None
    assert eta.low < 70.0 < eta.high


def test_another_batch_size_is_another_speed() -> None:
    events = at_speeds(lambda step: 0.1 if step <= 260 else 0.2)
    assert isinstance(events[260], Step)
    larger = Command(
        t=events[260].t, step=260, command_id=1, action="set", status="applied", dial="batch_size", value=24.0
    )
    eta = estimate_eta(snapshot([*events[:261], larger, *events[261:]]))
    assert eta is not None
    assert eta.low < 140.0 < eta.high < 150.0


def test_a_session_on_another_machine_is_another_speed() -> None:
    events = at_speeds(lambda step: 0.1 if step <= 260 else 0.2)
    again = Resumed(t=events[260].t + 0.1, step=260, wall_time=1.0, checkpoint="c", total_steps=1000)
    eta = estimate_eta(snapshot([*events[:261], again, *events[261:]]))
    assert eta is not None
    assert eta.low < 140.0 < eta.high < 150.0
    just_begun = estimate_eta(snapshot([*events[:261], again, *events[261:265]]))
    assert just_begun is not None
    assert just_begun.low < 736 * 0.1 < just_begun.high


def test_another_dial_taken_back_changes_no_speed() -> None:
    events = at_speeds(lambda _: 0.1)
    undone = Command(
        t=events[-1].t, step=300, command_id=1, action="undo", status="applied", dial="dropout", before=0.1, after=0.0
    )
    assert estimate_eta(snapshot([*events, undone])) == estimate_eta(snapshot(events))


def test_what_is_due_where_the_run_stands_counts_until_it_is_done() -> None:
    """The moment after step 300, its evaluation of ten seconds still to come, half of it over, and behind it."""
    events, left = run(300, 340, eval_seconds=10.0, sample_every=0, checkpoint_every=1000)
    assert isinstance(events[-1], Eval)
    step_done = events[-2]
    due = estimate_eta(snapshot(events[:-1]))
    begun = Phase(t=step_done.t, step=300, phase="evaluating")
    halfway = estimate_eta(state_from([*events[:-1], begun]).at(step_done.t + 5.0))
    over = estimate_eta(snapshot(events))
    for eta, seconds in ((due, left + 10.0), (halfway, left + 5.0), (over, left)):
        assert eta is not None
        assert eta.low - 1e-6 <= seconds <= eta.high + 1e-6
        assert eta.high - eta.low < 2.0


def test_a_text_for_each_prompt_counts() -> None:
    one, _ = run(100, 1000, sample_seconds=3.0)
    several, _ = run(100, 1000, sample_seconds=3.0, extra_prompts="the frog|the moon")
    short, long = estimate_eta(snapshot(one)), estimate_eta(snapshot(several))
    assert short is not None
    assert long is not None
    assert math.isclose(long.low - short.low, 2 * 3.0 * 23)  # two more at each of the steps 120, 160, ... 1,000


def test_the_final_exam_of_a_model_of_haiku_counts() -> None:
    events, _ = run(100, 1000, sample_seconds=0.3, sample_tokens=200)
    book, haiku = snapshot(events), snapshot([replace_corpus(events[0], name="haiku"), *events[1:]])
    without, with_exam = estimate_eta(book), estimate_eta(haiku)
    assert without is not None
    assert with_exam is not None
    samples_worth = 100 * 66 / 200 * 0.3
    assert 0.2 * samples_worth < with_exam.low - without.low < 0.5 * samples_worth < with_exam.high - without.high


def test_a_run_taken_further_after_its_end_has_its_final_exam_again() -> None:
    events, _ = run(100, 1000, sample_seconds=0.3, sample_tokens=200)
    events[0] = replace_corpus(events[0], name="haiku")
    t = events[-1].t
    exam = FinalEvaluation(
        t=t, step=60, poems=100, valid=0, new=0, unseen_pairs=0, temperature=0.7, seed=1, seconds=3.0
    )
    assert estimate_eta(snapshot([*events, exam])) == estimate_eta(snapshot(events))


def test_texts_that_somebody_asked_for_say_nothing_of_the_ones_that_are_due() -> None:
    events, _ = run(100, 1000, sample_seconds=0.3)
    long_one = Sample(
        t=events[-1].t + 60.0,
        step=100,
        sample_id=9,
        prompt="",
        text="x",
        seed=1,
        temperature=1.0,
        seconds=60.0,
        requested=True,
    )
    eta, before = estimate_eta(snapshot([*events, long_one])), estimate_eta(snapshot(events))
    assert eta is not None
    assert before is not None
    assert eta.high == before.high


def test_the_way_to_an_earlier_step_is_shorter() -> None:
    events, _ = run(200, 1000)
    part, whole = estimate_eta(snapshot(events), until=600), estimate_eta(snapshot(events))
    assert part is not None
    assert whole is not None
    assert part.high < whole.low


def test_a_changed_plan_changes_the_estimate() -> None:
    events = at_speeds(lambda _: 0.1)
    longer = Command(
        t=events[-1].t, step=300, command_id=1, action="total_steps", status="applied", value=2000, after=2000.0
    )
    eta = estimate_eta(snapshot([*events, longer]))
    assert eta is not None
    assert eta.low < 170.0 < eta.high


def test_a_run_by_the_clock_ends_by_the_clock() -> None:
    events, _ = run(100, 100_000, minutes=1.0)
    eta = estimate_eta(snapshot(events))
    assert eta is not None
    assert eta.high <= 60.0


def test_nothing_is_left_of_a_run_that_is_over() -> None:
    events, _ = run(100, 100)
    assert estimate_eta(snapshot([*events, ending(events)])) is None


def test_nonsense_in_a_recorded_config_is_no_crash() -> None:
    events, _ = run(100, 1000)
    broken = CONFIG | {"eval_every": "often", "sample_every": None, "checkpoint_every": math.nan, "minutes": "x"}
    estimate = estimate_eta(snapshot([started(1000, config=broken), *events[1:]]))
    assert estimate is not None
    assert 0.0 < estimate.low <= estimate.high < math.inf


@given(every=st.integers(0, 50), step=st.integers(0, 200), more=st.integers(0, 200), at_end=st.booleans())
def test_upcoming_counts_what_is_due(every: int, step: int, more: int, at_end: bool) -> None:
    total = step + more
    due = {late for late in range(step + 1, total + 1) if every and late % every == 0}
    if at_end and more:
        due.add(total)
    assert count_due(every, step, total, at_end=at_end) == len(due)
