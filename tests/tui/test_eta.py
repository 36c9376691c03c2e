"""The estimate: a range that holds what comes, and nothing while it would be a guess."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, Checkpoint, Eval, Sample, Step
from babytrain.runs.state import Moment
from babytrain.tui.eta import estimate_eta, upcoming
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
    events: list[AnyEvent] = [started(total, config=settings)]
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
        if step % settings["sample_every"] == 0:
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


def moment(events: list[AnyEvent]) -> Moment:
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
    eta = estimate_eta(moment(events))
    assert eta is not None
    assert eta.low - 1e-6 <= left <= eta.high + 1e-6


def test_evaluations_to_come_count() -> None:
    cheap, _ = run(100, 1000, eval_seconds=0.1)
    dear, _ = run(100, 1000, eval_seconds=10.0)
    low, high = estimate_eta(moment(cheap)), estimate_eta(moment(dear))
    assert low is not None
    assert high is not None
    assert high.low - low.low > 150  # 18 evaluations of 10 seconds


def test_no_guess_before_there_is_anything_to_go_by() -> None:
    assert estimate_eta(moment([started()])) is None
    few, _ = run(5, 1000)
    assert estimate_eta(moment(few)) is None
    fast, _ = run(30, 1000, step_seconds=0.001)
    assert estimate_eta(moment(fast)) is None


def test_no_guess_while_something_dear_was_never_timed() -> None:
    # A validation split of a thousand steps' worth of tokens, and no evaluation seen yet.
    events, _ = run(40, 200)
    first = events[0]
    facts = replace_corpus(first, val_tokens=1000 * TOKENS_PER_STEP)
    assert estimate_eta(moment([facts, *events[1:]])) is None
    seen, _ = run(60, 200)
    assert estimate_eta(moment([facts, *seen[1:]])) is not None


def replace_corpus(event: AnyEvent, **changes: Any) -> AnyEvent:
    return msgspec.structs.replace(event, corpus=msgspec.structs.replace(event.corpus, **changes))  # type: ignore[union-attr]


def test_steps_of_varying_speed_widen_the_range() -> None:
    steady, _ = run(200, 1000)
    jumpy = [
        replace_step(event, seconds=0.1 if event.step // 25 % 2 else 0.2) if isinstance(event, Step) else event
        for event in steady
    ]
    narrow, wide = estimate_eta(moment(steady)), estimate_eta(moment(jumpy))
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def replace_step(event: Step, seconds: float) -> Step:
    return msgspec.structs.replace(event, step_seconds=seconds)


def test_a_run_by_the_clock_ends_by_the_clock() -> None:
    events, _ = run(100, 100_000, minutes=1.0)
    eta = estimate_eta(moment(events))
    assert eta is not None
    assert eta.high <= 60.0


def test_nothing_is_left_of_a_run_that_is_over() -> None:
    events, _ = run(100, 100)
    assert estimate_eta(moment([*events, ending(events)])) is None


def test_nonsense_in_a_recorded_config_is_no_crash() -> None:
    events, _ = run(100, 1000)
    broken = CONFIG | {"eval_every": "often", "sample_every": None, "checkpoint_every": math.nan, "minutes": "x"}
    estimate_eta(moment([started(1000, config=broken), *events[1:]]))


@given(every=st.integers(0, 50), step=st.integers(0, 200), more=st.integers(0, 200), at_end=st.booleans())
def test_upcoming_counts_what_is_due(every: int, step: int, more: int, at_end: bool) -> None:
    total = step + more
    due = {late for late in range(step + 1, total + 1) if every and late % every == 0}
    if at_end and more:
        due.add(total)
    assert upcoming(every, step, total, at_end=at_end) == len(due)
