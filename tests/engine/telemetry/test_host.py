"""The host's sensors on systems that have them, lack them, or have broken ones."""

from __future__ import annotations

import math
import threading
from collections import namedtuple
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.telemetry.host import HostSensors, first_fan, hottest_cpu, plausible_sensors

Temperature = namedtuple("Temperature", "label current high critical")
FanSpeed = namedtuple("FanSpeed", "label current")
Disk = namedtuple("Disk", "total used free")
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


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_package(powercap: Path, name: str = "intel-rapl:0", label: str = "package-0") -> Path:
    """A counter of the processor's energy; the file with its microjoules."""
    zone = powercap / name
    zone.mkdir(parents=True)
    (zone / "name").write_text(label + "\n")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    (zone / "energy_uj").write_text("1000000\n")
    return zone / "energy_uj"


def make_battery(power_supply: Path, **files: str) -> Path:
    battery = power_supply / "BAT0"
    battery.mkdir(parents=True)
    for name, text in files.items():
        (battery / name).write_text(text + "\n")
    return battery


def test_a_laptop_tells_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock) -> None:
    install(
        monkeypatch,
        sensors_temperatures={"nvme": degrees(70), "coretemp": degrees(55, 61)},
        sensors_fans={"thinkpad": rpm(2800)},
        sensors_battery=Battery(81.5, 3600, False),
    )
    counter = make_package(tmp_path / "powercap")
    make_battery(tmp_path / "supply", status="Discharging", power_now="18400000")
    sensors = HostSensors(
        tmp_path / "runs" / "not yet", powercap=tmp_path / "powercap", power_supply=tmp_path / "supply", clock=clock
    )
    assert sensors.read().missing == {"processor_watts": "it takes two looks to tell"}
    clock.now += 2.0
    counter.write_text("61000000\n")
    reading = sensors.read()
    assert (reading.temperature_celsius, reading.fan_rpm) == (61.0, 2800.0)
    assert (reading.battery_percent, reading.plugged_in, reading.battery_watts) == (81.5, False, pytest.approx(18.4))
    assert (reading.processor_watts, reading.processor_joules) == (pytest.approx(30.0), pytest.approx(60.0))
    assert reading.temperatures_celsius == {"nvme": 70.0, "coretemp 1": 55.0, "coretemp 2": 61.0}
    assert reading.fans_rpm == {"thinkpad": 2800.0}
    assert reading.disk_free_bytes is not None
    assert reading.disk_total_bytes is not None
    assert 0 < reading.disk_free_bytes <= reading.disk_total_bytes
    assert reading.swap_total_bytes is not None
    assert reading.missing == sensors.missing == {}


def test_the_processors_energy_counter_closed_then_opened(tmp_path: Path, clock: Clock, no_root: None) -> None:
    counter = make_package(tmp_path)
    counter.chmod(0)
    sensors = HostSensors(powercap=tmp_path, clock=clock)
    closed = sensors.read()
    assert (closed.processor_watts, closed.processor_joules) == (None, None)
    assert closed.missing["processor_watts"].endswith("`babytrain-tui doctor` says how to open it")
    counter.chmod(0o444)
    sensors.read()
    clock.now += 1.0
    assert sensors.read().processor_watts == 0.0


