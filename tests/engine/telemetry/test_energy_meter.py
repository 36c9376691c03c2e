"""The meter of a run: the right sources count, money follows the clock, and a run that goes on goes on counting."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.telemetry.energy_meter import EnergyMeter
from babytrain.runs.energy.tariff import Tariff, parse_bands
from babytrain.runs.events import Energy, EnergySource, GpuReading, HostReading
from babytrain.runs.journal import decode_event, encode_event

NOON = time.mktime((2026, 11, 10, 12, 0, 0, 0, 0, -1))


def meter(before: Energy | None = None, **changes: Any) -> EnergyMeter:
    facts: dict[str, Any] = {"tariff": Tariff(), "wall_watts": 0.0, "idle_watts": 0.0, "supply_factor": 1.0}
    return EnergyMeter(**(facts | changes), before=before)


def card(index: int = 0, *, trains: bool = True, **changes: Any) -> GpuReading:
    return GpuReading(index=index, name="card", trains=trains, **changes)


class Computer:
    """Looks at a meter once a second by its own clock."""

    def __init__(self, meter: EnergyMeter, wall_time: float = NOON) -> None:
        self.meter, self.t, self.asleep, self.wall_time = meter, 0.0, 0.0, wall_time
        self.energy = Energy(t=0.0, step=0, joules=0.0)

    def look(
        self, *gpus: GpuReading, seconds: float = 1.0, slept: float = 0.0, held: bool = False, **host: Any
    ) -> Energy:
        self.t += seconds
        self.asleep += slept
        before, self.energy = (
            self.energy,
            self.meter.take_reading(
                monotonic=50.0 + self.t,
                boottime=90.0 + self.t + self.asleep,
                wall_time=self.wall_time + self.t + self.asleep,
                host=HostReading(**host),
                gpus=gpus,
                t=self.t,
                step=0,
                held=held,
            ),
        )
        assert self.energy.joules >= before.joules
        return self.energy

    def watch(self, seconds: int, *gpus: GpuReading, **host: Any) -> Energy:
        for _ in range(seconds):
            self.look(*gpus, **host)
        return self.energy


def counted(energy: Energy) -> dict[str, float]:
    return {f"{source.name} {source.quality}": source.joules for source in energy.sources if source.counted}


def shown(energy: Energy) -> dict[str, float]:
    return {f"{source.name} {source.quality}": source.joules for source in energy.sources if not source.counted}


def test_the_counter_of_the_card_is_counted_and_its_polled_power_checks_it() -> None:
    computer = Computer(meter())
    for second in range(11):
        computer.look(card(energy_joules=1e6 + 100.0 * second, power_watts=110.0), processor_joules=30.0 * second)
    energy = computer.energy
    assert energy.joules == pytest.approx(1300)
    assert counted(energy) == pytest.approx({"gpu 0 counter": 1000, "processor counter": 300})
    assert shown(energy) == pytest.approx({"gpu 0 polled": 1100})
    assert energy.watts == pytest.approx(130)
    assert (energy.measured_seconds, energy.unmeasured_seconds) == (pytest.approx(10), 0)


@pytest.mark.parametrize("trains", [True, False])
def test_a_card_that_does_not_train_is_shown_and_not_counted(trains: bool) -> None:
    """Beside one that does, and on a run on the processor alike."""
    idle, busy = card(0, trains=False, power_watts=20.0), card(1, trains=trains, power_watts=200.0)
    energy = Computer(meter()).watch(11, idle, busy, processor_watts=50.0)
    assert energy.joules == pytest.approx(2500 if trains else 500)
    assert shown(energy)["gpu 0 polled"] == pytest.approx(200)


def test_typed_in_watts_stand_for_the_whole_computer() -> None:
    energy = Computer(meter(wall_watts=300.0, supply_factor=1.2)).watch(
        11, card(power_watts=200.0), processor_watts=50.0
    )
    assert energy.joules == pytest.approx(3000)
    assert counted(energy) == pytest.approx({"wall meter manual": 3000})
    assert shown(energy) == pytest.approx({"gpu 0 polled": 2000, "processor polled": 500})
    assert energy.measured_seconds == pytest.approx(10)


def test_a_battery_stands_for_the_whole_computer_while_it_gives() -> None:
    computer = Computer(meter(supply_factor=1.5))
    computer.watch(11, processor_watts=20.0, battery_watts=30.0)
    assert computer.energy.joules == pytest.approx(300)
    computer.watch(10, processor_watts=20.0)  # plugged in: the processor again, and what the supply loses
    assert computer.energy.joules == pytest.approx(300 + 10 * 20 * 1.5)
    computer.watch(11, processor_watts=20.0, battery_watts=30.0)
    energy = computer.energy
    assert energy.joules == pytest.approx(600 + 20 * 1.5 + 300)  # its first reading has nothing before it
    assert energy.unmeasured_seconds == 0
    assert energy.measured_seconds == pytest.approx(31)


def test_a_battery_alone_measures_while_it_gives() -> None:
    computer = Computer(meter())
    computer.watch(11, battery_watts=30.0)
    energy = computer.watch(100)
    assert energy.joules == pytest.approx(300)
    assert energy.measured_seconds == pytest.approx(10)
    assert energy.unmeasured_seconds == pytest.approx(100, abs=4)
    assert energy.watts is None


def test_nothing_measured_is_nothing_claimed() -> None:
    energy = Computer(meter(tariff=Tariff(0.3, "EUR"))).watch(60, card(trains=False))
    assert (energy.joules, energy.watts, energy.money, energy.measured_seconds) == (0.0, None, None, 0.0)
    assert energy.unmeasured_seconds == pytest.approx(59)
    assert energy.sources == ()


def test_a_card_that_trains_and_cannot_be_measured_is_told() -> None:
    energy = Computer(meter()).watch(61, card(), processor_watts=50.0)
    gpu = next(source for source in energy.sources if source.name == "gpu 0")
    assert (gpu.joules, gpu.measured_seconds, gpu.counted) == (0.0, 0.0, True)
    assert gpu.unmeasured_seconds == pytest.approx(60, abs=4)
    assert energy.unmeasured_seconds == pytest.approx(60, abs=4)
    assert energy.watts is None


def test_a_lost_card_leaves_a_gap_and_no_energy() -> None:
    computer = Computer(meter())
    computer.watch(101, card(power_watts=200.0), processor_watts=50.0)
    energy = computer.watch(100, card(), processor_watts=50.0)
    assert counted(energy) == pytest.approx({"gpu 0 polled": 20_000, "processor polled": 10_000})
    assert (energy.measured_seconds, energy.unmeasured_seconds) == (pytest.approx(100), pytest.approx(100))
    assert energy.watts is None


def test_a_night_asleep_is_unmeasured_whatever_the_counter_says() -> None:
    computer = Computer(meter())
    for second in range(11):
        computer.look(card(energy_joules=100.0 * second, power_watts=100.0))
    computer.look(card(energy_joules=5000.0, power_watts=100.0), slept=8 * 3600.0)
    energy = computer.look(card(energy_joules=5100.0, power_watts=100.0))
    assert energy.joules == pytest.approx(1100)
    assert energy.measured_seconds == pytest.approx(11)
    assert energy.unmeasured_seconds == pytest.approx(8 * 3600 + 1)
    assert next(s for s in energy.sources if s.quality == "counter").unmeasured_seconds == pytest.approx(8 * 3600 + 1)


def test_a_meter_that_is_looked_at_more_seldom_has_no_gaps() -> None:
    computer = Computer(meter())
    for _ in range(20):
        computer.look(card(power_watts=100.0), seconds=10.0)
    assert computer.energy.unmeasured_seconds <= 30  # until ten seconds are the usual interval
    assert computer.energy.joules == pytest.approx(100 * computer.energy.measured_seconds)


def test_idle_draw_is_taken_off_measured_time_and_never_more_than_was_drawn() -> None:
    computer = Computer(meter(idle_watts=60.0))
    computer.watch(11, card(power_watts=200.0))
    assert computer.energy.joules == pytest.approx(1400)
    assert computer.energy.watts == pytest.approx(200)
    computer.watch(2, card(power_watts=10.0))  # one second comes down from 200, one is all idle
    energy = computer.watch(10, card(power_watts=10.0))
    assert energy.joules == pytest.approx(1400 + (105 - 60))
    assert energy.idle_joules == pytest.approx(660 + 11 * 10)


def test_the_money_is_that_of_the_hour() -> None:
    tariff = Tariff(0.40, "EUR", parse_bands("22:00-06:00 0.10"))
    computer = Computer(meter(tariff=tariff, wall_watts=1000.0), wall_time=NOON + 10 * 3600 - 1801)
    energy = computer.watch(3601)
    assert energy.joules == pytest.approx(3.6e6)
    assert energy.money == pytest.approx((0.40 + 0.10) / 2, rel=0.002)


def test_a_run_that_goes_on_goes_on_counting_source_by_source() -> None:
    tariff = Tariff(0.5, "EUR")
    first = Computer(meter(tariff=tariff)).watch(11, card(power_watts=100.0))
    record = decode_event(encode_event(first))  # through the journal, as a resume finds it
    assert isinstance(record, Energy)
    second = Computer(meter(record, tariff=tariff)).watch(11, processor_watts=40.0)
    assert second.joules == pytest.approx(1400)
    assert counted(second) == pytest.approx({"gpu 0 polled": 1000, "processor polled": 400})
    assert second.money == pytest.approx(0.5 * 1400 / 3.6e6)
    assert second.measured_seconds == pytest.approx(20)


def test_what_was_drawn_before_there_was_a_price_is_valued_when_there_is_one() -> None:
    first = Computer(meter()).watch(11, card(power_watts=100.0))
    assert first.money is None
    second = Computer(meter(first, tariff=Tariff(0.5, "EUR"))).watch(11, card(power_watts=100.0))
    assert second.money == pytest.approx(0.5 * 2000 / 3.6e6)


def sum_of(sources: Iterable[EnergySource], factor: float) -> float:
    return sum(s.joules * (1.0 if s.scope == "computer" else factor) for s in sources if s.counted)


choice = st.none() | st.floats(0.0, 400.0)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(choice, choice, choice, choice, st.sampled_from([1.0, 1.0, 1.0, 0.7, 5.0, 40.0]), st.booleans()),
        max_size=40,
    ),
    st.sampled_from([0.0, 250.0]),
    st.sampled_from([0.0, 80.0]),
)
def test_whatever_comes_and_goes_the_sources_that_count_are_the_total(
    rows: list[tuple[float | None, float | None, float | None, float | None, float, bool]], wall: float, idle: float
) -> None:
    computer = Computer(meter(wall_watts=wall, idle_watts=idle, supply_factor=1.25))
    joules, elapsed = 0.0, 0.0
    for counter, power, processor, battery, seconds, sleeps in rows:
        joules += (counter or 0.0) * seconds
        slept = 100.0 if sleeps and seconds == 40.0 else 0.0
        gpu = card(energy_joules=None if counter is None else joules, power_watts=power)
        energy = computer.look(gpu, seconds=seconds, slept=slept, processor_watts=processor, battery_watts=battery)
        elapsed += seconds + slept
        assert sum_of(energy.sources, 1.25) == pytest.approx(energy.joules + energy.idle_joules, abs=1e-6)
        assert energy.measured_seconds + energy.unmeasured_seconds <= elapsed - rows[0][4] + 1e-6


@given(st.lists(st.tuples(*[st.booleans()] * 4), min_size=2, max_size=60))
def test_no_second_is_on_the_bill_twice(speaking: list[tuple[bool, bool, bool, bool]]) -> None:
    """Every sensor tells the truth of a computer that draws 150 W, whenever it says anything."""
    computer = Computer(meter())
    for second, (counter, power, processor, battery) in enumerate(speaking):
        computer.look(
            card(energy_joules=100.0 * second if counter else None, power_watts=100.0 if power else None),
            processor_watts=50.0 if processor else None,
            battery_watts=150.0 if battery else None,
        )
        assert computer.energy.joules <= 150.0 * second + 1e-6
        assert computer.energy.measured_seconds + computer.energy.unmeasured_seconds <= second + 1e-6


def test_typed_watts_are_those_of_training_and_not_of_a_pause() -> None:
    computer = Computer(meter(wall_watts=300.0))
    computer.watch(11)
    energy = computer.watch(3600, held=True)
    assert energy.joules == pytest.approx(3000)
    assert energy.watts is None
    assert energy.measured_seconds + energy.unmeasured_seconds == pytest.approx(3610)
    assert energy.measured_seconds == pytest.approx(10)
    computer.look()  # it trains again
    assert computer.watch(10).joules == pytest.approx(6000)


def test_sensors_count_in_a_pause_where_watts_are_typed_in() -> None:
    computer = Computer(meter(wall_watts=300.0))
    computer.watch(11, card(power_watts=200.0))
    energy = computer.watch(100, card(power_watts=10.0), held=True)
    assert counted(energy) == pytest.approx({"wall meter manual": 3000, "gpu 0 polled": 1000 + 95})
    assert energy.unmeasured_seconds == pytest.approx(0.0, abs=1.0)
