"""The forecast: ranges in order and within what is possible, silence with a reason, and never an exception."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.config.settings import MACHINE_SETTINGS
from babytrain.runs.dials.spec import SETTABLE
from babytrain.runs.events import Baselines, Command, Phase, Plan, Verdict
from babytrain.runs.forecast.final_loss_forecast import Forecast, forecast_run, probability_text
from babytrain.runs.state.run_state import RunSnapshot, RunState
from tests.runs.builders import FACTS, any_positions, ended, evaluation, plans, started, step

CONFIG = {
    "schedule": "linear",
    "lr": 0.01,
    "warmup": 10,
    "wsd_decay_fraction": 0.2,
    "min_lr_ratio": 0.0,
    "eval_every": 25,
    "sample_every": 0,
    "checkpoint_every": 0,
}


def falling(number: float) -> float:
    return 1.0 + 2.5 * math.pow(1 + number / 10, -0.6) + 0.02 * math.sin(17.0 * number)


def run(
    steps: int,
    total: int = 1000,
    *,
    loss: Callable[[int], float] = falling,
    scale: float = 1.0,
    since: int = 0,
    **config: Any,
) -> RunState:
    """A run up to `steps`, with the learning rate that its schedule asks for, times `scale` after step `since`."""
    state = RunState()
    state.apply(started(config=CONFIG | config, total_steps=total))
    for number in range(1, steps + 1):
        rate = 0.01 * min(number / 11, (total - number + 1) / (total - 10)) * (scale if number > since else 1.0)
        state.apply(step(number, loss=loss(number), learning_rate=rate))
        if number % 25 == 0:
            state.apply(evaluation(number, loss(number) + 0.05))
    return state


def assert_sane(forecast: Forecast, snapshot: RunSnapshot) -> None:
    """What holds of any forecast of anything."""
    assert (forecast.end is None) == bool(forecast.end_reason)
    assert (forecast.final_loss is None) == bool(forecast.final_loss_reason)
    assert (forecast.target is None) == bool(forecast.target_reason)
    if forecast.end is not None:
        assert 0.0 <= forecast.end.low <= forecast.end.high < math.inf
    if forecast.final_loss is not None:
        final = forecast.final_loss
        highest = max(event.val_loss for event in snapshot.evals if math.isfinite(event.val_loss))
        floor = snapshot.started.corpus.floor_nats_per_token if snapshot.started else None
        assert max(0.0, floor or 0.0) <= final.low <= final.middle <= final.high <= highest
    if forecast.target is not None:
        assert 0.0 <= forecast.target.probability <= 1.0
        if forecast.target.steps is not None:
            steps = forecast.target.steps
            assert snapshot.step < steps.low <= steps.high <= snapshot.total_steps
        if forecast.target.seconds is not None:
            assert 0.0 <= forecast.target.seconds.low <= forecast.target.seconds.high < math.inf


def test_a_plain_run_is_forecast() -> None:
    snapshot = run(400).at()
    forecast = forecast_run(snapshot, target_loss=1.3)
    assert_sane(forecast, snapshot)
    assert forecast.final_loss is not None
    assert forecast.final_loss.low < falling(1000) + 0.05 < forecast.final_loss.high
    assert forecast.target is not None
    assert forecast.target.steps is not None
    assert forecast.target.seconds is not None
    first = next(number for number in range(1, 1000) if 1.05 + 2.5 * (1 + number / 10) ** -0.6 <= 1.3)
    assert forecast.target.steps.low <= first <= forecast.target.steps.high


def test_the_range_narrows_as_the_run_goes_on() -> None:
    early, late = forecast_run(run(350).at()).final_loss, forecast_run(run(900).at()).final_loss
    assert early is not None
    assert late is not None
    assert late.high - late.low < 0.5 * (early.high - early.low)


def test_the_same_moment_has_the_same_forecast() -> None:
    assert forecast_run(run(400).at(), 1.3) == forecast_run(run(400).at(), 1.3)


def test_a_learning_rate_that_will_fall_promises_more_than_one_that_will_not() -> None:
    # Nothing seen so far differs; only what is planned for the rest does.
    def ends(schedule: str) -> float:
        state = RunState()
        state.apply(
            started(config=CONFIG | {"schedule": schedule, "wsd_decay_fraction": 0.4, "warmup": 0}, total_steps=1000)
        )
        for number in range(1, 601):
            state.apply(step(number, loss=falling(number), learning_rate=0.01))
            if number % 25 == 0:
                state.apply(evaluation(number, falling(number)))
        final = forecast_run(state.at()).final_loss
        assert final is not None
        return final.middle

    assert ends("wsd") < ends("constant") - 0.03


def test_a_target_out_of_reach_is_said_to_be() -> None:
    target = forecast_run(run(500).at(), target_loss=0.5).target
    assert target is not None
    assert target.probability < 0.02
    assert target.text == "almost certainly not within the plan"
    assert target.steps is None


def test_a_target_that_was_reached_is_said_to_be() -> None:
    target = forecast_run(run(500).at(), target_loss=2.0).target
    assert target is not None
    assert target.text == "reached"
    assert target.reached_step == next(number for number in range(25, 500, 25) if falling(number) + 0.05 <= 2.0)


def test_no_loss_below_the_floor_of_the_source() -> None:
    state = run(300)
    floor = falling(1000)
    assert state.started is not None
    facts = msgspec.structs.replace(FACTS, floor_nats_per_token=floor)
    state.started = msgspec.structs.replace(state.started, corpus=facts)
    final = forecast_run(state.at()).final_loss
    assert final is not None
    assert final.low >= floor


def learning_nothing(number: int) -> float:
    """As at a rate a hundred times too high: far above the start at once, and slowly back towards it."""
    return 3.8 + 40.0 * math.exp(-number / 60)


def with_start(state: RunState, loss: float) -> RunState:
    """The same run with an evaluation before its first step."""
    fresh = RunState()
    assert state.started is not None
    fresh.apply(state.started)
    fresh.apply(evaluation(0, loss))
    fresh.steps, fresh.last_t = state.steps, state.last_t
    for event in state.evals.events:
        fresh.apply(event)
    return fresh


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (with_start(run(300, loss=learning_nothing), 3.7), "the loss is above that at the start"),
        (with_start(run(300, loss=learning_nothing), 4.1), "the loss fell below that at the start only now"),
        (
            with_start(run(300, loss=lambda number: 3.7 - number / 1e5), 3.79),
            "the loss is hardly below that at the start",
        ),
        (with_start(run(300, loss=lambda number: 3.79), 3.8), "the loss is above that at the start"),
    ],
)
def test_a_run_that_learnt_nothing_has_no_forecast_but_the_reason(state: RunState, reason: str) -> None:
    forecast = forecast_run(state.at(), 1.0)
    assert (forecast.final_loss, forecast.target) == (None, None)
    assert forecast.final_loss_reason == forecast.target_reason == reason


def test_a_loss_above_the_unigram_line_is_no_ground_for_a_forecast() -> None:
    state = run(300)
    assert forecast_run(state.at()).final_loss is not None
    state.apply(Baselines(t=1.0, step=0, uniform=3.0, unigram=1.2, bigram=1.1, trigram=1.0, fivegram=0.9))
    assert forecast_run(state.at()).final_loss_reason == "the validation loss is above the unigram line"


def test_a_diverging_run_has_no_forecast_until_it_recovers() -> None:
    state = run(300)
    verdict = Verdict(t=state.last_t, step=300, verdict="diverging", why="", next_="")
    state.apply(verdict)
    assert forecast_run(state.at()).final_loss_reason == "the run is diverging"
    state.apply(msgspec.structs.replace(verdict, verdict="learning"))
    assert forecast_run(state.at()).final_loss is not None


def test_a_failed_start_is_no_part_of_the_curve() -> None:
    def loss(number: int) -> float:
        return 25.0 if number < 120 else falling(number)

    final = forecast_run(with_start(run(600, loss=loss), 3.7).at()).final_loss
    assert final is not None
    assert final.low < falling(1000) + 0.05 < final.high


def test_a_spike_and_a_step_that_was_left_out_change_little() -> None:
    def spiked(number: int) -> float:
        return math.nan if number == 303 else 90.0 if number == 353 else falling(number)

    plain, disturbed = forecast_run(run(400).at()).final_loss, forecast_run(run(400, loss=spiked).at()).final_loss
    assert plain is not None
    assert disturbed is not None
    assert abs(plain.middle - disturbed.middle) < 0.2 * (plain.high - plain.low)


def test_a_curve_that_leads_below_the_floor_is_not_believed() -> None:
    state = run(300)
    assert state.started is not None
    facts = msgspec.structs.replace(FACTS, floor_nats_per_token=falling(300))
    state.started = msgspec.structs.replace(state.started, corpus=facts)
    assert forecast_run(state.at()).final_loss_reason == "what was seen leads to a loss that is not possible"


def turned(at: int) -> Command:
    return Command(t=at * 0.5, step=at, command_id=1, action="lr_scale", status="applied", value=0.5)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (RunState(), "not started yet"),
        (run(60), "too early to tell"),
        (run(300, loss=lambda number: 1.0 + number / 300), "the loss is not falling"),
        (run(300, loss=lambda number: math.nan if number == 290 else falling(number)), "the loss was not a number"),
        (run(300, schedule="wild"), "the plan of the learning rate is not on record"),
        (run(1000), "the last step is done"),
    ],
)
def test_silence_has_its_reason(state: RunState, reason: str) -> None:
    forecast = forecast_run(state.at(), 1.2)
    assert forecast.final_loss is None
    assert forecast.final_loss_reason == reason


def test_silence_after_a_turn_of_the_learning_rate_until_its_effect_is_seen() -> None:
    state = run(400)
    state.apply(turned(395))
    assert forecast_run(state.at()).final_loss_reason == "a dial was just turned"
    state = run(400, scale=0.5, since=300)
    state.apply(turned(300))
    assert forecast_run(state.at()).final_loss is not None


@pytest.mark.parametrize("dial", sorted({*MACHINE_SETTINGS} & {*SETTABLE}))
def test_a_dial_of_the_power_policy_changes_no_loss_and_silences_nothing(dial: str) -> None:
    state = run(400)
    before = forecast_run(state.at()).final_loss
    turn = Command(t=197.5, step=395, command_id=1, action="set", dial=dial, status="applied", value=None, text="off")
    state.apply(turn)
    assert forecast_run(state.at()).final_loss == before is not None
    state.apply(msgspec.structs.replace(turn, t=198.0, step=396, command_id=2, action="undo", text=""))
    assert forecast_run(state.at()).final_loss == before


def test_a_learning_rate_that_the_record_does_not_explain_is_no_ground_for_a_forecast() -> None:
    reason = forecast_run(run(400, scale=0.5, since=300).at()).final_loss_reason
    assert reason == "the learning rate does not follow the plan on record"


def test_few_evaluations_are_too_few() -> None:
    state = run(300)
    state.evals.drop_after_step(25)
    assert forecast_run(state.at()).final_loss_reason == "too few evaluations yet"


def test_a_run_that_is_over_is_not_forecast() -> None:
    state = run(500)
    state.apply(ended(500, "interrupted"))
    assert forecast_run(state.at(), 1.2) == Forecast(
        end_reason="the run is over", final_loss_reason="the run is over", target_reason="the run is over"
    )


def test_a_paused_run_says_so_and_keeps_its_forecast() -> None:
    state = run(400)
    before = forecast_run(state.at())
    state.apply(Phase(t=200.0, step=400, phase="paused"))
    paused = forecast_run(state.at())
    assert paused.paused
    assert not before.paused
    assert paused.final_loss == before.final_loss
    assert paused.end == before.end


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(0, 200),
    total=st.integers(0, 300),
    losses=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=6),
    rates=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=4),
    seconds=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=4),
    target=st.none() | st.floats(allow_nan=True, allow_infinity=True),
    wild=st.sampled_from([{}, {"lr": math.nan}, {"eval_every": "x"}, {"warmup": 1e18}, {"wsd_decay_fraction": -3.0}]),
    plan=st.none() | plans({"t": st.just(0.0), "step": st.just(0)}, any_positions(st.text(max_size=5))),
    moved=any_positions(st.text(max_size=5)),
)
def test_nothing_raises(
    steps: int,
    total: int,
    losses: list[float],
    rates: list[float],
    seconds: list[float],
    target: float | None,
    wild: dict[str, Any],
    plan: Plan | None,
    moved: dict[str, Any],
) -> None:
    state = RunState()
    state.apply(started(config=CONFIG | wild, total_steps=total))
    if plan is not None:
        state.apply(plan)
        state.apply(Command(t=0.0, step=0, command_id=1, action="set", status="applied", dials=moved))
    for number in range(1, steps + 1):
        facts = {
            "loss": losses[number % len(losses)],
            "learning_rate": rates[number % len(rates)],
            "step_seconds": seconds[number % len(seconds)],
        }
        state.apply(step(number, **facts))
        if number % 20 == 0:
            state.apply(evaluation(number, losses[0], seconds=seconds[0]))
    snapshot = state.at()
    assert_sane(forecast_run(snapshot, target), snapshot)


@settings(max_examples=80, deadline=None)
@given(
    blocks=st.lists(
        st.floats(0.0, 60.0) | st.sampled_from([math.nan, math.inf, -math.inf, 1e5, -3.0]), min_size=1, max_size=12
    ),
    slope=st.floats(-2.0, 2.0),
    noise=st.floats(0.0, 1.0),
    floor=st.none() | st.floats(-1.0, 5.0),
    progress=st.integers(100, 999),
    start=st.none() | st.floats(0.0, 10.0),
)
def test_whatever_the_losses_a_forecast_stays_within_what_is_possible(
    blocks: list[float], slope: float, noise: float, floor: float | None, progress: int, start: float | None
) -> None:
    draws = np.random.default_rng(0).standard_normal(1001)

    def loss(number: int) -> float:
        return float(blocks[number * len(blocks) // 1001] + slope * number / 1000 + noise * draws[number])

    state = run(progress, loss=loss)
    state = state if start is None else with_start(state, start)
    assert state.started is not None
    facts = msgspec.structs.replace(FACTS, floor_nats_per_token=floor)
    state.started = msgspec.structs.replace(state.started, corpus=facts)
    snapshot = state.at()
    assert_sane(forecast_run(snapshot, 1.0), snapshot)


@settings(max_examples=40, deadline=None)
@given(
    exponent=st.floats(0.05, 3.0),
    level=st.floats(0.0, 5.0),
    noise=st.floats(0.0, 0.3),
    progress=st.integers(2, 999),
    target=st.floats(0.01, 6.0),
    seed=st.integers(0, 1000),
)
def test_every_kind_of_curve_has_a_sane_forecast(
    exponent: float, level: float, noise: float, progress: int, target: float, seed: int
) -> None:
    draws = np.random.default_rng(seed).standard_normal(1001)

    def loss(number: int) -> float:
        return float(level + 2.0 * (1 + number / 10) ** -exponent + noise * draws[number])

    snapshot = run(progress, loss=loss).at()
    assert_sane(forecast_run(snapshot, target), snapshot)


def test_two_points_are_no_forecast() -> None:
    snapshot = run(2, total=4).at()
    assert forecast_run(snapshot, 1.0).final_loss is None


@given(probability=st.floats(0.0, 1.0))
def test_every_probability_has_words(probability: float) -> None:
    assert probability_text(probability).endswith("within the plan")
    assert (" not " in probability_text(probability) or "hardly" in probability_text(probability)) == (
        probability < 0.35
    )
