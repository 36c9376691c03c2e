"""The rules of the power policy by the clock, the plug and the thermometer, and what of them is told."""

from __future__ import annotations

import time

import pytest

from babytrain.engine.training.power_policy.messages import quiet_hours_end
from babytrain.engine.training.power_policy.reporter import SECONDS_BETWEEN_REPORTS, PolicyReporter
from babytrain.engine.training.power_policy.rules import (
    PolicyDecision,
    PolicyLimit,
    PolicySettings,
    PowerPolicy,
    SensorSample,
    take_sensor_sample,
)
from babytrain.runs.dials.dial_state import initial_dials
from babytrain.runs.events import GpuReading, HostReading, PolicyCause
from babytrain.runs.time_of_day import parse_windows
from tests.engine.tiny_runs import tiny_config


def at(clock: str) -> float:
    """Unix seconds of a time of the day, here."""
    hours, minutes, *seconds = map(int, clock.split(":"))
    return time.mktime((2026, 6, 10, hours, minutes, seconds[0] if seconds else 0, 0, 0, -1))


def rules(**dials: object) -> PowerPolicy:
    made = PowerPolicy()
    made.set_settings(PolicySettings.of(initial_dials(tiny_config(**dials).to_dict())))
    return made


def causes(decision: PolicyDecision) -> list[tuple[PolicyCause, float]]:
    return [(limit.cause, limit.duty_cycle) for limit in decision.limits]


# quiet hours


@pytest.mark.parametrize(
    ("clock", "pauses"),
    [("22:59:59", False), ("23:00:00", True), ("03:00:00", True), ("06:59:59", True), ("07:00:00", False)],
)
def test_quiet_hours_begin_and_end_to_the_second(clock: str, pauses: bool) -> None:
    assert rules(quiet_hours="23:00-07:00").decide(0.0, at(clock)).pauses is pauses


def test_quiet_hours_say_until_when() -> None:
    (limit,) = rules(quiet_hours="23:00-02:00, 02:00-07:00").decide(0.0, at("23:30")).limits
    assert limit.text == "Quiet hours until 07:00: the fan may sleep. Training goes on by itself."
    (limit,) = rules(quiet_hours="23:00-07:00", quiet_duty=0.3).decide(0.0, at("23:30")).limits
    assert (limit.duty_cycle, limit.text) == (0.3, "Quiet hours until 07:00: training 30% of the time.")
    assert quiet_hours_end(parse_windows("00:00-12:00, 12:00-00:00"), 5.0) is None


def test_a_duty_of_one_and_the_word_off_leave_a_run_free() -> None:
    assert rules(quiet_hours="23:00-07:00", quiet_duty=1.0).decide(0.0, at("23:30")).duty_cycle == 1.0
    assert rules(quiet_hours="off").decide(0.0, at("23:30")).duty_cycle == 1.0


# the battery


def plugged(made: PowerPolicy, says: bool | None, *seconds: int) -> None:
    for second in seconds:
        made.take_sample(SensorSample(float(second), plugged_in=says))


def test_a_plug_that_flickers_pauses_nothing_and_one_that_is_back_releases() -> None:
    made, noon = rules(on_battery="pause"), at("12:00")
    plugged(made, True, 0)
    plugged(made, False, 1, 2)
    plugged(made, True, 3)
    assert not made.decide(3.0, noon).pauses
    plugged(made, False, 4, 5, 6)
    assert causes(made.decide(6.0, noon)) == [("battery", 0.0)]
    plugged(made, True, 7)
    assert made.decide(7.0, noon).pauses
    plugged(made, True, 13)
    assert not made.decide(13.0, noon).pauses


def test_a_battery_that_falls_silent_does_not_hold_a_run_for_ever() -> None:
    made, noon = rules(on_battery="pause"), at("12:00")
    plugged(made, False, 0, 5)
    plugged(made, None, 6, 100)
    assert made.decide(100.0, noon).pauses
    plugged(made, None, 400)
    assert not made.decide(400.0, noon).pauses
    assert len(made.sentences) == 1


