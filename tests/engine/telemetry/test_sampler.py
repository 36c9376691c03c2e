"""The sampler goes on whatever its sensors, its driver and its listener do, and stops when told."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

import pytest

from babytrain.engine.telemetry.gpu_backend import GpuBackend, NoGpu
from babytrain.engine.telemetry.sampler import TelemetrySampler
from babytrain.runs.events import GpuReading, HostReading
from tests.engine.telemetry.fake_gpu import FakeGpu
from tests.timeouts import LONGEST_WAIT_SECONDS

CARD = GpuReading(index=0, name="card", temperature_celsius=50.0)
Published = tuple[HostReading, tuple[GpuReading, ...], str]
Sample = Callable[..., tuple[TelemetrySampler, "Queue[Published]"]]


class Host:
    """A host whose look can be made to fail or to burn processor time."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.burn_seconds = 0.0

    def read(self) -> HostReading:
        if self.error is not None:
            raise self.error
        end = time.thread_time() + self.burn_seconds
        while time.thread_time() < end:
            pass
        return HostReading(cpu_percent=10.0)


class BlockingGpu(GpuBackend):
    """A driver that answers only while `answering` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.answering = threading.Event()
        self.closed = threading.Event()

    def read(self) -> tuple[GpuReading, ...]:
        self.asked.set()
        self.answering.wait()
        return (CARD,)

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def sample() -> Iterator[Sample]:
    """Start a fast sampler and stop it when the test is over."""
    samplers: list[TelemetrySampler] = []

    def start(gpu: GpuBackend, **options: Any) -> tuple[TelemetrySampler, Queue[Published]]:
        published: Queue[Published] = Queue()
        settings: dict[str, Any] = {
            "read_host": Host().read,
            "interval_seconds": 0.005,
            "open_gpu": lambda: gpu,
        } | options
        sampler = TelemetrySampler(lambda *reading: published.put(reading), **(settings | options))
        samplers.append(sampler)
        sampler.start()
        return sampler, published

    yield start
    for sampler in samplers:
        sampler.stop()


def wait_for(published: Queue[Published], wanted: Callable[[Published], bool]) -> Published:
    while not wanted(reading := published.get(timeout=LONGEST_WAIT_SECONDS)):
        pass
    return reading


def test_cards_and_host_are_published_together(sample: Sample) -> None:
    _, published = sample(FakeGpu((CARD,)))
    host, gpus, note = wait_for(published, lambda reading: bool(reading[1]))
    assert (host.cpu_percent, gpus, note) == (10.0, (CARD,), "")


def test_without_a_card_the_note_says_why(sample: Sample) -> None:
    _, published = sample(NoGpu("no NVIDIA driver here"))
    assert wait_for(published, lambda reading: reading[2] != "waiting for the graphics driver")[1:] == (
        (),
        "no NVIDIA driver here",
    )


def test_a_hung_driver_is_reported_while_the_host_goes_on_and_comes_back(sample: Sample) -> None:
    gpu = BlockingGpu()
    sampler, published = sample(gpu, hang_seconds=0.03)
    host, gpus, note = wait_for(published, lambda reading: "has not answered" in reading[2])
    assert sampler.hung
    assert (host.cpu_percent, gpus) == (10.0, ())
    assert re.fullmatch(r"the driver has not answered for \d+s", note)
    published.get(timeout=LONGEST_WAIT_SECONDS)
    gpu.answering.set()
    assert wait_for(published, lambda reading: bool(reading[1]))[1:] == ((CARD,), "")
    wait_for(published, lambda _: not sampler.hung)


def test_a_slow_opening_keeps_nobody_waiting(sample: Sample) -> None:
    open_now = threading.Event()

    def open_slowly() -> GpuBackend:
        open_now.wait()
        return FakeGpu((CARD,))

    _, published = sample(NoGpu(""), open_gpu=open_slowly)
    host, gpus, note = published.get(timeout=LONGEST_WAIT_SECONDS)
    assert (host.cpu_percent, gpus, note) == (10.0, (), "waiting for the graphics driver")
    open_now.set()
    wait_for(published, lambda reading: bool(reading[1]))


def test_stop_is_prompt_in_the_middle_of_a_long_interval(sample: Sample) -> None:
    gpu = FakeGpu((CARD,))
    sampler, published = sample(gpu, interval_seconds=3600.0)
    published.get(timeout=LONGEST_WAIT_SECONDS)
    assert sampler.stop(LONGEST_WAIT_SECONDS) is True
    assert gpu.closed
    assert published.empty()


def test_stop_does_not_wait_for_a_driver_that_hangs(sample: Sample) -> None:
    gpu = BlockingGpu()
    sampler, published = sample(gpu, hang_seconds=0.01)
    wait_for(published, lambda reading: "has not answered" in reading[2])
    assert sampler.stop(timeout=3600.0) is False  # waiting for it would run into the test's time limit
    gpu.answering.set()
    assert gpu.closed.wait(LONGEST_WAIT_SECONDS)  # and when the driver wakes up, it is let go of


def test_a_stop_in_the_middle_of_a_round_publishes_nothing_more(sample: Sample) -> None:
    gpu = BlockingGpu()
    sampler, published = sample(gpu, interval_seconds=3600.0, hang_seconds=3600.0)
    assert gpu.asked.wait(LONGEST_WAIT_SECONDS)
    assert sampler.stop(timeout=0.02) is False
    gpu.answering.set()
    assert sampler.stop(LONGEST_WAIT_SECONDS) is True
    assert published.empty()


def test_stop_before_start_and_twice() -> None:
    sampler = TelemetrySampler(lambda *_: None, open_gpu=lambda: NoGpu(""), read_host=Host().read)
    assert sampler.stop() is True
    started = TelemetrySampler(lambda *_: None, open_gpu=lambda: NoGpu(""), read_host=Host().read)
    started.start()
    assert started.stop(LONGEST_WAIT_SECONDS) is True
    assert started.stop(LONGEST_WAIT_SECONDS) is True


def test_a_listener_that_breaks_loses_one_reading_and_hears_about_it() -> None:
    published: Queue[Published] = Queue()
    broken = threading.Event()

    def publish(host: HostReading, gpus: tuple[GpuReading, ...], note: str) -> None:
        if not broken.is_set():
            broken.set()
            raise ValueError("full \x1b[31m disk")
        published.put((host, gpus, note))

    gpu = NoGpu("no card")
    sampler = TelemetrySampler(publish, open_gpu=lambda: gpu, read_host=Host().read, interval_seconds=0.005)
    sampler.start()
    note = published.get(timeout=LONGEST_WAIT_SECONDS)[2]
    wait_for(published, lambda reading: reading[2] == "no card")
    sampler.stop()
    assert "could not be passed on (full" in note
    assert "\x1b" not in note


def test_a_backend_that_raises_is_a_note_and_recovers(sample: Sample, capfd: pytest.CaptureFixture[str]) -> None:
    gpu = FakeGpu(RuntimeError("the driver \x1b[31m coughs"))
    sampler, published = sample(gpu)
    _, gpus, note = wait_for(published, lambda reading: "coughs" in reading[2])
    assert gpus == ()
    assert "\x1b" not in note
    gpu.answer = (CARD,)
    assert wait_for(published, lambda reading: bool(reading[1]))[2] == ""
    assert sampler.stop(LONGEST_WAIT_SECONDS)
    assert capfd.readouterr().err == ""


def test_an_opening_that_raises_is_a_note(sample: Sample) -> None:
    def explode() -> GpuBackend:
        raise RuntimeError("no luck")

    _, published = sample(NoGpu(""), open_gpu=explode)
    wait_for(published, lambda reading: "cannot be opened (no luck)" in reading[2])


def test_host_sensors_that_raise_cost_only_themselves(sample: Sample) -> None:
    host = Host()
    host.error = RuntimeError("melted")
    _, published = sample(FakeGpu((CARD,)), read_host=host.read)
    reading, gpus, note = wait_for(published, lambda reading: bool(reading[1]))
    assert (reading, gpus) == (HostReading(), (CARD,))
    assert "melted" in note


def test_expensive_rounds_come_less_often_and_cheap_ones_bring_the_pace_back(sample: Sample) -> None:
    host = Host()
    host.burn_seconds = 0.06
    sampler, published = sample(NoGpu(""), read_host=host.read)
    wait_for(published, lambda _: sampler.interval_seconds >= 0.02)
    host.burn_seconds = 0.0
    wait_for(published, lambda _: sampler.interval_seconds == 0.005)


@pytest.mark.parametrize(("base", "longest"), [(1.0, 10.0), (30.0, 30.0)])
def test_the_interval_has_an_upper_end(base: float, longest: float) -> None:
    gpu = NoGpu("")
    sampler = TelemetrySampler(lambda *_: None, open_gpu=lambda: gpu, read_host=Host().read, interval_seconds=base)
    for _ in range(10):
        sampler._adapt(1.0)
    assert sampler.interval_seconds == longest


def test_one_dear_round_is_a_hiccup_and_two_are_a_reason() -> None:
    sampler = TelemetrySampler(lambda *_: None, open_gpu=lambda: NoGpu(""), read_host=Host().read)
    intervals = []
    for round_seconds in (0.2, 0.01, 0.2, 0.03, 0.2, 0.2, 0.03, 0.01, 0.01):
        sampler._adapt(round_seconds)
        intervals.append(sampler.interval_seconds)
    assert intervals == [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0]
