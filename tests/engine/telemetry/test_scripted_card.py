"""The card of `sensors=scripted`."""

from __future__ import annotations

import itertools

import pytest

from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT
from babytrain.engine.telemetry.scripted_card import ScriptedBackend, ScriptedCard
from babytrain.runs.events import GpuReading


def ten_minutes_of_work() -> list[GpuReading]:
    """A reading a second of a card that never rests."""
    card, readings = ScriptedCard(), list[GpuReading]()
    for _ in range(601):
        readings.append(card.reading())
        card.pass_second()
    return readings


READINGS = ten_minutes_of_work()


def test_it_starts_idle_has_a_hot_stretch_and_recovers() -> None:
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


def test_the_backend_gives_the_same_readings_however_seldom_it_is_asked() -> None:
    now = [500.0]
    gpu = ScriptedBackend(lambda: now[0])
    for seconds in (0.0, 0.9, 1.0, 57.3, 412.0, 412.0):
        now[0] = 500.0 + seconds
        assert gpu.read() == (READINGS[int(seconds)],)


class Work:
    """A clock, and for how long the run has rested by it."""

    def __init__(self) -> None:
        self.now = self.rested = 0.0
        self.gpu = ScriptedBackend(lambda: self.now, lambda: self.rested)

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
