"""The host's sensors on systems that have them, lack them, or have broken ones."""

from __future__ import annotations

import math
import threading
from collections import namedtuple
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.telemetry.host import HostSensors, first_fan, hottest_cpu

Temperature = namedtuple("Temperature", "label current high critical")
FanSpeed = namedtuple("FanSpeed", "label current")
Battery = namedtuple("Battery", "percent secsleft power_plugged")


def degrees(*values: float, label: str = "") -> list[Any]:
    return [Temperature(label, value, None, None) for value in values]


def rpm(*values: float) -> list[Any]:
    return [FanSpeed("", value) for value in values]


def install(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """Have psutil answer, or raise when the answer is an exception."""
    for name, answer in answers.items():

        def ask(*_: Any, answer: Any = answer, **__: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(psutil, name, ask, raising=False)


def test_a_laptop_tells_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        monkeypatch,
        sensors_temperatures={"nvme": degrees(70), "coretemp": degrees(55, 61)},
        sensors_fans={"thinkpad": rpm(2800)},
        sensors_battery=Battery(81.5, 3600, False),
    )
    sensors = HostSensors()
    reading = sensors.read()
    assert (reading.temperature_celsius, reading.fan_rpm) == (61.0, 2800.0)
    assert (reading.battery_percent, reading.plugged_in) == (81.5, False)
    assert sensors.missing == {}


def test_the_real_machine_has_a_processor_and_memory() -> None:
    reading = HostSensors().read()
    assert reading.cpu_percent is not None
    assert len(reading.core_percents) == psutil.cpu_count()
    assert reading.cpu_percent == pytest.approx(sum(reading.core_percents) / len(reading.core_percents))
    assert reading.memory_total_bytes is not None
    assert reading.memory_used_bytes is not None
    assert reading.process_memory_bytes is not None
    assert 0 < reading.process_memory_bytes < reading.memory_total_bytes
    assert 0 < reading.memory_used_bytes < reading.memory_total_bytes


def test_the_first_load_of_every_thread_is_measured_over_a_stretch_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """psutil remembers per thread, and without an interval its first answer in a thread is a meaningless 0."""
    intervals: list[float | None] = []

    def cpu_percent(interval: float | None, percpu: bool) -> list[float]:
        intervals.append(interval)
        return [50.0, 70.0]

    now = [100.0]
    monkeypatch.setattr(psutil, "cpu_percent", cpu_percent)
    monkeypatch.setattr("babytrain.engine.telemetry.host.time.monotonic", lambda: now[0])
    sensors = HostSensors()
    assert sensors.read().cpu_percent == 60.0
    now[0] += 1.0
    sensors.read()
    now[0] += 0.01
    sensors.read()
    now[0] += 1.0
    thread = threading.Thread(target=sensors.read)
    thread.start()
    thread.join()
    assert intervals == [0.1, None, 0.1, 0.1]


def test_a_system_without_the_functions_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sensors_temperatures", "sensors_fans", "sensors_battery"):
        monkeypatch.delattr(psutil, name, raising=False)
    sensors = HostSensors()
    reading = sensors.read()
    assert (reading.temperature_celsius, reading.fan_rpm, reading.battery_percent) == (None, None, None)
    assert set(sensors.missing) == {"temperature", "fan", "battery"}
    install(monkeypatch, sensors_fans={"thinkpad": rpm(2800)})
    assert sensors.read().fan_rpm is None


def test_empty_answers_mean_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, sensors_temperatures={}, sensors_fans={}, sensors_battery=None)
    sensors = HostSensors()
    reading = sensors.read()
    assert (reading.temperature_celsius, reading.fan_rpm, reading.battery_percent) == (None, None, None)
    assert reading.plugged_in is None
    assert sensors.missing["battery"] == "no such sensor found"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(5, "Input/output error"), "failed (OSError)"),
        (PermissionError(13, "Permission denied"), "may not read"),
        (psutil.AccessDenied(1), "may not read"),
        (ZeroDivisionError(), "failed (ZeroDivisionError)"),
        (ValueError("garbled"), "failed (ValueError)"),
    ],
)
def test_broken_sensors_are_none_now_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    functions = ("sensors_temperatures", "sensors_fans", "sensors_battery", "virtual_memory", "cpu_percent", "Process")
    broken = dict.fromkeys(functions, error)
    install(monkeypatch, **broken)
    sensors = HostSensors()
    reading = sensors.read()
    assert reading.cpu_percent is None
    assert reading.core_percents == ()
    assert (reading.memory_total_bytes, reading.process_memory_bytes) == (None, None)
    assert all(words in reason for reason in sensors.missing.values())
    assert len(sensors.missing) == 6
    install(monkeypatch, sensors_fans={"thinkpad": rpm(2800)})
    assert sensors.read().fan_rpm == 2800.0
    assert "fan" not in sensors.missing


@pytest.mark.parametrize(
    ("sensors", "celsius"),
    [
        ({"coretemp": degrees(40, 72, 65)}, 72.0),
        ({"acpitz": degrees(90), "coretemp": degrees(50)}, 50.0),
        ({"acpitz": degrees(48)}, 48.0),
        ({"k10temp": degrees(95, label="Tctl") + degrees(68, label="Tdie")}, 68.0),
        ({"k10temp": degrees(66, label="Tctl")}, 66.0),
        ({"coretemp": degrees(0, -273, 255, math.nan)}, None),
        ({"coretemp": degrees(0), "acpitz": degrees(44)}, 44.0),
        ({"nvme": degrees(77), "iwlwifi_1": degrees(60), "amdgpu": degrees(80)}, None),
    ],
)
def test_the_hottest_sensible_processor_temperature(sensors: dict[str, Any], celsius: float | None) -> None:
    assert hottest_cpu(sensors) == celsius


@pytest.mark.parametrize(
    ("sensors", "speed"),
    [
        ({"dell_smm": rpm(0, 1900)}, 1900.0),
        ({"dell_smm": rpm(0, 0)}, 0.0),
        ({"thinkpad": rpm(65535)}, None),
        ({"amdgpu": rpm(1200), "nct6775": rpm(800)}, 800.0),
        ({}, None),
    ],
)
def test_the_first_turning_fan(sensors: dict[str, Any], speed: float | None) -> None:
    assert first_fan(sensors) == speed


@given(
    st.dictionaries(
        st.sampled_from(["coretemp", "k10temp", "acpitz", "nvme", "thinkpad"]),
        st.lists(st.floats() | st.integers() | st.none(), max_size=4),
    )
)
def test_no_reading_of_any_chip_makes_a_number_nobody_would_believe(chips: dict[str, list[Any]]) -> None:
    celsius = hottest_cpu({name: degrees(*values) for name, values in chips.items()})
    assert celsius is None or 1.0 <= celsius <= 125.0
    speed = first_fan({name: rpm(*values) for name, values in chips.items()})
    assert speed is None or 0.0 <= speed < 30_000.0