def test_without_the_rule_a_battery_is_nothing() -> None:
    made = rules()
    plugged(made, False, 0, 60)
    assert made.decide(60.0, at("12:00")).duty_cycle == 1.0


# by hand


def test_what_is_overruled_stays_so_until_its_stretch_ends() -> None:
    made = rules(quiet_hours="23:00-07:00", on_battery="pause")
    plugged(made, False, 0, 60)
    assert [cause for cause, _ in made.overrule(60.0, at("23:30"))] == ["quiet hours", "battery"]
    assert made.decide(61.0, at("06:59")).duty_cycle == 1.0
    assert made.decide(62.0, at("07:00")).duty_cycle == 1.0
    assert causes(made.decide(63.0, at("23:00"))) == [("quiet hours", 0.0)]  # still on battery, still overruled
    plugged(made, True, 70, 80)
    made.decide(80.0, at("12:00"))
    plugged(made, False, 90, 95)
    assert causes(made.decide(95.0, at("12:01"))) == [("battery", 0.0)]


def test_turning_the_dial_puts_an_overruled_rule_in_force() -> None:
    made, night = rules(quiet_hours="23:00-07:00"), at("23:30")
    made.overrule(0.0, night)
    made.set_settings(PolicySettings.of(initial_dials(tiny_config(quiet_hours="22:00-08:00").to_dict())))
    assert made.decide(1.0, night).pauses


# heat and power


def hot(made: PowerPolicy, celsius: float | None, first: int, last: int, **rest: object) -> None:
    for second in range(first, last):
        made.take_sample(SensorSample(float(second), celsius=celsius, **rest))  # type: ignore[arg-type]


def test_heat_slows_and_a_lifted_ceiling_frees_at_once() -> None:
    made, noon = rules(temperature_ceiling_celsius=70.0), at("12:00")
    hot(made, 85.0, 0, 60, name="Ember")
    decision = made.decide(60.0, noon)
    assert causes(decision) == [("heat", 0.02)]
    assert decision.limits[0].text == "Ember is at 85 °C, the ceiling is 70 °C: training 2% of the time."
    made.set_settings(PolicySettings())
    assert made.decide(60.1, noon).duty_cycle == 1.0


def test_a_thermometer_that_falls_silent_keeps_the_duty_that_held_and_says_so_once() -> None:
    made, noon = rules(temperature_ceiling_celsius=70.0), at("12:00")
    hot(made, 68.9, 0, 300)
    before = made.decide(300.0, noon).duty_cycle
    hot(made, None, 300, 400)
    for second in range(300, 4000, 50):
        assert made.decide(float(second), noon).duty_cycle == pytest.approx(before, abs=0.05)
    assert len(made.sentences) == 1
    assert "temperature_ceiling_celsius" in made.sentences[0]
    hot(made, 90.0, 4000, 4100)  # it speaks again
    assert made.decide(4100.0, noon).duty_cycle == 0.02


def test_without_any_thermometer_the_run_is_free_and_the_log_says_so_once() -> None:
    made, noon = rules(temperature_ceiling_celsius=70.0, power_budget_watts=100.0), at("12:00")
    for second in range(120):
        made.take_sample(SensorSample(float(second)))
        assert made.decide(float(second), noon).duty_cycle == 1.0
    assert len(made.sentences) == 2


def test_the_lowest_of_several_duties_counts() -> None:
    made = rules(temperature_ceiling_celsius=70.0, power_budget_watts=50.0, quiet_hours="23:00-07:00", quiet_duty=0.4)
    hot(made, 40.0, 0, 120, watts=45.0)
    decision = made.decide(120.0, at("23:30"))
    assert {cause for cause, _ in causes(decision)} == {"quiet hours", "heat", "power"}
    assert decision.duty_cycle == 0.4


