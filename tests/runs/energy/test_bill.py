"""Bills from journals: what is told is what was measured, what was not is never a zero, and nothing is priced twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from babytrain.runs.energy.bill import Bill, bill_amounts, discarded_intervals, read_bill
from babytrain.runs.energy.bill_totals import in_month, total_bills, totals_by_month, totals_by_outcome, wasted_money
from babytrain.runs.energy.efficiency import joules_until
from babytrain.runs.energy.energy_forecast import energy_forecast
from babytrain.runs.energy.tariff import DEFAULT_CO2_GRAMS_PER_KWH, prices_from
from babytrain.runs.events import (
    AnyEvent,
    Energy,
    EnergySource,
    GuardEvent,
    HostReading,
    Phase,
    PhaseName,
    Resumed,
    Vitals,
)
from babytrain.runs.events.timeline import Timeline
from babytrain.runs.journal import encode_event
from babytrain.runs.state.run_state import RunState
from babytrain.runs.store.folder import RunFolder
from tests.runs.builders import checkpoint, ended, evaluation, resumed, started, step

NOON = time.mktime((2026, 11, 10, 12, 0, 0, 0, 0, -1))
EUR = {"electricity_price_per_kwh": 0.30, "currency": "EUR"}


def source(joules: float, seconds: float, **changes: Any) -> EnergySource:
    facts: dict[str, Any] = {"name": "processor", "scope": "processor", "quality": "counter"}
    return EnergySource(joules=joules, measured_seconds=seconds, **(facts | changes))


def energy(t: float, joules: float, *, money: float | None = None, **changes: Any) -> Energy:
    facts: dict[str, Any] = {"step": int(t), "measured_seconds": t, "sources": (source(joules, t),)}
    return Energy(t=t, joules=joules, money=money, **(facts | changes))


def run(*events: AnyEvent) -> RunState:
    state = RunState()
    state.apply_all(events)
    return state


def saved(tmp_path: Path, name: str, *events: AnyEvent) -> Bill:
    folder = RunFolder(tmp_path / f"{name}-20261110-120000")
    folder.path.mkdir()
    folder.journal.write_bytes(b"".join(map(encode_event, events)))
    return read_bill(folder)


def went_back(t: float, to: int) -> tuple[AnyEvent, AnyEvent]:
    back = resumed(to, t, rollback=True, checkpoint=f"step-{to:09d}")
    return back, GuardEvent(t=t, step=to, cause="not finite", action="rolled back", text="")


def test_a_bill_in_every_unit() -> None:
    state = run(
        started(config=EUR | {"co2_grams_per_kwh": 100.0}, wall_time=NOON),
        *(step(number) for number in range(1, 201)),
        energy(50.0, 180_000.0, money=0.015),
        evaluation(100, 3.0),
        energy(100.0, 360_000.0, money=0.03, idle_joules=5.0, unmeasured_seconds=7.0),
        evaluation(200, 2.0),
    )
    facts = bill_amounts(state.at())
    assert facts.kwh == pytest.approx(0.1)
    assert (facts.money, facts.currency) == (0.03, "EUR")
    assert (facts.co2_grams, facts.co2_is_default) == (pytest.approx(10.0), False)
    assert (facts.idle_joules, facts.unmeasured_seconds) == (5.0, 7.0)
    assert facts.units is not None
    assert facts.units.joules_per_token == pytest.approx(360_000 / (200 * 768))
    assert facts.units.watt_hours_per_million_tokens == pytest.approx(100 / (200 * 768) * 1e6)
    assert facts.units.watt_hours_per_loss_cent == pytest.approx(50 / 100)  # 50 Wh between the two, for 1.0
    assert facts.units.kettles == pytest.approx(1.0, abs=0.02)
    assert [one.name for one in facts.counted] == ["processor"]


def test_a_run_without_a_meter_was_not_free(tmp_path: Path) -> None:
    bill = saved(tmp_path, "old", started(config=EUR), step(1), ended(1))
    assert (bill.facts.joules, bill.facts.money, bill.facts.co2_grams, bill.facts.units) == (None, None, None, None)
    assert (bill.discarded_joules, bill.wasted_joules) == (None, None)
    total = total_bills([bill])
    assert (total.runs, total.measured) == (1, 0)


def test_a_meter_that_found_nothing_to_read_says_why() -> None:
    host = HostReading(missing={"processor_joules": "only root may read the processor's counter"})
    nothing = Energy(t=9.0, step=1, joules=0.0, unmeasured_seconds=9.0)
    facts = bill_amounts(run(started(config=EUR), Vitals(t=9.0, step=1, host=host), nothing).at())
    assert (facts.joules, facts.unmeasured_seconds) == (None, 9.0)
    assert facts.missing_reason.startswith("only root may read the processor's counter; wall_watts")


def test_a_total_that_leaves_the_processor_out_says_so() -> None:
    card = source(100.0, 10.0, name="gpu 0", scope="gpu")
    assert bill_amounts(run(started(), energy(10.0, 100.0, sources=(card,))).at()).missing_reason.startswith(
        "without the proc"
    )
    both = (card, source(50.0, 10.0))
    assert bill_amounts(run(started(), energy(10.0, 150.0, sources=both)).at()).missing_reason == ""


def test_the_gap_between_counter_and_polled_power_is_told() -> None:
    sources = (
        source(1000.0, 10.0, name="gpu 0", scope="gpu"),
        source(1100.0, 10.0, name="gpu 0", scope="gpu", quality="polled", counted=False),
        source(50.0, 1.0, name="gpu 0", scope="gpu", quality="polled"),  # stepped in for a second
    )
    facts = bill_amounts(run(started(), energy(11.0, 1050.0, sources=sources)).at())
    assert [one.gap_percent for one in facts.sources] == [pytest.approx(10.0), None, None]


def test_the_world_average_of_co2_is_marked_as_such() -> None:
    facts = bill_amounts(run(started(config={}), energy(10.0, 3.6e6)).at())
    assert (facts.co2_grams, facts.co2_is_default) == (DEFAULT_CO2_GRAMS_PER_KWH, True)


def test_a_fork_pays_for_its_own_tokens_only() -> None:
    state = run(
        started(step=1000),
        *(step(number, t=float(number - 1000)) for number in range(1001, 1101)),
        energy(100.0, 768.0),
    )
    units = bill_amounts(state.at()).units
    assert units is not None
    assert units.joules_per_token == pytest.approx(768.0 / (100 * 768))


def test_settings_that_somebody_garbled_say_nothing() -> None:
    prices = prices_from(
        {"electricity_price_per_kwh": "x", "currency": "[red]", "price_bands": "?", "co2_grams_per_kwh": -1}
    )
    assert not prices.tariff.known
    assert prices.co2_is_default
    assert prices.mean_price(NOON, 10.0) is None


def test_the_price_over_the_rest_of_a_run_follows_its_bands() -> None:
    prices = prices_from(EUR | {"price_bands": "18:00-24:00 0.10"})
    assert prices.mean_price(NOON, 3600.0) == pytest.approx(0.30)
    assert prices.mean_price(NOON, 12 * 3600.0) == pytest.approx(0.20)
    assert prices.mean_price(NOON, 100 * 86_400.0) == pytest.approx(0.25)


def test_what_a_rescue_gave_up_is_told_once() -> None:
    state = run(
        started(),
        energy(0.5, 0.0),
        checkpoint(20, t=10.0),
        energy(100.0, 9950.0),
        *went_back(60.0, 20),
        *went_back(100.0, 20),
    )
    snapshot = state.at()
    assert joules_until(snapshot, 10.0) == pytest.approx(950)
    spans = discarded_intervals(snapshot)
    assert sum(end - start for start, end in spans) == pytest.approx(90)


def test_a_step_back_by_hand_is_no_waste() -> None:
    state = run(started(), checkpoint(20, t=10.0), energy(100.0, 10_000.0), resumed(20, 60.0, rollback=True))
    assert discarded_intervals(state.at()) == []


def test_a_failed_run_is_all_waste_and_a_rescue_is_some(tmp_path: Path) -> None:
    failed = saved(tmp_path, "failed", started(config=EUR), energy(10.0, 7.2e6, money=0.6), ended(20, "failed"))
    rescued = saved(
        tmp_path,
        "rescued",
        started(config=EUR),
        checkpoint(20, t=10.0),
        energy(10.0, 1.0e6, money=0.1),
        energy(20.0, 3.0e6, money=0.3),
        *went_back(20.0, 20),
        energy(40.0, 4.0e6, money=0.4),
        ended(80),
    )
    assert (failed.wasted_joules, rescued.wasted_joules) == (7.2e6, pytest.approx(2.0e6))
    assert wasted_money(rescued) == pytest.approx(0.2)
    total = total_bills([failed, rescued])
    assert (total.failed_joules, total.wasted_joules) == (7.2e6, pytest.approx(9.2e6))
    assert total.wasted_money == {"EUR": pytest.approx(0.8)}
    assert {one.label: one.joules for one in totals_by_outcome([failed, rescued])} == {"failed": 7.2e6, "done": 4.0e6}


def test_currencies_are_never_added_up(tmp_path: Path) -> None:
    euro = saved(tmp_path, "a", started(config=EUR), energy(10.0, 3.6e6, money=0.3), ended(20))
    rupee = saved(
        tmp_path,
        "b",
        started(config={"electricity_price_per_kwh": 8.0, "currency": "INR"}),
        energy(10.0, 3.6e6, money=8.0),
        ended(20),
    )
    total = total_bills([euro, rupee, euro])
    assert total.money == {"EUR": pytest.approx(0.6), "INR": 8.0}


def test_a_run_over_the_turn_of_a_month_is_in_both_with_its_share(tmp_path: Path) -> None:
    midnight = time.mktime((2026, 12, 1, 0, 0, 0, 0, 0, -1))
    bill = saved(
        tmp_path,
        "long",
        started(config=EUR, wall_time=midnight - 100.0),
        energy(90.0, 9000.0, money=0.9),
        energy(110.0, 11_000.0, money=1.1),
        energy(200.0, 20_000.0, money=2.0),
        ended(400),
    )
    shares = {total.label: total.joules for total in totals_by_month([bill])}
    assert shares == {"2026-11": pytest.approx(9000), "2026-12": pytest.approx(11_000)}
    november = in_month(bill, "2026-11")
    assert november is not None
    assert (november.facts.joules, november.facts.money) == (pytest.approx(9000), pytest.approx(0.9))
    assert in_month(bill, "2026-10") is None


def test_a_run_resumed_in_another_month_drew_its_second_session_there(tmp_path: Path) -> None:
    later = time.mktime((2027, 1, 5, 12, 0, 0, 0, 0, -1))
    bill = saved(
        tmp_path,
        "twice",
        started(wall_time=NOON),
        energy(50.0, 500.0),
        Resumed(t=60.0, step=10, wall_time=later, checkpoint="x", total_steps=1500),
        energy(100.0, 900.0),
    )
    assert [(share.month, share.joules) for share in bill.months] == [("2026-11", 500.0), ("2027-01", 400.0)]


def steady_run(watts: float, seconds: int, **settings: Any) -> RunState:
    """A step and a reading every half second, without anything else to do, half way to its end at 1500 steps."""
    state = run(started(config=EUR | {"eval_every": 0, "sample_every": 0} | settings, wall_time=NOON))
    for number in range(1, seconds * 2 + 1):
        state.apply(step(number))
        if number % 20 == 0:
            joules = watts * number / 2
            state.apply(energy(number / 2, joules, money=joules / 3.6e6 * 0.30))
    return state


def test_the_forecast_holds_what_a_steady_run_will_come_to() -> None:
    snapshot = steady_run(100.0, 375).at()
    forecast = energy_forecast(snapshot)
    assert forecast is not None
    truth = 100.0 * 750 / 3.6e6
    assert forecast.kwh.low <= truth * 1.001
    assert forecast.kwh.high >= truth * 0.999
    assert forecast.kwh.high < truth * 1.3
    assert forecast.money is not None
    assert forecast.money.low == pytest.approx(forecast.kwh.low * 0.30)
    assert forecast.co2_grams.high == pytest.approx(forecast.kwh.high * DEFAULT_CO2_GRAMS_PER_KWH)
    assert forecast.watts.low == pytest.approx(100.0)
    assert bill_amounts(snapshot).forecast == forecast


@pytest.mark.parametrize(
    ("settings", "phase", "cheapest", "dearest"),
    [
        ({}, "training", 0.30, 0.30),
        ({"price_bands": "18:00-24:00 0.10"}, "training", 0.30, 0.30),  # over long before
        ({"price_bands": "18:00-24:00 0.10"}, "paused", 0.10, 0.30),  # nobody knows when it goes on
        ({"price_bands": "18:00-24:00 0.10", "quiet_hours": "12:00-20:00"}, "training", 0.10, 0.30),
    ],
)
def test_the_money_at_the_end_covers_every_price_at_which_the_rest_may_be_drawn(
    settings: dict[str, Any], phase: PhaseName, cheapest: float, dearest: float
) -> None:
    state = steady_run(100.0, 375, **settings)
    state.apply(Phase(t=375.0, step=750, phase=phase))
    forecast, snapshot = energy_forecast(state.at()), state.at()
    assert forecast is not None
    assert forecast.money is not None
    assert snapshot.energy is not None
    assert snapshot.energy.money is not None
    so_far = snapshot.energy.joules / 3.6e6
    assert forecast.money.low == pytest.approx(snapshot.energy.money + (forecast.kwh.low - so_far) * cheapest)
    assert forecast.money.high == pytest.approx(snapshot.energy.money + (forecast.kwh.high - so_far) * dearest)


@pytest.mark.parametrize("what", ["too early", "over", "not measured", "only gaps"])
def test_no_forecast_where_it_would_be_a_guess(what: str) -> None:
    state = steady_run(100.0, 3 if what == "too early" else 375)
    if what == "over":
        state.apply(ended(750))
    if what in ("not measured", "only gaps"):
        readings = state.energies.events
        state.energies = Timeline()
        for reading in readings if what == "only gaps" else []:
            state.apply(energy(reading.t, reading.joules, unmeasured_seconds=reading.t))
    assert energy_forecast(state.at()) is None
