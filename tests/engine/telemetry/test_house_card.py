"""The cards that exist only on paper: what demonstrations and the tests of heat and energy rely on."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.telemetry import mishaps
from babytrain.engine.telemetry.house_card import HouseGpu, house_card
from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT
from babytrain.engine.telemetry.scripted import Beat
from babytrain.engine.telemetry.thermal import SimulatedCard
from babytrain.runs.events import GpuReading

EVENING = house_card(600)


def only(beat: Beat) -> GpuReading:
    assert isinstance(beat, tuple)
    (reading,) = beat
    return reading


READINGS = [only(beat) for _, beat in EVENING]


def test_the_evening_has_a_beginning_a_hot_stretch_and_a_recovery() -> None:
    assert READINGS[0].power_watts == 18.0
    hot = [second for second, reading in enumerate(READINGS[:420]) if HOT in reading.throttle_reasons]
    assert hot
    assert 30 < len(hot) < 200
    assert AT_POWER_LIMIT in READINGS[hot[0] - 1].throttle_reasons
    assert AT_POWER_LIMIT in READINGS[hot[-1] + 1].throttle_reasons
    clocks = {HOT in reading.throttle_reasons: reading.clock_mhz or 0.0 for reading in READINGS[10:]}
    assert clocks[True] < clocks[False] <= (READINGS[0].highest_clock_mhz or 0.0)
    assert all(len(reading.fans) == 2 and not reading.missing for reading in READINGS)


def test_its_counters_are_what_its_numbers_add_up_to() -> None:
    for before, after in itertools.pairwise(READINGS):
        assert (after.energy_joules or 0.0) - (before.energy_joules or 0.0) == pytest.approx(before.power_watts)
        for reason, seconds in after.throttled_seconds.items():
            assert seconds - before.throttled_seconds[reason] == (reason in before.throttle_reasons)


def test_the_backend_plays_the_same_evening_however_seldom_it_is_asked() -> None:
    now = [500.0]
    gpu = HouseGpu(lambda: now[0])
    for seconds in (0.0, 0.9, 1.0, 57.3, 412.0, 412.0):
        now[0] = 500.0 + seconds
        assert gpu.read() == (READINGS[int(seconds)],)


class Work:
    """A clock, and for how long the run has rested by it."""

    def __init__(self) -> None:
        self.now = self.rested = 0.0
        self.gpu = HouseGpu(lambda: self.now, lambda: self.rested)

    def seconds(self, seconds: int, share: float) -> GpuReading:
        """So many seconds in which it works this share of the time; the reading at their end."""
        for _ in range(seconds):
            self.now += 1.0
            self.rested += 1.0 - share
            (reading,) = self.gpu.read()
        return reading


def test_the_card_works_as_much_as_the_run_does() -> None:
    work = Work()
    warm = work.seconds(20, 1.0)
    half = work.seconds(200, 0.5)
    assert half.power_watts == pytest.approx((18.0 + 199.0) / 2, abs=1.0)
    assert half.utilization_percent == pytest.approx(49.0, abs=1.0)
    assert warm.temperature_celsius is not None
    assert half.throttle_reasons == (AT_POWER_LIMIT,)
    assert half.throttled_seconds[AT_POWER_LIMIT] == pytest.approx(20 - 3 + 200 / 2)
    paused = work.seconds(200, 0.0)
    assert (paused.power_watts, paused.utilization_percent, paused.throttle_reasons) == (18.0, 0.0, ())
    assert paused.temperature_celsius == READINGS[0].temperature_celsius
    assert (paused.energy_joules or 0.0) - (half.energy_joules or 0.0) == pytest.approx(200 * 18.0)
    assert [fan.percent for fan in paused.fans] == [0.0, 0.0]


def test_a_hair_between_two_clocks_is_no_work() -> None:
    work = Work()
    work.seconds(10, 1.0)
    resting = work.seconds(5, 0.0002)
    assert (resting.power_watts, resting.throttle_reasons, resting.clock_mhz) == (18.0, (), 210.0)


def test_a_card_that_rests_enough_never_slows_down_for_heat() -> None:
    work = Work()
    readings = [work.seconds(1, 0.5) for _ in range(600)]
    assert max(reading.temperature_celsius or 0.0 for reading in readings) < 75.0
    assert not any(HOT in reading.throttle_reasons for reading in readings)


def at(timeline: list[tuple[float, Beat]], second: int) -> GpuReading:
    return only(timeline[second][1])


def test_mishaps() -> None:
    lost = mishaps.lost(EVENING, 100.0)
    assert at(lost, 99).missing == {}
    assert "GPU lost" in at(lost, 100).missing["card"]
    assert (at(lost, 400).temperature_celsius, at(lost, 400).name) == (None, READINGS[0].name)
    assert at(mishaps.passive(EVENING), 50).fans == ()
    flaky = mishaps.flaky(EVENING, every=3)
    assert [at(flaky, second).power_watts is None for second in range(6)] == [False, False, True, False, False, True]
    assert at(flaky, 2).missing["power_watts"] == "the driver reports an unknown error"
    untold = at(mishaps.without(EVENING, "energy_joules"), 9)
    assert (untold.energy_joules, untold.missing["energy_joules"]) == (None, "this card does not report it")
    assert at(mishaps.counter_stands_still(EVENING), 300).energy_joules == 0.0


def test_counters_that_start_again_and_wrap_keep_their_growth() -> None:
    reset = mishaps.counters_reset(EVENING, 300.0)
    assert at(reset, 299) == READINGS[299]
    assert (at(reset, 300).energy_joules, set(at(reset, 300).throttled_seconds.values())) == (0.0, {0.0})
    assert (at(reset, 310).energy_joules or 0.0) == pytest.approx(
        (READINGS[310].energy_joules or 0.0) - (READINGS[300].energy_joules or 0.0)
    )
    wrapped = [only(beat).energy_joules or 0.0 for _, beat in mishaps.counter_wraps(EVENING, 10_000.0)]
    assert max(wrapped) < 10_000.0
    assert sum(later < earlier for earlier, later in itertools.pairwise(wrapped)) > 5


@given(share=st.floats(0, 1), constant=st.floats(5, 300), resistance=st.floats(0.05, 0.5))
def test_a_simulated_card_settles_where_its_power_takes_it(share: float, constant: float, resistance: float) -> None:
    now = [0.0]
    card = SimulatedCard(lambda: now[0], 25.0, resistance, constant, 15.0, 200.0)
    card.working(share)
    now[0] = 20 * constant
    watts = 15.0 + share * 185.0
    assert card.temperature_celsius == pytest.approx(25.0 + resistance * watts, abs=1e-3)
    assert card.settles_at(share) == pytest.approx(25.0 + resistance * watts)
    assert card.energy_joules == pytest.approx(watts * 20 * constant)
    assert card.read().power_watts == pytest.approx(watts)


def test_a_simulated_card_does_not_care_how_its_time_is_cut() -> None:
    whole, cut = SimulatedCard(), SimulatedCard()
    whole.advance(60.0, busy=True)
    for _ in range(600):
        cut.advance(0.1, busy=True)
    assert cut.temperature_celsius == pytest.approx(whole.temperature_celsius)
    assert cut.energy_joules == pytest.approx(whole.energy_joules)
    assert whole.temperature_celsius - whole.settles_at(0.0) == pytest.approx(0.25 * 185.0 * 0.6321, abs=0.01)


def test_half_the_work_is_half_the_heat() -> None:
    card = SimulatedCard(time_constant_s=60.0)
    for _ in range(6000):
        card.advance(0.1, busy=True)
        card.advance(0.1, busy=False)
    assert card.temperature_celsius == pytest.approx(card.settles_at(0.5), abs=0.1)
    reading = card.read()
    assert (reading.power_watts, reading.utilization_percent) == (pytest.approx(107.5), pytest.approx(50.0))


def test_a_simulated_card_refuses_what_it_cannot_be() -> None:
    with pytest.raises(ValueError, match="time constant"):
        SimulatedCard(time_constant_s=0.0)
    with pytest.raises(ValueError, match="share"):
        SimulatedCard().working(1.5)
    with pytest.raises(ValueError, match="clock"):
        SimulatedCard(lambda: 0.0).advance(1.0, busy=True)
