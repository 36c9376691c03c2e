"""Quiet hours to come: known from the settings, so an estimate counts them; those of a person's pause are not."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, Command, Phase, PolicyEvent, Resumed, Step
from babytrain.runs.forecast.eta import estimate_eta, estimate_work
from babytrain.runs.forecast.final_loss_forecast import forecast_run
from babytrain.runs.forecast.quiet_hours import QuietPlan, quiet_plan, with_quiet_hours
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.time_of_day import parse_windows
from tests.tui.scripted import CONFIG, TOKENS_PER_STEP, started, state_from

HOUR, DAY = 3600.0, 86_400.0
MIDNIGHT = 1_769_817_600.0  # of 31 January 2026, in UTC
NIGHT = QuietPlan(parse_windows("23:00-07:00"))
STEP_SECONDS = 36.0  # a hundred an hour


@pytest.fixture(autouse=True)
def in_greenwich(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("hours_of_work", "from_hour", "plan", "hours"),
    [
        (2, 12, NIGHT, 2),
        (2, 22, NIGHT, 10),  # one before, eight of rest, one after
        (1, 22, NIGHT, 1),  # just in time
        (1, 2, NIGHT, 6),  # five more of rest
        (40, 12, NIGHT, 40 + 2 * 8),
        (2, 22, QuietPlan(NIGHT.windows, 0.25), 1 + 4),
        (4, 22, QuietPlan(NIGHT.windows, 0.25), 1 + 8 + 1),
        (2, 2, QuietPlan(NIGHT.windows, 0.0, overridden=True), 2),
        (30, 2, QuietPlan(NIGHT.windows, 0.0, overridden=True), 38),  # this night is overruled and not the next
        (2, 12, QuietPlan(parse_windows("13:00-14:00,14:00-15:00")), 4),
        (2, 12, QuietPlan(), 2),
        (2, 12, QuietPlan(parse_windows("08:00-08:00")), float("inf")),
        (6, 12, QuietPlan(parse_windows("08:00-08:00"), 0.5), 12),
    ],
)
def test_work_takes_as_long_as_the_quiet_hours_let_it(
    hours_of_work: float, from_hour: float, plan: QuietPlan, hours: float
) -> None:
    taken = with_quiet_hours(hours_of_work * HOUR, MIDNIGHT + from_hour * HOUR, plan)
    assert taken / HOUR == pytest.approx(hours, abs=0.001)


@given(
    work=st.floats(0.0, 10 * DAY),
    more=st.floats(0.0, DAY),
    start=st.floats(0.0, 1e11),
    duty_cycle=st.floats(0.0, 0.99),
    hours=st.sampled_from(["23:00-07:00", "06:00-07:00, 12:30-14:00", "00:00-24:00", "22:00-02:00,01:00-05:00"]),
)
def test_more_work_never_takes_less_and_quiet_hours_never_speed_up(
    work: float, more: float, start: float, duty_cycle: float, hours: str
) -> None:
    plan = QuietPlan(parse_windows(hours), duty_cycle)
    taken = with_quiet_hours(work, start, plan)
    assert taken >= work - 1e-6
    assert with_quiet_hours(work + more, start, plan) >= taken - 1e-6


def at_hour(hour: float, extra: list[AnyEvent] | None = None, *, total: int = 500, **config: Any) -> RunSnapshot:
    """A run of a hundred steps an hour that has made a hundred of them by that hour of the day."""
    quiet = CONFIG | {"corpus": "book", "eval_every": 0, "sample_every": 0, "checkpoint_every": 0} | config
    first = started(total, config=quiet, wall_time=MIDNIGHT + (hour - 1) * HOUR)
    corpus = msgspec.structs.replace(first.corpus, val_tokens=0)  # the evaluation at the end costs nothing
    events: list[AnyEvent] = [msgspec.structs.replace(first, corpus=corpus)]
    for step in range(1, 101):
        row = Step(
            t=STEP_SECONDS * step,
            step=step,
            loss=1.0,
            learning_rate=1e-3,
            gradient_norm=1.0,
            tokens=step * TOKENS_PER_STEP,
            step_seconds=STEP_SECONDS,
        )
        events.append(row)
    return state_from([*events, *(extra or [])]).at()


def holds(eta: ValueRange | None, hours: float) -> bool:
    assert eta is not None
    return eta.low <= hours * HOUR <= eta.high and eta.high - eta.low < 0.25 * hours * HOUR


def turned(text: str, t: float = HOUR, **more: Any) -> Command:
    kind: dict[str, Any] = {"action": "set", "dial": "quiet_hours", "text": text} | more
    return Command(t=t, step=100, command_id=1, status="applied", **kind)


@pytest.mark.parametrize(
    ("config", "extra", "hours"),
    [
        ({}, [], 4),
        ({"quiet_hours": "23:00-07:00"}, [], 4 + 8),
        ({"quiet_hours": "23:00-07:00", "quiet_duty": 0.5}, [], 1 + 6),
        ({"quiet_hours": "nonsense"}, [], 4),
        ({"quiet_hours": 7, "quiet_duty": "much"}, [], 4),
        ({}, [turned("23:00-02:00")], 4 + 3),
        ({"quiet_hours": "23:00-07:00"}, [turned("off")], 4),
        ({"quiet_hours": "23:00-07:00"}, [turned("off"), turned("", action="undo")], 4 + 8),
        (
            {"quiet_hours": "23:00-07:00"},
            [
                Resumed(
                    t=HOUR,
                    step=100,
                    wall_time=MIDNIGHT + 22 * HOUR,
                    checkpoint="c",
                    total_steps=500,
                    changes={"quiet_hours": "23:00-00:00"},
                )
            ],
            4 + 1,
        ),
    ],
)
def test_the_estimate_counts_the_quiet_hours_ahead(config: dict[str, Any], extra: list[AnyEvent], hours: float) -> None:
    assert holds(estimate_eta(at_hour(22, extra, **config)), hours)


def test_of_a_rest_in_quiet_hours_the_end_is_known_and_of_a_pause_it_is_not() -> None:
    rest = PolicyEvent(
        t=HOUR, step=100, cause="quiet hours", action="paused", text="Quiet hours until 07:00.", duty_cycle=0.0
    )
    resting = at_hour(4, [rest, Phase(t=HOUR, step=100, phase="policy_pause")], quiet_hours="23:00-07:00")
    forecast = forecast_run(resting)
    assert holds(forecast.end, 3 + 4)
    assert not forecast.paused
    overruled = PolicyEvent(t=HOUR, step=100, cause="quiet hours", action="overridden", text="Overruled by hand.")
    assert holds(estimate_eta(at_hour(4, [rest, overruled], quiet_hours="23:00-07:00")), 4)
    flat = PolicyEvent(t=HOUR, step=100, cause="battery", action="paused", text="On battery.", duty_cycle=0.0)
    for cause in (flat, None):
        phase = Phase(t=HOUR, step=100, phase="paused" if cause is None else "policy_pause")
        held = at_hour(12, [*([cause] if cause else []), phase], quiet_hours="23:00-07:00")
        assert forecast_run(held).paused


def test_breaks_between_steps_that_were_taken_in_quiet_hours_are_no_part_of_the_speed_outside() -> None:
    """All steps so far were made at half the time: without the breaks a step takes 18 seconds."""
    slowed = PolicyEvent(t=0.0, step=0, cause="quiet hours", action="slowed", text="Half of the time.", duty_cycle=0.5)
    snapshot = at_hour(7, quiet_hours="23:00-08:00", quiet_duty=0.5)
    snapshot.state.policy_events.append(slowed)
    assert holds(estimate_eta(snapshot), 1 + 1.5)


def test_what_held_when_a_session_was_killed_says_nothing_of_the_speed_of_the_next() -> None:
    slowed = PolicyEvent(
        t=0.0, step=0, cause="quiet hours", action="slowed", text="A quarter of the time.", duty_cycle=0.25
    )
    again = Resumed(t=1.0, step=0, wall_time=MIDNIGHT + 11 * HOUR, checkpoint="c", total_steps=500)
    snapshot = at_hour(12, quiet_hours="23:00-08:00", quiet_duty=0.25)
    snapshot.state.policy_events.append(slowed)
    snapshot.state.resumes.append(again)
    assert holds(estimate_eta(snapshot), 4)


def test_a_night_that_was_overruled_before_a_resume_counts_again() -> None:
    overruled = PolicyEvent(t=1.0, step=0, cause="quiet hours", action="overridden", text="Overruled by hand.")
    again = Resumed(t=2.0, step=0, wall_time=MIDNIGHT + 3 * HOUR, checkpoint="c", total_steps=500)
    snapshot = at_hour(4, quiet_hours="23:00-07:00")
    snapshot.state.policy_events.append(overruled)
    snapshot.state.resumes.append(again)
    assert holds(estimate_eta(snapshot), 3 + 4)


def test_a_run_by_the_clock_is_given_its_time_besides_whole_rests() -> None:
    late = {"minutes": 180.0, "eval_every": 50, "quiet_hours": "23:00-07:00"}
    assert holds(estimate_eta(at_hour(22, total=10_000, **late)), 2 + 8)
    assert holds(estimate_eta(at_hour(22, total=10_000, **late, quiet_duty=0.5)), 2)


def test_a_run_that_may_never_work_has_no_end() -> None:
    snapshot = at_hour(12, quiet_hours="00:00-24:00")
    assert quiet_plan(snapshot).windows
    assert forecast_run(snapshot).end is None


def test_what_is_still_to_be_drawn_holds_no_rests() -> None:
    snapshot = at_hour(22, quiet_hours="23:00-07:00")
    assert holds(estimate_work(snapshot), 4)
