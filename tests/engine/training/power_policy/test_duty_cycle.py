"""Rests: how long they are, what ends them, and what they leave alone."""

from __future__ import annotations

import threading

import pytest
import torch
from msgspec.structs import replace

from babytrain.engine.telemetry.scripted_card import ScriptedBackend
from babytrain.engine.training.power_policy.duty_cycle import REST_SLICE_SECONDS, DutyCycleController
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.dials.state import DialState, initial_dials
from babytrain.runs.events import AnyEvent, Energy, GpuReading, HostReading, Phase, PolicyEvent, Vitals
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.tiny_runs import tiny_config


class Sink:
    failing_since: float | None = None
    last_error = ""
    dropped = 0

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def append(self, event: AnyEvent) -> None:
        self.events.append(event)


class Meter:
    def look(self, *, t: float, step: int, **_: object) -> Energy:
        return Energy(t=t, step=step, joules=t)


class House:
    """A housekeeper in a world whose time passes only when somebody sleeps."""

    def __init__(self, device: str = "cpu", **dials: object) -> None:
        self.now, self.slept = 1000.0, 0.0
        self.longest = 0.0
        self.sink, self.feed = Sink(), LiveFeed()
        self.recorder = Recorder(self.sink, self.feed, clock=lambda: self.now)
        self.keeper = DutyCycleController(
            self.recorder,
            self.feed,
            Meter(),
            device=torch.device(device),
            clock=lambda: self.now,
            wall_clock=lambda: 1_780_000_000.0 + self.now,
            sleep=self.sleep,
        )
        self.dials: DialState = initial_dials(tiny_config(**dials).to_dict())
        self.when_asleep = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds
        self.longest = max(self.longest, seconds)
        self.when_asleep()

    def told(self) -> list[tuple[str, str]]:
        return [(event.cause, event.action) for event in self.sink.events if isinstance(event, PolicyEvent)]


def all_day(duty_cycle: float, **dials: object) -> House:
    return House(quiet_hours="00:00-24:00", quiet_duty=duty_cycle, **dials)


@pytest.mark.parametrize("step_seconds", [0.0005, 0.03, 0.4, 3.0])
@pytest.mark.parametrize("duty_cycle", [0.1, 0.5, 0.9])
def test_work_is_the_duty_of_the_time_whatever_a_step_takes(step_seconds: float, duty_cycle: float) -> None:
    house = all_day(duty_cycle)
    began, worked = house.now, 0.0
    while worked < 12.0:
        house.now += step_seconds
        worked += step_seconds
        assert house.keeper.rest_between_steps(house.dials, step_seconds) is False
    assert worked / (house.now - began) == pytest.approx(duty_cycle, rel=0.02)
    assert house.longest <= REST_SLICE_SECONDS


def test_a_request_ends_a_rest_at_once_and_the_rest_of_it_comes_after() -> None:
    house = all_day(0.1)
    house.when_asleep = lambda: house.feed.ask("sample") if house.slept >= 2.0 and house.feed.requests.empty() else None
    assert house.keeper.rest_between_steps(house.dials, 1.0) is True
    assert house.slept == pytest.approx(2.0, abs=2 * REST_SLICE_SECONDS)
    house.when_asleep = lambda: None
    house.feed.requests.get_nowait()
    assert house.keeper.rest_between_steps(house.dials, 0.0) is False
    assert house.slept == pytest.approx(9.0, abs=1e-6)


def test_on_a_card_the_queued_work_is_waited_for_and_paid_for_before_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House("cuda", quiet_hours="00:00-24:00", quiet_duty=0.5)
    slept_before: list[float] = []

    def synchronize(_: torch.device) -> None:
        slept_before.append(house.slept)
        house.now += 3.0

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    house.keeper.rest_between_steps(house.dials, 0.2)
    assert slept_before == [0.0]
    assert house.slept == pytest.approx(3.2)
    free = House("cuda")
    free.keeper.rest_between_steps(free.dials, 0.2)
    assert slept_before == [0.0]  # a free run is not made to wait


def test_a_stop_ends_a_rest_at_once() -> None:
    house = all_day(0.1)
    house.when_asleep = house.feed.stop_requested.set
    assert house.keeper.rest_between_steps(house.dials, 1.0) is True
    assert house.slept <= REST_SLICE_SECONDS


def test_a_free_run_never_sleeps_and_old_work_is_not_paid_for_later() -> None:
    house = House()
    for _ in range(100):
        house.keeper.rest_between_steps(house.dials, 1.0)
    assert house.slept == 0.0
    house.keeper.rest_between_steps(all_day(0.5).dials, 0.2)
    assert house.slept == pytest.approx(0.2)