@pytest.fixture
def no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files closed to everybody are closed to this test too, whoever runs it."""
    really = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if not path.stat().st_mode & 0o444:
            raise PermissionError(13, "Permission denied")
        return really(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)


def test_a_battery_that_charges_gives_nothing(tmp_path: Path) -> None:
    battery = make_battery(tmp_path, status="Charging", power_now="30000000")
    clock = Clock()
    sensors = HostSensors(power_supply=tmp_path, clock=clock)
    assert sensors.read().missing["battery_watts"] == "the battery gives nothing while it is plugged in"
    (battery / "status").write_text("Discharging\n")
    clock.now += 30.0
    assert sensors.read().battery_watts == pytest.approx(30.0)


def test_slow_sensors_are_not_asked_every_second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock) -> None:
    asked: list[str] = []

    def disk_usage(path: str) -> Any:
        asked.append(path)
        return Disk(100, 40, 60)

    monkeypatch.setattr(psutil, "disk_usage", disk_usage)
    sensors = HostSensors(tmp_path, clock=clock)
    for _ in range(10):
        assert sensors.read().disk_free_bytes == 60
        clock.now += 1.0
    assert asked == [str(tmp_path)]
    sensors.read()
    assert len(asked) == 2


def test_every_believable_sensor_has_a_name_of_its_own() -> None:
    table = {
        "coretemp": degrees(50, label="Package id 0") + degrees(48, label="Core 0") + degrees(255, label="Core 1"),
        "nvme": degrees(40, label="Composite") + degrees(44, label="Composite"),
        "bad\x1b[31m": degrees(30),
    }
    assert plausible_sensors(table, lambda celsius: celsius < 125) == {
        "coretemp Package id 0": 50.0,
        "coretemp Core 0": 48.0,
        "nvme Composite": 40.0,
        "nvme Composite (2)": 44.0,
        "bad\N{REPLACEMENT CHARACTER}[31m": 30.0,
    }
    assert len(plausible_sensors({"board": degrees(*range(20, 120))}, lambda _: True)) == 24


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

    clock = Clock()
    monkeypatch.setattr(psutil, "cpu_percent", cpu_percent)
    sensors = HostSensors(clock=clock)
    assert sensors.read().cpu_percent == 60.0
    clock.now += 1.0
    sensors.read()
    clock.now += 0.01
    sensors.read()
    clock.now += 1.0
    thread = threading.Thread(target=sensors.read)
    thread.start()
    thread.join()
    assert intervals == [0.1, None, 0.1, 0.1]


NO_COUNTERS = {"powercap": Path("/nonexistent"), "power_supply": Path("/nonexistent")}
NOT_HERE = {
    "processor_watts": "this system offers no energy counter of the processor",
    "battery_watts": "no such sensor found",
}


def test_a_system_without_the_functions_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sensors_temperatures", "sensors_fans", "sensors_battery"):
        monkeypatch.delattr(psutil, name, raising=False)
    sensors = HostSensors(**NO_COUNTERS)
    reading = sensors.read()
    assert (reading.temperature_celsius, reading.fan_rpm, reading.battery_percent) == (None, None, None)
    quantities = ("temperature_celsius", "fan_rpm", "battery_percent")
    assert reading.missing == NOT_HERE | dict.fromkeys(quantities, "this system offers no such sensor")
    install(monkeypatch, sensors_fans={"thinkpad": rpm(2800)})
    assert sensors.read().fan_rpm is None


def test_empty_answers_mean_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, sensors_temperatures={}, sensors_fans={}, sensors_battery=None)
    reading = HostSensors(**NO_COUNTERS).read()
    assert (reading.temperature_celsius, reading.fan_rpm, reading.battery_percent) == (None, None, None)
    assert (reading.plugged_in, reading.temperatures_celsius, reading.fans_rpm) == (None, {}, {})
    assert reading.missing["battery_percent"] == "no such sensor found"


def test_other_chips_do_not_make_a_processors_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, sensors_temperatures={"nvme": degrees(60)}, sensors_fans={"amdgpu": rpm(900)})
    reading = HostSensors(**NO_COUNTERS).read()
    assert (reading.temperature_celsius, reading.temperatures_celsius) == (None, {"nvme": 60.0})
    assert (reading.fan_rpm, reading.fans_rpm) == (None, {"amdgpu": 900.0})
    assert reading.missing["temperature_celsius"] == reading.missing["fan_rpm"] == "no such sensor found"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(5, "Input/output error"), "failed (Input/output error)"),
        (PermissionError(13, "Permission denied"), "may not read"),
        (psutil.AccessDenied(1), "may not read"),
        (ZeroDivisionError(), "failed (it gives no reason)"),
        (ValueError("garbled"), "failed (garbled)"),
    ],
)
def test_broken_sensors_are_none_now_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    functions = ("sensors_temperatures", "sensors_fans", "sensors_battery", "virtual_memory", "cpu_percent", "Process")
    broken = dict.fromkeys(functions, error)
    install(monkeypatch, **broken)
    sensors = HostSensors(**NO_COUNTERS)
    reading = sensors.read()
    assert reading.cpu_percent is None
    assert reading.core_percents == ()
    assert (reading.memory_total_bytes, reading.process_memory_bytes) == (None, None)
    broken_reasons = {name: reason for name, reason in reading.missing.items() if name not in NOT_HERE}
    assert all(words in reason for reason in broken_reasons.values())
    assert len(broken_reasons) == 6
    install(monkeypatch, sensors_fans={"thinkpad": rpm(2800)})
    assert sensors.read().fan_rpm == 2800.0
    assert "fan_rpm" not in sensors.missing


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
