"""Electricity as Linux counts it, in trees of files like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.telemetry.processor_and_battery_power import (
    ProcessorCounter,
    _grown,
    _Package,
    battery_watts,
    find_rapl_packages,
    has_battery,
)

RANGE = 262_143_328_850


def zone(root: Path, name: str, label: str, microjoules: int = 0) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(label + "\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder / "energy_uj"


def test_nothing_is_counted_twice(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0")
    zone(tmp_path, "intel-rapl:0:0", "core")
    zone(tmp_path, "intel-rapl:0:1", "uncore")
    zone(tmp_path, "intel-rapl:1", "psys")
    zone(tmp_path, "intel-rapl:2", "package-1-die-0")
    zone(tmp_path, "intel-rapl-mmio:0", "package-0")
    assert [package.name for package in find_rapl_packages(tmp_path)] == ["intel-rapl:0", "intel-rapl:2"]


def test_two_packages_add_up_over_a_wrap(tmp_path: Path) -> None:
    first, second = (
        zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 10_000_000),
        zone(tmp_path, "intel-rapl:1", "package-1"),
    )
    now = [50.0]
    counter = ProcessorCounter(tmp_path, lambda: now[0])
    assert (counter.read().joules, counter.read().watts) == (0.0, None)
    now[0] = 52.0
    first.write_text("30000000\n")
    second.write_text("60000000\n")
    look = counter.read()
    assert (look.joules, look.watts) == (pytest.approx(100.0), pytest.approx(50.0))


def test_a_counter_that_starts_again_after_sleep_is_no_wrap(tmp_path: Path) -> None:
    counter_file = zone(tmp_path, "intel-rapl:0", "package-0", 90_000_000)
    now = [0.0]
    counter = ProcessorCounter(tmp_path, lambda: now[0])
    counter.read()
    now[0] = 1.0
    counter_file.write_text("5000000\n")
    assert counter.read().joules == 0.0
    now[0] = 2.0
    counter_file.write_text("35000000\n")
    assert counter.read().watts == pytest.approx(30.0)


def test_a_counter_that_breaks_for_a_while_loses_nothing(tmp_path: Path) -> None:
    counter_file = zone(tmp_path, "intel-rapl:0", "package-0")
    now = [0.0]
    counter = ProcessorCounter(tmp_path, lambda: now[0])
    counter.read()
    counter_file.write_text("garbled\n")
    with pytest.raises(ValueError, match="garbled"):
        counter.read()
    now[0] = 10.0
    counter_file.write_text("200000000\n")
    assert counter.read().watts == pytest.approx(20.0)


def test_no_counter_at_all(tmp_path: Path) -> None:
    assert not ProcessorCounter(tmp_path / "nowhere").present


@given(st.lists(st.floats(0.0, 400.0), min_size=2, max_size=50), st.integers(0, RANGE - 1))
def test_however_the_counter_wraps_the_energy_is_what_was_drawn(watts: list[float], start: int) -> None:
    package = _Package(Path(), RANGE, last=start)
    drawn = counted = 0
    for power in watts:
        microjoules = int(power * 100 * 1e6)  # a look every hundred seconds
        drawn += microjoules
        reading = (start + drawn) % RANGE
        counted += round(_grown(package, reading, 100.0) * 1e6)
        package.last = reading
    assert counted == drawn


@pytest.mark.parametrize(
    ("files", "watts"),
    [
        ({"status": "Discharging", "power_now": "12500000"}, 12.5),
        ({"status": "Discharging", "power_now": "-12500000"}, 12.5),
        ({"status": "Discharging", "current_now": "1500000", "voltage_now": "11400000"}, 17.1),
        ({"status": "Charging", "power_now": "45000000"}, None),
        ({"status": "Full", "power_now": "0"}, None),
    ],
)
def test_what_a_battery_gives(tmp_path: Path, files: dict[str, str], watts: float | None) -> None:
    assert (has_battery(tmp_path), battery_watts(tmp_path)) == (False, None)
    (tmp_path / "BAT1").mkdir()
    for name, text in files.items():
        (tmp_path / "BAT1" / name).write_text(text + "\n")
    assert has_battery(tmp_path)
    assert battery_watts(tmp_path) == (None if watts is None else pytest.approx(watts))


def test_a_battery_nobody_would_believe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "BAT0").mkdir()
    (tmp_path / "BAT0" / "status").write_text("Discharging\n")
    (tmp_path / "BAT0" / "power_now").write_text("12500000000\n")
    with pytest.raises(ValueError, match="laptop"):
        battery_watts(tmp_path)
