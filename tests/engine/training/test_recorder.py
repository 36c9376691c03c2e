"""The engine's voice: what is filed, what is only shown, and what is said when the journal cannot be written."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT
from babytrain.engine.training.recorder import DENSE_VITALS_SECONDS, Recorder
from babytrain.runs.events import (
    AnyEvent,
    Ended,
    Energy,
    GpuReading,
    HostReading,
    LogMessage,
    Phase,
    SamplePiece,
    Vitals,
)
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.throttling import MAX_SENSOR_GAP_SECONDS
from babytrain.runs.store.folder import RunFolder


class Sink:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.failing_since: float | None = None
        self.last_error = ""
        self.dropped = 0

    def append(self, event: AnyEvent) -> None:
        self.events.append(event)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make() -> tuple[Recorder, Sink, LiveFeed, Clock]:
    sink, feed, clock = Sink(), LiveFeed(), Clock()
    return Recorder(sink, feed, RunFolder(Path()), start_t=100.0, clock=clock), sink, feed, clock


def test_time_goes_on_from_where_the_run_stood() -> None:
    recorder, _, _, clock = make()
    clock.now = 2.5
    assert recorder.now() == 102.5


def test_a_sample_being_written_is_shown_but_not_filed() -> None:
    recorder, sink, feed, _ = make()
    recorder.emit(SamplePiece(t=1.0, step=1, sample_id=1, prompt="", text="the sn"))
    assert sink.events == []
    assert len(feed.drain_events()) == 1


def test_a_failing_journal_is_said_once_and_its_recovery_too() -> None:
    recorder, sink, feed, _ = make()
    sink.failing_since, sink.last_error = 5.0, "No space left on device"
    recorder.write_handed_over()
    recorder.write_handed_over()
    sink.failing_since = None
    recorder.write_handed_over()
    notes = [event for event in feed.drain_events() if isinstance(event, LogMessage)]
    assert [note.level for note in notes] == ["error", "info"]
    assert "No space left" in notes[0].text
    assert notes[1].text.endswith("nothing of it is missing.")


def test_a_journal_that_lost_lines_does_not_say_that_nothing_is_missing() -> None:
    recorder, sink, feed, _ = make()
    for lost in (1200, 1205):
        sink.failing_since, sink.dropped = 5.0, lost
        recorder.write_handed_over()
        sink.failing_since = None
        recorder.write_handed_over()
    notes = [event.text for event in feed.drain_events() if isinstance(event, LogMessage) and event.level == "info"]
    assert ["1,200 lines of it are missing" in notes[0], "; 5 lines of it are missing" in notes[1]] == [True, True]


def test_readings_are_all_shown_but_filed_ever_more_seldom() -> None:
    recorder, sink, feed, clock = make()
    for second in range(1000):
        clock.now = float(second)
        recorder.publish_vitals(HostReading(cpu_percent=1.0), (), "")
        recorder.write_handed_over()
    assert len(sink.events) == 1000
    clock.now = 24 * 3600.0
    for _ in range(240):
        clock.now += 1.0
        recorder.publish_vitals(HostReading(cpu_percent=1.0), (), "")
        recorder.write_handed_over()
    filed = [event for event in sink.events if isinstance(event, Vitals) and event.t > 24 * 3600.0]
    assert 240 / (2 + 24 * 3600 / DENSE_VITALS_SECONDS) <= len(filed) <= 10
    assert len(feed.drain_events()) == 1240


def test_seconds_slowed_down_by_heat_count_for_a_minute_and_a_power_limit_does_not() -> None:
    recorder, _, _, clock = make()
    for second in range(10):
        clock.now = float(second)
        reasons = (HOT,) if second < 4 else (AT_POWER_LIMIT,)
        recorder.publish_vitals(
            HostReading(), (GpuReading(index=0, name="card", trains=True, throttle_reasons=reasons),), ""
        )
    assert recorder.throttled_seconds() == 4.0
    clock.now = 61.5  # the first one and half of the second are more than a minute ago
    assert recorder.throttled_seconds() == 2.5


@pytest.mark.parametrize("interval", [1.0, 4.0, 10.0])
def test_seconds_slowed_down_do_not_depend_on_how_often_the_sensors_are_read(interval: float) -> None:
    recorder, _, _, clock = make()
    other, training = (GpuReading(index=index, name="card", trains=index == 1) for index in (0, 1))
    while clock.now < 120.0:
        clock.now += interval
        recorder.publish_vitals(HostReading(), (other, replace(training, throttle_reasons=(HOT,))), "")
    assert recorder.throttled_seconds() == 60.0
    recorder.publish_vitals(HostReading(), (replace(other, throttle_reasons=(HOT,)), training), "")
    clock.now += 30.0
    assert recorder.throttled_seconds() == 30.0, "a card that does not train does not count"


def test_sensors_that_fall_silent_do_not_say_that_it_is_hot_for_ever() -> None:
    recorder, _, _, clock = make()
    recorder.publish_vitals(
        HostReading(), (GpuReading(index=0, name="card", trains=True, throttle_reasons=(HOT,)),), ""
    )
    clock.now = 40.0
    assert recorder.throttled_seconds() == MAX_SENSOR_GAP_SECONDS


def test_electricity_is_shown_each_time_filed_now_and_then_and_once_more_before_the_end() -> None:
    recorder, sink, feed, clock = make()
    for second in range(600):
        clock.now = float(second)
        recorder.publish(Energy(t=recorder.now(), step=0, joules=float(second)))
        recorder.write_handed_over()
    assert len(feed.drain_events()) == 600
    assert len(sink.events) == 60
    recorder.write_handed_over(last=True)
    assert [event.joules for event in sink.events if isinstance(event, Energy)][-1] == 599.0
    clock.now = 7 * 24 * 3600.0
    for _ in range(1000):
        clock.now += 1.0
        recorder.publish(Energy(t=recorder.now(), step=0, joules=clock.now))
        recorder.write_handed_over()
    assert len(sink.events) <= 61 + 3


def test_nothing_is_filed_after_the_end() -> None:
    recorder, sink, _, _ = make()
    recorder.emit(Ended(t=1.0, step=1, status="done", reason="", tokens=1, tokens_per_second=1.0))
    recorder.publish_vitals(HostReading(), (), "")
    recorder.publish(Energy(t=2.0, step=1, joules=1.0))
    recorder.write_handed_over(last=True)
    assert [type(event) for event in sink.events] == [Ended]


def test_an_hour_of_pause_is_no_hour_of_calm_training() -> None:
    recorder, _, _, clock = make()
    for seconds, phase in ((10.0, "training"), (20.0, "paused"), (3620.0, "policy_pause"), (4000.0, "training")):
        clock.now = seconds
        recorder.emit(Phase(t=recorder.now(), step=1, phase=phase))
        if phase == "policy_pause":
            assert recorder.seconds_since_divergence() == 20.0
    clock.now = 4005.0
    assert recorder.seconds_since_divergence() == 25.0
