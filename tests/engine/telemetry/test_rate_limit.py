"""What asking costs is known, and what is dear is asked less often."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from babytrain.engine.telemetry.gpu_backend import GpuBackend, MissingValue
from babytrain.engine.telemetry.gpu_thread import GpuThread
from babytrain.engine.telemetry.nvml_queries import NvmlCall, NvmlQueries, read_fields
from babytrain.engine.telemetry.rate_limit import RateLimited
from babytrain.runs.events import GpuReading


class Sensor:
    """A sensor that counts how often it is asked, and what it costs."""

    def __init__(self, cost_seconds: float) -> None:
        self.cost_seconds = cost_seconds
        self.count = 0
        self.spent = 0.0

    def ask(self) -> int:
        self.count += 1
        self.spent += self.cost_seconds
        return self.count


@pytest.mark.parametrize(
    ("cost", "every", "looks"),
    [(1e-6, 0.0, 60), (1e-6, 10.0, 6), (2.5e-3, 0.0, 12), (4e-3, 0.0, 8), (1.0, 0.0, 3)],
)
def test_a_dear_sensor_is_asked_less_often(cost: float, every: float, looks: int) -> None:
    now, sensor = [0.0], Sensor(cost)
    paced = RateLimited(sensor.ask, every, clock=lambda: now[0], cost=lambda: sensor.spent)
    for second in range(60):
        now[0] = float(second)
        assert paced() == sensor.count
    assert sensor.count == looks


def test_a_failure_is_not_remembered() -> None:
    answers: list[int | Exception] = [OSError("busy"), 7]

    def ask() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    paced = RateLimited(ask, 100.0, clock=lambda: 0.0)
    with pytest.raises(OSError, match="busy"):
        paced()
    assert (paced(), paced()) == (7, 7)


def test_the_dearest_call_is_known() -> None:
    now = [0.0]

    def taking(seconds: float) -> NvmlCall[float]:
        def ask(*_: Any) -> float:
            now[0] += seconds
            return 1.0

        return NvmlCall(f"takes {seconds}", ask)

    queries = NvmlQueries(SimpleNamespace(NVMLError=OSError), clock=lambda: now[0])
    assert queries.costs.slowest is None
    queries.query((taking(5.0),))
    queries.costs.forget()
    for seconds in (0.25, 0.5, 0.5):
        queries.query((taking(seconds),))
    assert queries.costs.slowest == ("takes 0.5", 0.5)
    assert queries.costs.calls == 4


def test_a_round_says_what_it_took_and_who_was_dear() -> None:
    class Timed(GpuBackend):
        def __init__(self) -> None:
            super().__init__()
            self.costs.add("nvmlDeviceGetPowerUsage", 0.2)

        def read(self) -> tuple[GpuReading, ...]:
            return (GpuReading(index=0, name="card"),)

    thread = GpuThread(Timed)
    thread.start()
    for _ in range(3):
        thread.ask()
        answer = thread.take(30.0)
    thread.request_stop()
    assert thread.join(30.0)
    assert answer is not None
    assert answer.slowest_call == ("nvmlDeviceGetPowerUsage", 0.2)
    assert 0.0 < answer.driver_seconds < 30.0
    assert 0.0 < answer.mean_seconds < 30.0


def test_waiting_for_the_interpreter_is_not_held_against_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.engine.telemetry.gpu_thread._wait_for_lock", lambda: 30.0)

    class Slow(GpuBackend):
        def read(self) -> tuple[GpuReading, ...]:
            self.costs.add("nvmlDeviceGetPowerUsage", 0.2)
            return ()

    thread = GpuThread(Slow)
    thread.start()
    thread.ask()
    answer = thread.take(30.0)
    thread.request_stop()
    assert thread.join(30.0)
    assert answer is not None
    assert answer.mean_seconds > 0.0
    assert answer.driver_seconds == 0.0


@pytest.mark.parametrize(
    ("kind", "member", "told", "value"),
    [
        (0, "dVal", 41.5, 41.5),
        (1, "uiVal", 70, 70.0),
        (1, "uiVal", 2**32 - 1, None),
        (3, "ullVal", 2**40, float(2**40)),
        (3, "ullVal", 2**64 - 1, None),
        (4, "sllVal", -12, -12.0),
        (5, "siVal", -3, -3.0),
        (6, "usVal", 512, 512.0),
        (99, "uiVal", 7, None),
    ],
)
def test_a_field_is_read_by_the_kind_the_driver_says_it_is(kind: int, member: str, told: float, value: Any) -> None:
    fields = (pynvml.c_nvmlFieldValue_t * 1)()
    ctypes.memset(ctypes.addressof(fields), 0xFF, ctypes.sizeof(fields))  # a union with rubbish around the value
    fields[0].nvmlReturn, fields[0].valueType = 0, kind
    setattr(fields[0].value, member, told)
    binding = SimpleNamespace(nvmlDeviceGetFieldValues=lambda *_: fields, NVMLError=pynvml.NVMLError)
    answer = read_fields(binding, None, (82,))[82]
    assert isinstance(answer, MissingValue) if value is None else answer == value
