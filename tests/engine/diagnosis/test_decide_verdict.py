"""What a person reads: always one of the verdicts, sentences with the right numbers, and advice that fits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.config.settings import SETTINGS
from babytrain.engine.diagnosis.decide_verdict import diagnose
from babytrain.engine.diagnosis.observation import Observation, WindowLosses
from babytrain.engine.diagnosis.verdicts import VERDICTS, Diagnosis, SuggestedAction
from bench.judging.curve_shapes import Curve
from bench.judging.diagnosis import follow
from bench.judging.known_curves import library

CURVES = {curve.name: curve for curve in library()}


def settled(curve: Curve, step: int, **dials: Any) -> Diagnosis:
    """The diagnosis at a step, after the one of 30 steps before and that of the moment."""
    diagnosis = None
    for look in (step - 30, step - 30, step, step):
        diagnosis = diagnose(replace(curve.at(look), **dials), diagnosis)
    assert diagnosis is not None
    return diagnosis


wild = st.floats(allow_nan=True, allow_infinity=True, width=64)
column = st.lists(st.one_of(wild, st.floats(0.1, 5.0)), max_size=30)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """Anything at all: short, unequal lengths, NaN, infinite, out of order; sometimes long enough for every check."""
    repeat = draw(st.sampled_from([1, 20]))
    columns = {
        name: np.array(draw(column) * repeat)
        for name in ("step", "t", "loss", "learning_rate", "gradient_norm", "step_seconds")
    }
    if draw(st.booleans()):
        columns["step"] = np.arange(1, len(columns["loss"]) + 1)
    columns |= {name: np.array(draw(column)) for name in ("eval_step", "eval_t", "val_loss", "train_loss")}
    if draw(st.booleans()):
        columns["eval_step"] = 50 * np.arange(1, len(columns["val_loss"]) + 1)
    windows = tuple(
        WindowLosses(step, np.array(draw(column), dtype=np.float64).astype(np.float32))
        for step in draw(st.lists(st.sampled_from([0, 50, 100, 150, 200]), max_size=4))
    )
    return Observation(
        **columns,
        windows=windows,
        warmup_steps=draw(st.integers(0, 100)),
        total_steps=draw(st.sampled_from([0, 1, 30, 400, 10**9])),
        uniform_loss=draw(wild),
        floor=draw(st.one_of(st.none(), wild)),
        throttled_seconds=draw(wild),
        data_wait_share=draw(wild),
        finished=draw(st.booleans()),
        lr_scale=draw(wild),
        lr_held=draw(st.booleans()),
        dropout=draw(wild),
        weight_decay=draw(wild),
    )


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@settings(max_examples=150, deadline=None)
@given(st.lists(observations(), min_size=1, max_size=3))
def test_whatever_the_arrays_hold_there_is_a_verdict_in_two_sentences(run: list[Observation]) -> None:
    diagnosis = None
    for observation in run:
        diagnosis = diagnose(observation, diagnosis)
        assert diagnosis.verdict in VERDICTS
        assert diagnosis.why.endswith(".")
        assert diagnosis.next_.endswith(".")
        for advice in (diagnosis.advice, diagnosis.alternative):
            assert advice is None or advice.action in get_args(SuggestedAction)


def test_a_run_of_nothing_is_warming_up() -> None:
    assert diagnose(Observation()).verdict == "warming up"


def test_overfitting_says_since_when_and_what_stopping_would_have_saved() -> None:
    curve = CURVES["overfitting-3-600"]
    diagnosis = follow(curve)[1000]
    observation = curve.at(1000)
    past = observation.newest_t - float(observation.t[599])
    assert diagnosis.verdict == "overfitting"
    assert diagnosis.since == 800
    assert "since its best at step 600" in diagnosis.why
    assert f"{past:.0f}s were trained past it" in diagnosis.next_
    assert f"{100 * past / observation.newest_t:.0f}% of the run" in diagnosis.next_
    assert diagnosis.advice is not None
    assert diagnosis.alternative is not None
    assert diagnosis.advice.action == "stop"
    assert (diagnosis.alternative.action, diagnosis.alternative.text) == ("rollback", "best")


def test_overfitting_is_not_said_without_the_losses_of_the_windows() -> None:
    curve = CURVES["overfitting-4-1100"]
    bare = replace(curve.observation, windows=())
    assert diagnose(bare).verdict != "overfitting"
    assert diagnose(curve.at(2000)).verdict == "overfitting"


def test_overfitting_is_not_said_while_the_training_loss_rises_too() -> None:
    observation = CURVES["overfitting-4-1100"].at(2000)
    risen = replace(observation, train_loss=observation.val_loss - 0.05)
    assert diagnose(risen).verdict != "overfitting"


def test_one_bad_evaluation_is_not_overfitting() -> None:
    for curve in (CURVES["spikes-0"], CURVES["spikes-1"]):
        assert "overfitting" not in {diagnosis.verdict for diagnosis in follow(curve).values()}


def test_going_back_to_the_best_step_ends_overfitting() -> None:
    curve = CURVES["overfitting-3-600"]
    overfit = follow(curve)[1000]
    back = diagnose(curve.at(600), overfit)
    assert back.verdict == "learning"
    assert back.rise is None


def test_a_loss_that_is_no_number_is_divergence_and_goes_back_where_there_is_something_to_go_back_to() -> None:
    observation = CURVES["healthy-linear-15"].at(700)
    loss = observation.loss.astype(np.float64)
    loss[-1] = np.nan
    diagnosis = diagnose(replace(observation, loss=loss))
    assert diagnosis.verdict == "diverging"
    assert "step 700" in diagnosis.why
    assert diagnosis.advice is not None
    assert diagnosis.advice.action == "rollback"
    early = CURVES["healthy-linear-15"].at(90)
    loss = early.loss.astype(np.float64)
    loss[-1] = np.inf
    advice = diagnose(replace(early, loss=loss)).advice
    assert advice is not None
    assert advice.action == "stop"


def test_advice_on_the_learning_rate_starts_from_the_dial_as_it_stands() -> None:
    curve = CURVES["lr-too-low-1"]
    scaled = settled(curve, 700, lr_scale=0.5).advice
    assert scaled is not None
    assert (scaled.action, scaled.value) == ("lr_scale", pytest.approx(1.5))
    held = settled(curve, 700, lr_held=True).advice
    assert held is not None
    assert held.action == "lr_hold"
    assert held.value == pytest.approx(3.0 * float(curve.at(700).learning_rate[-1]))


def test_memorising_turns_the_next_dial_when_there_is_dropout_already() -> None:
    curve = CURVES["memorising-0"]
    first, second = settled(curve, 1300), settled(curve, 1300, dropout=0.3, weight_decay=0.1)
    assert first.verdict == second.verdict == "memorising"
    assert first.advice is not None
    assert second.advice is not None
    assert (first.advice.action, first.advice.value) == ("dropout", 0.2)
    assert second.advice.action == "weight_decay"
    assert second.advice.value == pytest.approx(0.3)
    assert SETTINGS["weight_decay"].low <= second.advice.value <= SETTINGS["weight_decay"].high


def test_a_known_floor_names_what_cannot_be_beaten() -> None:
    assert "below the 1.300 that no model can beat" in settled(CURVES["memorising-1"], 1400).why


def test_a_raised_learning_rate_is_named_with_its_step() -> None:
    diagnosis = settled(CURVES["lr-raised-0"], 1000)
    assert diagnosis.verdict == "lr too high"
    assert "raised from 3e-3 to 9e-3 at step 901" in diagnosis.why


def test_throttling_and_waiting_say_how_much() -> None:
    throttled = settled(CURVES["throttled-1"], 1000)
    assert throttled.verdict == "throttled"
    assert "35 of the last 60 seconds" in throttled.why
    assert "a step takes 5" in throttled.why
    waiting = settled(CURVES["data-bound-0"], 500)
    assert waiting.verdict == "data-bound"
    assert waiting.why.startswith("35% of the step time")


def test_a_new_verdict_waits_to_be_found_twice_unless_it_is_urgent() -> None:
    curve = CURVES["healthy-linear-15"]
    healthy = diagnose(curve.at(800), diagnose(curve.at(780)))
    once = diagnose(replace(curve.at(801), throttled_seconds=30.0), healthy)
    assert (once.verdict, once.candidate) == ("learning", "throttled")
    over = diagnose(curve.at(805), once)
    assert (over.verdict, over.candidate) == ("learning", None)
    twice = diagnose(replace(curve.at(821), throttled_seconds=30.0), once)
    assert (twice.verdict, twice.since) == ("throttled", 821)
    cooling = diagnose(replace(curve.at(850), throttled_seconds=8.0), twice)
    assert (cooling.verdict, cooling.candidate) == ("throttled", None)
    assert diagnose(replace(curve.at(806), finished=True), over).verdict == "done"


def test_done_tells_whether_the_last_model_is_the_best() -> None:
    last_best = diagnose(CURVES["done-0"].at(2000))
    assert "at step 2,000" in last_best.why
    assert "longer run" in last_best.next_
    overfit = replace(CURVES["overfitting-3-600"].at(2000), finished=True)
    assert "best checkpoint" in diagnose(overfit).next_


def test_nothing_is_changed_and_the_same_observation_gets_the_same_answer() -> None:
    observation = CURVES["overfitting-2-600"].at(900)
    before = observation.loss.copy(), observation.windows[0].losses.copy()
    assert diagnose(observation) == diagnose(observation)
    np.testing.assert_array_equal(observation.loss, before[0])
    np.testing.assert_array_equal(observation.windows[0].losses, before[1])


def test_the_end_of_a_long_run_counts_and_not_its_beginning() -> None:
    """A hundred thousand steps: only tails and samples are looked at, and they are enough."""
    steps = 100_000
    places = np.arange(1, steps + 1)
    falling = 1.4 + 2.8 * (1.0 + places / 200.0) ** -0.5
    noise = np.random.Generator(np.random.Philox(key=3)).standard_normal(steps)
    observation = Observation(
        step=places,
        t=0.01 * places,
        loss=falling + 0.05 * noise,
        learning_rate=np.full(steps, 1e-3),
        gradient_norm=np.full(steps, 1.0),
        step_seconds=np.full(steps, 0.01),
        total_steps=steps,
        uniform_loss=math.log(65),
    )
    assert diagnose(observation).verdict == "learning"
    gone = observation.loss.copy()
    gone[-30:] += np.linspace(0.1, 2.0, 30)
    assert diagnose(replace(observation, loss=gone)).verdict == "diverging"
