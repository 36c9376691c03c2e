"""Real (tiny) runs that are held back: the same bits, later; what a person may do meanwhile; a card that is lost."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from babytrain.engine.sessions import background_services
from babytrain.engine.sessions.rerun import plan_rerun, train_rerun
from babytrain.engine.sessions.start_and_resume import train_resumed
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.power_policy import duty_cycle
from babytrain.engine.training.power_policy.duty_cycle import DutyCycleController
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.events import Command, Ended, Energy, GpuReading, HostReading, Phase, PolicyEvent, Sample, Step
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from tests.engine.tiny_runs import SteeredFeed, events_of, final_optimizer, final_weights, resume_from, same_bits, train

ALL_DAY = "00:00-24:00"
Look = Callable[[int], tuple[HostReading, tuple[GpuReading, ...]]]


def calm(_: int) -> tuple[HostReading, tuple[GpuReading, ...]]:
    return HostReading(), ()


class FastSensors:
    """In place of the sampler: publishes what a script says, every millisecond or so, until it is stopped."""

    look: Look = staticmethod(calm)

    def __init__(self, publish: Callable[..., None], **_: Any) -> None:
        self._publish = publish
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._tell(0)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for number in itertools.count(1):
            if self._stop.wait(0.001):
                return
            self._tell(number)

    def _tell(self, number: int) -> None:
        host, gpus = FastSensors.look(number)
        self._publish(host, gpus, "")


@pytest.fixture
def sensors(monkeypatch: pytest.MonkeyPatch) -> Callable[[Look], None]:
    monkeypatch.setattr(background_services, "TelemetrySampler", FastSensors)
    return lambda look: monkeypatch.setattr(FastSensors, "look", staticmethod(look))


def policy_events(result: Any) -> list[tuple[str, str]]:
    return [(event.cause, event.action) for event in events_of(result) if isinstance(event, PolicyEvent)]


class Night(LiveFeed):
    """Sends the commands of a list as the run says for the first time that it rests, one each time."""

    def __init__(self, *commands: dict[str, Any]) -> None:
        super().__init__()
        self.commands = list(commands)

    def publish(self, event: Any) -> None:
        super().publish(event)
        if isinstance(event, Phase) and event.phase == "policy_pause" and self.commands:
            self.ask(**self.commands.pop(0))


def test_a_run_that_is_held_back_in_every_way_ends_in_the_same_bits(
    tmp_path: Path, sensors: Callable[[Look], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = train(tmp_path, name="free", dropout=0.1)

    class OnBattery(LiveFeed):
        """Somebody plugs it in once it waits for that."""

        paused = threading.Event()

        def publish(self, event: Any) -> None:
            super().publish(event)
            if isinstance(event, PolicyEvent) and (event.cause, event.action) == ("battery", "paused"):
                self.paused.set()

    feed = OnBattery()

    def look(number: int) -> tuple[HostReading, tuple[GpuReading, ...]]:
        celsius = 95.0 if number % 40 < 20 else 40.0
        return HostReading(temperature_celsius=celsius, processor_watts=90.0, plugged_in=feed.paused.is_set()), ()

    sensors(look)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds / 300)

    # A world in which time passes three hundred times as fast.
    hurried = partial(DutyCycleController, clock=lambda: time.monotonic() * 300, sleep=sleep)
    monkeypatch.setattr(background_services, "DutyCycleController", hurried)
    monkeypatch.setattr(duty_cycle, "WORK_PER_REST_SECONDS", 0.0)
    held = train(
        tmp_path,
        feed,
        name="held",
        dropout=0.1,
        temperature_ceiling_celsius=60.0,
        power_budget_watts=20.0,
        on_battery="pause",
        quiet_hours=ALL_DAY,
        quiet_duty=0.5,
    )
    told = policy_events(held)
    assert ("quiet hours", "slowed") in told
    assert slept
    assert {("battery", "paused"), ("battery", "released")} <= set(told)
    assert same_bits(final_weights(held), final_weights(free))
    assert same_bits(final_optimizer(held), final_optimizer(free))
    plan = plan_rerun(RunFolder(Path(held.run_dir)), runs_dir=tmp_path / "runs")
    assert plan.commands == 0
    outcome = train_rerun(plan, LiveFeed())
    assert outcome.same, outcome.sentence()


def test_at_night_a_run_rests_obeys_and_goes_on_when_it_is_overruled(
    tmp_path: Path, sensors: Callable[[Look], None]
) -> None:
    feed = Night({"action": "sample", "text": "the sna"}, {"action": "evaluate"}, {"action": "resume"})
    result = train(tmp_path, feed, quiet_hours=ALL_DAY)
    events = events_of(result)
    assert result.status == "done"
    assert policy_events(result) == [("quiet hours", "paused"), ("quiet hours", "overridden")]
    assert [event.action for event in events if isinstance(event, Command)] == ["sample", "evaluate", "resume"]
    assert any(isinstance(event, Sample) and event.requested and event.step == 0 for event in events)
    first_step = next(index for index, event in enumerate(events) if isinstance(event, Step))
    overruled = next(
        i for i, event in enumerate(events) if isinstance(event, PolicyEvent) and event.action == "overridden"
    )
    assert overruled < first_step
    assert sum(isinstance(event, Phase) for event in events) < 40  # a rest says so once, not at each look
    assert same_bits(final_weights(result), final_weights(train(tmp_path, name="free")))


def test_a_turned_dial_ends_a_rest(tmp_path: Path, sensors: Callable[[Look], None]) -> None:
    feed = Night({"action": "set", "dial": "quiet_hours", "text": "off"})
    result = train(tmp_path, feed, quiet_hours=ALL_DAY)
    assert result.status == "done"
    assert policy_events(result) == [("quiet hours", "paused"), ("quiet hours", "released")]


def test_a_pause_at_rest_is_a_pause_and_its_end_is_the_rest_again(
    tmp_path: Path, sensors: Callable[[Look], None]
) -> None:
    class Pausing(Night):
        def publish(self, event: Any) -> None:
            super().publish(event)
            if isinstance(event, Phase) and event.phase == "paused":
                self.ask("resume")

    result = train(tmp_path, Pausing({"action": "pause"}, {"action": "resume"}), quiet_hours=ALL_DAY)
    phases = [event.phase for event in events_of(result) if isinstance(event, Phase)]
    held = [name for name in phases if name in ("paused", "policy_pause")]
    assert held == ["policy_pause", "paused", "policy_pause"]
    assert result.status == "done"


def test_steps_that_are_asked_for_at_rest_are_made(tmp_path: Path, sensors: Callable[[Look], None]) -> None:
    class Steps(Night):
        def publish(self, event: Any) -> None:
            super().publish(event)
            if isinstance(event, Phase) and event.phase == "paused":
                self.ask("stop")

    result = train(tmp_path, Steps({"action": "advance", "value": 3.0}), quiet_hours=ALL_DAY)
    assert (result.status, result.steps) == ("interrupted", 3)


def test_a_stop_at_rest_stops(tmp_path: Path, sensors: Callable[[Look], None]) -> None:
    result = train(tmp_path, Night({"action": "stop"}), quiet_hours=ALL_DAY)
    assert (result.status, result.steps) == ("interrupted", 0)
    resumed = train_resumed(Path(result.run_dir), {"quiet_hours": "off"}, LiveFeed())
    assert (resumed.status, resumed.steps) == ("done", 20)


def test_minutes_do_not_run_while_a_run_is_paused_or_at_rest(
    tmp_path: Path, sensors: Callable[[Look], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, float]] = []

    def fits(limit_seconds: float, worked_seconds: float, **_: int) -> None:
        asked.append((limit_seconds, worked_seconds))

    monkeypatch.setattr("babytrain.engine.training.trainer.steps_that_fit", fits)
    feed = Night({"action": "resume"})
    result = train(tmp_path, feed, quiet_hours=ALL_DAY, minutes=1.0, steps=12)
    events = events_of(result)
    resting = next(event.t for event in events if isinstance(event, Phase) and event.phase == "policy_pause")
    over = next(event.t for event in events if isinstance(event, Phase) and event.t > resting)
    end = next(event.t for event in events if isinstance(event, Ended))
    assert asked[-1][0] == 60.0
    assert 0 < asked[-1][1] <= end - (over - resting) + 1e-6


# a card that is lost


def lost_after(looks: int) -> Look:
    def look(number: int) -> tuple[HostReading, tuple[GpuReading, ...]]:
        missing = {"card": "GPU lost: the card has fallen off the bus"} if number >= looks else {}
        return HostReading(), (GpuReading(index=0, name="Tesla", nickname="Ember", trains=True, missing=missing),)

    return look


def test_a_card_that_is_lost_stops_its_run_in_order_and_the_weights_are_saved(
    tmp_path: Path, sensors: Callable[[Look], None]
) -> None:
    sensors(lost_after(3))
    result = train(tmp_path, steps=1_000_000, eval_every=100_000, sample_every=0, checkpoint_every=100_000)
    assert result.status == "failed"
    assert "Ember" in result.reason
    assert f"step-{result.steps:09d}" in result.reason
    assert "resume the run" in result.reason
    events = events_of(result)
    assert isinstance(events[-1], Ended)
    assert policy_events(result) == [("lost card", "stopped")]
    sensors(calm)
    on = train_resumed(Path(result.run_dir), {"steps": result.steps + 5}, LiveFeed())
    assert (on.status, on.steps) == ("done", result.steps + 5)


def test_a_step_that_breaks_on_a_lost_card_touches_it_no_more(
    tmp_path: Path, sensors: Callable[[Look], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Batches.next_batch
    touched_after: list[str] = []

    def breaking(self: Batches, first: int, dials: DialState) -> Any:
        if first < 7 * dials.batch_size:
            return whole(self, first, dials)
        monkeypatch.setattr(CheckpointWriter, "save", lambda *_: touched_after.append("save"))
        sensors(lost_after(0))
        raise RuntimeError("CUDA error: unspecified launch failure")

    sensors(lost_after(10**9))
    monkeypatch.setattr(Batches, "next_batch", breaking)
    result = train(tmp_path)
    assert result.status == "failed"
    assert "step-000000005" in result.reason
    assert touched_after == []


def test_an_error_without_a_lost_card_is_a_crash_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(*_: object) -> Any:
        raise RuntimeError("something else")

    monkeypatch.setattr(Batches, "next_batch", breaking)
    with pytest.raises(Exception, match="something else"):
        train(tmp_path)


def test_another_card_that_is_lost_is_none_of_its_business(tmp_path: Path, sensors: Callable[[Look], None]) -> None:
    missing = {"card": "GPU lost: the card has fallen off the bus"}
    sensors(lambda _: (HostReading(), (GpuReading(index=1, name="other", missing=missing),)))
    assert train(tmp_path).status == "done"


# electricity


def test_the_electricity_is_filed_before_the_end_and_a_resumed_run_goes_on_counting(
    tmp_path: Path, sensors: Callable[[Look], None]
) -> None:
    result = train(tmp_path, wall_watts=100.0, currency="EUR", electricity_price_per_kwh=0.3)
    events = events_of(result)
    newest = [event for event in events if isinstance(event, Energy)][-1]
    assert isinstance(events[-1], Ended)
    assert newest.joules > 0
    assert newest.money == pytest.approx(newest.joules / 3.6e6 * 0.3)
    resumed = events_of(resume_from(result, 10))
    later = [event for event in resumed if isinstance(event, Energy)][-1]
    assert later.joules > newest.joules  # what was drawn for steps that were given up was drawn all the same
    other = events_of(resume_from(result, 15, currency="INR", electricity_price_per_kwh=8.0))
    last = [event for event in other if isinstance(event, Energy)][-1]
    assert last.money == pytest.approx(last.joules / 3.6e6 * 8.0)


def test_a_crash_files_the_electricity_too(
    tmp_path: Path, sensors: Callable[[Look], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Batches.next_batch

    def breaking(self: Batches, first: int, dials: DialState) -> Any:
        if first == 9 * dials.batch_size:
            raise ValueError("broken")
        return whole(self, first, dials)

    monkeypatch.setattr(Batches, "next_batch", breaking)
    with pytest.raises(Exception, match="broken"):
        train(tmp_path, wall_watts=100.0)
    from babytrain.runs.journal import read_journal

    (journal,) = (tmp_path / "runs").glob("*/journal.jsonl")
    events = read_journal(journal).events
    assert isinstance(events[-1], Ended)
    ended_at = events[-1].t
    energies = [event for event in events if isinstance(event, Energy)]
    assert energies[-1].joules > energies[0].joules
    assert energies[-1].t <= ended_at


def test_commands_during_a_slow_run_are_obeyed_between_its_rests(
    tmp_path: Path, sensors: Callable[[Look], None]
) -> None:
    feed = SteeredFeed({4: [{"action": "lr_scale", "value": 0.5}]})
    slow = train(tmp_path, feed, "slow", quiet_hours=ALL_DAY, quiet_duty=0.6)
    feed = SteeredFeed({4: [{"action": "lr_scale", "value": 0.5}]})
    assert same_bits(final_weights(slow), final_weights(train(tmp_path, feed, "free")))
