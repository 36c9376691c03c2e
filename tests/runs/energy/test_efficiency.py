"""Energy in useful units: what was measured is held against what was learnt while it was measured, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.energy.efficiency import EnergyEfficiency, energy_efficiency, joules_until
from babytrain.runs.events import AnyEvent, Energy, EnergySource
from babytrain.runs.state.run_state import RunState
from tests.runs.builders import checkpoint, evaluation, resumed, started, step

WATTS, TOKENS_PER_SECOND = 100.0, 1536.0  # two steps of 768 tokens a second
JOULES_PER_TOKEN = WATTS / TOKENS_PER_SECOND


def reading(t: float, measured: float, unmeasured: float = 0.0) -> Energy:
    """The meter at `t`, so many seconds measured at 100 W."""
    source = EnergySource(
        name="gpu 0", scope="gpu", quality="counter", joules=WATTS * measured, measured_seconds=measured
    )
    facts: dict[str, Any] = {"measured_seconds": measured, "unmeasured_seconds": unmeasured, "sources": (source,)}
    return Energy(t=t, step=int(2 * t), joules=WATTS * measured, **facts)


def units_of(
    *readings: AnyEvent, seconds: int = 100, evals: tuple[AnyEvent, ...] = (), **changes: Any
) -> EnergyEfficiency:
    state = RunState()
    begun = changes.get("step", 0)
    steps = (step(begun + number, t=number / 2) for number in range(1, 2 * seconds + 1))
    state.apply_all([started(**changes), *steps, *evals, *readings])
    units = energy_efficiency(state.at())
    assert units is not None
    return units


def every_ten(measured_until: float, seconds: int = 100, first: float = 0.0) -> list[Energy]:
    """A reading every ten seconds of a meter that falls silent."""
    return [
        reading(t, min(t, measured_until) - first, max(0.0, t - measured_until))
        for t in range(int(first), seconds + 1, 10)
    ]


def test_a_run_measured_throughout_divides_by_all_its_tokens() -> None:
    units = units_of(*every_ten(100.0))
    assert units.joules_per_token == pytest.approx(JOULES_PER_TOKEN)
    assert units.watt_hours_per_million_tokens == pytest.approx(JOULES_PER_TOKEN * 1e6 / 3600)
    assert units.measured_share == pytest.approx(1.0)


@pytest.mark.parametrize("silent_from", [10.0, 35.0, 70.0])
def test_tokens_of_a_silence_are_left_out(silent_from: float) -> None:
    units = units_of(*every_ten(silent_from))
    assert units.joules_per_token == pytest.approx(JOULES_PER_TOKEN)
    assert units.measured_share == pytest.approx(silent_from / 100.0)


def test_what_was_trained_before_the_first_reading_and_after_the_last_is_left_out() -> None:
    assert units_of(*every_ten(100.0, first=40.0)).joules_per_token == pytest.approx(JOULES_PER_TOKEN)
    early = units_of(*every_ten(60.0, seconds=60))
    assert early.joules_per_token == pytest.approx(JOULES_PER_TOKEN)
    assert early.measured_share == pytest.approx(1.0)


def test_a_sleep_of_the_computer_takes_no_tokens_away() -> None:
    night = 8 * 3600.0
    readings = [
        reading(10.0, 10.0),
        reading(20.0, 20.0),
        reading(30.0, 29.0, night + 1.0),
        reading(40.0, 39.0, night + 1.0),
    ]
    units = units_of(*readings, seconds=40)
    assert units.joules_per_token == pytest.approx(JOULES_PER_TOKEN)
    assert units.measured_share == pytest.approx(39 / 40)


def test_a_meter_that_answers_late_loses_no_tokens() -> None:
    late = [reading(0.0, 0.0), reading(10.0, 10.0), reading(12.0, 10.0), reading(14.0, 14.0), reading(20.0, 18.0)]
    units = units_of(*late, reading(22.0, 22.0), seconds=22)
    assert units.joules_per_token == pytest.approx(JOULES_PER_TOKEN)
    assert units.measured_share == pytest.approx(1.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=1, max_size=30))
def test_the_price_of_a_token_does_not_depend_on_when_the_sensors_slept(stretches: list[tuple[bool, int]]) -> None:
    t = measured = unmeasured = 0.0
    readings = [reading(0.0, 0.0)]
    for speaks, seconds in [*stretches, (True, 10)]:
        t += seconds
        measured += seconds if speaks else 0.0
        unmeasured += 0.0 if speaks else seconds
        readings.append(reading(t, measured, unmeasured))
    units = units_of(*readings, seconds=int(t))
    assert units.joules_per_token == pytest.approx(JOULES_PER_TOKEN)
    assert units.measured_share == pytest.approx(measured / t)


def test_steps_that_were_given_up_cost_but_count_no_tokens() -> None:
    state = RunState()
    state.apply_all([started(), *(step(number) for number in range(1, 101)), checkpoint(40), reading(50.0, 50.0)])
    state.apply(resumed(40, 50.0, rollback=True))
    state.apply_all([*(step(40 + number, t=50 + number / 2) for number in range(1, 101)), reading(100.0, 100.0)])
    units = energy_efficiency(state.at())
    assert units is not None
    assert units.joules_per_token == pytest.approx(10_000.0 / (140 * 768))


def test_a_fork_pays_for_its_own_tokens_only() -> None:
    assert units_of(*every_ten(100.0), step=1000).joules_per_token == pytest.approx(JOULES_PER_TOKEN)


def test_loss_that_fell_unmeasured_is_in_no_unit() -> None:
    evals = (evaluation(0, 4.0), evaluation(100, 2.0), evaluation(200, 1.0))  # at 0, 50 and 100 s
    whole = units_of(*every_ten(100.0), evals=evals)
    assert whole.watt_hours_per_loss_cent == pytest.approx(WATTS * 100 / 3600 / 300)
    half = units_of(*every_ten(50.0), evals=evals)
    assert half.watt_hours_per_loss_cent == pytest.approx(WATTS * 50 / 3600 / 200)
    other_half = units_of(*every_ten(100.0, first=50.0), evals=evals)
    assert other_half.watt_hours_per_loss_cent == pytest.approx(WATTS * 50 / 3600 / 100)


def test_no_unit_where_there_is_nothing_to_divide_by() -> None:
    state = RunState()
    state.apply_all([started(), reading(10.0, 10.0)])
    units = energy_efficiency(state.at())
    assert units is not None
    assert (units.joules_per_token, units.watt_hours_per_loss_cent, units.measured_share) == (None, None, 1.0)
    assert energy_efficiency(RunState().at()) is None


def test_what_was_drawn_until_a_moment_lies_on_the_line_between_readings() -> None:
    state = RunState()
    state.apply_all([started(), reading(10.0, 10.0), reading(20.0, 12.0, 8.0)])
    assert [joules_until(state.at(), t) for t in (5.0, 10.0, 15.0, 99.0)] == pytest.approx([500, 1000, 1100, 1200])