def test_what_is_looked_at_is_the_card_that_trains_else_the_processor() -> None:
    host = HostReading(temperature_celsius=50.0, processor_watts=40.0, battery_watts=60.0, plugged_in=True)
    cards = (
        GpuReading(index=0, name="other", temperature_celsius=99.0, power_watts=300.0),
        GpuReading(index=1, name="card", nickname="Ember", trains=True, temperature_celsius=70.0, power_watts=200.0),
    )
    assert take_sensor_sample(1.0, host, cards, on_card=True) == SensorSample(
        1.0, 70.0, 200.0, True, "Ember", "Ember draws"
    )
    assert take_sensor_sample(1.0, host, cards[:1], on_card=False) == SensorSample(
        1.0, 50.0, 40.0, True, who_draws="The processor draws"
    )
    assert (
        take_sensor_sample(1.0, host, cards[:1], on_card=True).celsius is None
    )  # the processor's says nothing about the card
    assert take_sensor_sample(1.0, HostReading(battery_watts=60.0), (), on_card=False).watts == 60.0


def test_a_held_power_budget_says_whose_watts_it_counts() -> None:
    made = rules(power_budget_watts=50.0)
    for second in range(60):
        made.take_sample(take_sensor_sample(float(second), HostReading(battery_watts=80.0), (), on_card=False))
    made.take_sample(SensorSample(60.0))  # silent for once
    assert made.decide(60.0, at("12:00")).limits[0].text.startswith("The battery gives 80 W, the budget is 50 W: ")


# what is told


def slowed(duty_cycle: float, *more: PolicyLimit) -> PolicyDecision:
    return PolicyDecision((PolicyLimit("heat", duty_cycle, f"hot {duty_cycle}"), *more))


def test_a_duty_that_wiggles_is_told_once_and_one_that_moves_once_a_minute() -> None:
    reporter, changes = PolicyReporter(), []
    for second in range(600):
        duty_cycle = 0.6 if second < 300 else 0.3
        changes += reporter.changes(slowed(duty_cycle + 0.04 * (second % 2)), float(second))
    assert [change.action for change in changes] == ["slowed", "slowed"]
    assert changes[1].duty_cycle == pytest.approx(0.32, abs=0.03)
    swings = [reporter.changes(slowed(0.3 if second // 5 % 2 else 0.8), 600.0 + second) for second in range(600)]
    assert sum(map(len, swings)) <= 600 / SECONDS_BETWEEN_REPORTS + 1


def test_what_holds_back_is_told_at_once() -> None:
    reporter = PolicyReporter()
    assert reporter.changes(slowed(0.95), 0.0) == [], "a few percent are not worth a line"
    (change,) = reporter.changes(slowed(0.6), 0.25)
    assert (change.action, change.duty_cycle) == ("slowed", 0.6)


def test_each_rule_is_told_by_itself() -> None:
    reporter = PolicyReporter()
    quiet, battery = PolicyLimit("quiet hours", 0.0, "quiet"), PolicyLimit("battery", 0.0, "battery")
    steps = [(quiet,), (quiet, battery), (quiet, battery), (battery,), ()]
    told = [
        [(change.cause, change.action) for change in reporter.changes(PolicyDecision(limits), 0.0)] for limits in steps
    ]
    assert told == [
        [("quiet hours", "paused")],
        [("battery", "paused")],
        [],
        [("quiet hours", "released")],
        [("battery", "released")],
    ]


def test_a_rule_that_was_lifted_by_hand_does_not_claim_that_the_plug_is_back() -> None:
    reporter = PolicyReporter()
    reporter.changes(PolicyDecision((PolicyLimit("battery", 0.0, "battery"),)), 0.0)
    (change,) = reporter.changes(PolicyDecision((), frozenset({"battery"})), 1.0)
    assert change.text == "No more waiting for mains power: training goes on."
