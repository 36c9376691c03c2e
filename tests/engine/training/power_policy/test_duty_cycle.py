"""Rests: how long they are, what ends them, and what they leave alone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from babytrain.engine.telemetry.energy_meter import EnergyMeter
from babytrain.engine.telemetry.scripted_card import ScriptedBackend
from babytrain.engine.training.power_policy.duty_cycle import REST_SLICE_SECONDS, DutyCycleController
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.dials.dial_state import DialState, initial_dials
from babytrain.runs.events import AnyEvent, Energy, GpuReading, HostReading, Phase, PolicyEvent, Vitals
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from tests.engine.tiny_runs import tiny_config


class Sink:
    failing_since: float | None = None
    last_error = ""
    dropped = 0

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def append(self, event: AnyEvent) -> None:
        self.events.append(event)


class Meter(EnergyMeter):
    def __init__(self) -> None:
        """Nothing to remember."""

    def take_reading(self, *, t: float, step: int, **_: object) -> Energy:  # type: ignore[override]
        return Energy(t=t, step=step, joules=t)


class World:
    """A duty-cycle controller in a world whose time passes only when somebody sleeps."""

    def __init__(self, device: str = "cpu", **dials: object) -> None:
        self.now, self.slept = 1000.0, 0.0
        self.longest = 0.0
        self.sink, self.feed = Sink(), LiveFeed()
        self.recorder = Recorder(self.sink, self.feed, RunFolder(Path()), clock=lambda: self.now)
        self.controller = DutyCycleController(
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

    def reported(self) -> list[tuple[str, str]]:
        return [(event.cause, event.action) for event in self.sink.events if isinstance(event, PolicyEvent)]


def all_day(duty_cycle: float, **dials: object) -> World:
    return World(quiet_hours="00:00-24:00", quiet_duty=duty_cycle, **dials)


@pytest.mark.parametrize("step_seconds", [0.0005, 0.03, 0.4, 3.0])
@pytest.mark.parametrize("duty_cycle", [0.1, 0.5, 0.9])
def test_work_is_the_duty_of_the_time_whatever_a_step_takes(step_seconds: float, duty_cycle: float) -> None:
    world = all_day(duty_cycle)
    began, worked = world.now, 0.0
    while worked < 12.0:
        world.now += step_seconds
        worked += step_seconds
        assert world.controller.rest_between_steps(world.dials, step_seconds) is False
    assert worked / (world.now - began) == pytest.approx(duty_cycle, rel=0.02)
    assert world.longest <= REST_SLICE_SECONDS


def test_a_request_ends_a_rest_at_once_and_the_rest_of_it_comes_after() -> None:
    world = all_day(0.1)
    world.when_asleep = lambda: world.feed.ask("sample") if world.slept >= 2.0 and world.feed.requests.empty() else None
    assert world.controller.rest_between_steps(world.dials, 1.0) is True
    assert world.slept == pytest.approx(2.0, abs=2 * REST_SLICE_SECONDS)
    world.when_asleep = lambda: None
    world.feed.requests.get_nowait()
    assert world.controller.rest_between_steps(world.dials, 0.0) is False
    assert world.slept == pytest.approx(9.0, abs=1e-6)


def test_on_a_card_the_queued_work_is_waited_for_and_paid_for_before_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("cuda", quiet_hours="00:00-24:00", quiet_duty=0.5)
    slept_before: list[float] = []

    def synchronize(_: torch.device) -> None:
        slept_before.append(world.slept)
        world.now += 3.0

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    world.controller.rest_between_steps(world.dials, 0.2)
    assert slept_before == [0.0]
    assert world.slept == pytest.approx(3.2)
    free = World("cuda")
    free.controller.rest_between_steps(free.dials, 0.2)
    assert slept_before == [0.0]  # a free run is not made to wait


def test_a_stop_ends_a_rest_at_once() -> None:
    world = all_day(0.1)
    world.when_asleep = world.feed.stop_requested.set
    assert world.controller.rest_between_steps(world.dials, 1.0) is True
    assert world.slept <= REST_SLICE_SECONDS


def test_a_free_run_never_sleeps_and_old_work_is_not_paid_for_later() -> None:
    world = World()
    for _ in range(100):
        world.controller.rest_between_steps(world.dials, 1.0)
    assert world.slept == 0.0
    world.controller.rest_between_steps(all_day(0.5).dials, 0.2)
    assert world.slept == pytest.approx(0.2)


def test_readings_are_filed_during_a_rest() -> None:
    world = all_day(0.5)
    world.when_asleep = lambda: world.controller.take_reading(HostReading(cpu_percent=1.0), (), "")
    world.controller.rest_between_steps(world.dials, 1.0)
    assert sum(isinstance(event, Vitals) for event in world.sink.events) > 3
    assert any(isinstance(event, Energy) for event in world.sink.events)


def test_a_rest_gets_shorter_when_the_card_cools_down_while_it_lasts() -> None:
    world = World(temperature_ceiling_celsius=70.0)

    def look(celsius: float) -> None:
        card = GpuReading(index=0, name="card", trains=True, temperature_celsius=celsius)
        world.recorder.phase = "training"
        world.controller.take_reading(HostReading(), (card,), "")

    for _ in range(120):
        world.now += 1.0
        look(90.0)
    world.controller.decide(world.dials)
    world.when_asleep = lambda: look(40.0)
    world.controller.rest_between_steps(world.dials, 10.0)
    assert 1.0 < world.slept < 60.0  # and not the 490 s of a duty of 2%


def test_paused_overruled_and_released_are_each_told_once() -> None:
    world = all_day(0.0)
    for _ in range(5):
        world.now += 1.0
        assert world.controller.decide(world.dials).pauses
    assert world.controller.pausing
    world.controller.overrule(world.dials)
    assert not world.controller.pausing
    world.controller.overrule(world.dials)  # there is nothing left to overrule
    assert world.reported() == [("quiet hours", "paused"), ("quiet hours", "overridden")]
    other = all_day(0.0)
    other.controller.decide(other.dials)
    other.controller.decide(initial_dials(tiny_config(quiet_hours="off").to_dict()))
    assert other.reported() == [("quiet hours", "paused"), ("quiet hours", "released")]


def test_a_lost_card_is_noticed_only_if_it_trains() -> None:
    world = World()
    lost = {"card": "GPU lost: the card has fallen off the bus"}
    world.controller.take_reading(HostReading(), (GpuReading(index=0, name="other", missing=lost),), "")
    assert world.controller.lost_card(wait_seconds=5.0) == ""
    world.controller.take_reading(HostReading(), (GpuReading(index=1, name="card", trains=True, missing=lost),), "")
    assert world.controller.lost_card() == "card"


def test_two_more_looks_are_enough_to_know_that_the_card_is_not_lost() -> None:
    world, fine = World(), GpuReading(index=0, name="card", trains=True)
    world.controller.take_reading(HostReading(), (fine,), "")
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(world.controller.lost_card(3600.0)), daemon=True)
    waiting.start()
    while waiting.is_alive():
        world.controller.take_reading(HostReading(), (fine,), "")
        waiting.join(0.01)
    assert found == [""]


def played(ceiling: float, minutes: float, **dials: object) -> tuple[list[float], float]:
    """The temperatures, second by second, of the scripted card under a run of steps of 30 ms; its share of work."""
    world = World(temperature_ceiling_celsius=ceiling, **dials)
    began, worked, celsius = world.now, 0.0, list[float]()
    gpu = ScriptedBackend(lambda: world.now, world.controller.rested_seconds)

    def look() -> None:
        if world.now - began >= len(celsius):
            (reading,) = gpu.read()
            celsius.append(reading.temperature_celsius or 0.0)
            world.controller.take_reading(HostReading(), (replace(reading, trains=True),), "")

    world.recorder.phase, world.when_asleep = "training", look
    while world.now < began + 60 * minutes:
        world.now += 0.03
        worked += 0.03
        look()
        world.controller.rest_between_steps(world.dials, 0.03)
    return celsius, worked / (60 * minutes)


@pytest.mark.parametrize("ceiling", [60.0, 65.0, 75.0])
def test_the_scripted_card_is_held_at_its_ceiling_even_under_a_cat(ceiling: float) -> None:
    celsius, work = played(ceiling, 12)
    assert max(celsius) <= ceiling + 2.0
    assert max(celsius[300:]) >= ceiling - 2.0
    assert work > 0.3
    assert max(played(0.0, 2)[0]) > ceiling + 2.0


def test_the_time_it_rested_is_that_between_steps_and_that_of_pauses() -> None:
    world = all_day(0.5)
    world.controller.rest_between_steps(world.dials, 4.0)
    assert world.controller.rested_seconds() == pytest.approx(4.0)
    world.recorder.emit(Phase(t=world.recorder.now(), step=0, phase="paused"))
    world.now += 10.0
    assert world.controller.rested_seconds() == pytest.approx(14.0)
    world.recorder.emit(Phase(t=world.recorder.now(), step=0, phase="training"))
    world.now += 5.0
    assert world.controller.rested_seconds() == pytest.approx(14.0)