def test_readings_are_filed_during_a_rest() -> None:
    house = all_day(0.5)
    house.when_asleep = lambda: house.keeper.look(HostReading(cpu_percent=1.0), (), "")
    house.keeper.rest_between_steps(house.dials, 1.0)
    assert sum(isinstance(event, Vitals) for event in house.sink.events) > 3
    assert any(isinstance(event, Energy) for event in house.sink.events)


def test_a_rest_gets_shorter_when_the_card_cools_down_while_it_lasts() -> None:
    house = House(temperature_ceiling_celsius=70.0)

    def look(celsius: float) -> None:
        card = GpuReading(index=0, name="card", trains=True, temperature_celsius=celsius)
        house.recorder.phase = "training"
        house.keeper.look(HostReading(), (card,), "")

    for _ in range(120):
        house.now += 1.0
        look(90.0)
    house.keeper.judge(house.dials)
    house.when_asleep = lambda: look(40.0)
    house.keeper.rest_between_steps(house.dials, 10.0)
    assert 1.0 < house.slept < 60.0  # and not the 490 s of a duty of 2%


def test_paused_overruled_and_released_are_each_told_once() -> None:
    house = all_day(0.0)
    for _ in range(5):
        house.now += 1.0
        assert house.keeper.judge(house.dials).pauses
    assert house.keeper.pausing
    house.keeper.overrule(house.dials)
    assert not house.keeper.pausing
    house.keeper.overrule(house.dials)  # there is nothing left to overrule
    assert house.told() == [("quiet hours", "paused"), ("quiet hours", "overridden")]
    other = all_day(0.0)
    other.keeper.judge(other.dials)
    other.keeper.judge(initial_dials(tiny_config(quiet_hours="off").to_dict()))
    assert other.told() == [("quiet hours", "paused"), ("quiet hours", "released")]


def test_a_lost_card_is_noticed_only_if_it_trains() -> None:
    house = House()
    lost = {"card": "GPU lost: the card has fallen off the bus"}
    house.keeper.look(HostReading(), (GpuReading(index=0, name="other", missing=lost),), "")
    assert house.keeper.lost_card(patience=5.0) == ""
    house.keeper.look(HostReading(), (GpuReading(index=1, name="card", trains=True, missing=lost),), "")
    assert house.keeper.lost_card() == "card"


def test_two_more_looks_are_enough_to_know_that_the_card_is_not_lost() -> None:
    house, fine = House(), GpuReading(index=0, name="card", trains=True)
    house.keeper.look(HostReading(), (fine,), "")
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(house.keeper.lost_card(patience=3600.0)), daemon=True)
    waiting.start()
    while waiting.is_alive():
        house.keeper.look(HostReading(), (fine,), "")
        waiting.join(0.01)
    assert found == [""]


def played(ceiling: float, minutes: float, **dials: object) -> tuple[list[float], float]:
    """The temperatures, second by second, of the scripted card under a run of steps of 30 ms; its share of work."""
    house = House(temperature_ceiling_celsius=ceiling, **dials)
    began, worked, celsius = house.now, 0.0, list[float]()
    gpu = ScriptedBackend(lambda: house.now, house.keeper.rested_seconds)

    def look() -> None:
        if house.now - began >= len(celsius):
            (reading,) = gpu.read()
            celsius.append(reading.temperature_celsius or 0.0)
            house.keeper.look(HostReading(), (replace(reading, trains=True),), "")

    house.recorder.phase, house.when_asleep = "training", look
    while house.now < began + 60 * minutes:
        house.now += 0.03
        worked += 0.03
        look()
        house.keeper.rest_between_steps(house.dials, 0.03)
    return celsius, worked / (60 * minutes)


@pytest.mark.parametrize("ceiling", [60.0, 65.0, 75.0])
def test_the_scripted_card_is_held_at_its_ceiling_even_under_a_cat(ceiling: float) -> None:
    celsius, work = played(ceiling, 12)
    assert max(celsius) <= ceiling + 2.0
    assert max(celsius[300:]) >= ceiling - 2.0
    assert work > 0.3
    assert max(played(0.0, 2)[0]) > ceiling + 2.0


def test_the_time_it_rested_is_that_between_steps_and_that_of_pauses() -> None:
    house = all_day(0.5)
    house.keeper.rest_between_steps(house.dials, 4.0)
    assert house.keeper.rested_seconds() == pytest.approx(4.0)
    house.recorder.emit(Phase(t=house.recorder.now(), step=0, phase="paused"))
    house.now += 10.0
    assert house.keeper.rested_seconds() == pytest.approx(14.0)
    house.recorder.emit(Phase(t=house.recorder.now(), step=0, phase="training"))
    house.now += 5.0
    assert house.keeper.rested_seconds() == pytest.approx(14.0)
