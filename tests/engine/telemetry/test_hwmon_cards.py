"""AMD and Intel cards, in trees of files like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.engine.telemetry.gpu_backend import GpuBackend, NoGpu
from babytrain.engine.telemetry.gpu_discovery import AllCards, open_cards
from babytrain.engine.telemetry.hwmon_cards import HwmonBackend
from babytrain.engine.telemetry.nvml_cards import NO_DRIVER
from babytrain.runs.events import Fan, GpuReading

RADEON = {
    "vendor": "0x1002",
    "device": "0x73bf",
    "unique_id": "5c88007d6d5ba7c2",
    "gpu_busy_percent": "97",
    "mem_info_vram_used": "3221225472",
    "mem_info_vram_total": "17163091968",
    "pp_dpm_sclk": "0: 500Mhz\n1: 2150Mhz *\n2: 2575Mhz",
    "power/runtime_status": "active",
}
RADEON_SENSORS = {
    "fan1_input": "1320",
    "pwm1": "102",
    "temp1_input": "61000",
    "temp1_label": "edge",
    "temp1_crit": "100000",
    "temp2_input": "74000",
    "temp2_label": "junction",
    "temp2_crit": "110000",
    "temp3_input": "68000",
    "temp3_label": "mem",
    "power1_average": "187000000",
    "power1_cap": "255000000",
    "freq1_input": "2150000000",
}
ARC = {"vendor": "0x8086", "device": "0x56a0", "../gt_act_freq_mhz": "2400", "../gt_RP0_freq_mhz": "2450"}
ARC_SENSORS = {"energy1_input": "5000000000", "fan1_input": "900", "temp1_input": "55000", "power1_max": "190000000"}


def make_card(
    root: Path, number: int, device: dict[str, str], sensors: dict[str, str] | None = None, driver: str = "amdgpu"
) -> Path:
    """A card of the kernel's; the folder of its sensors."""
    folder = root / f"card{number}" / "device"
    hwmon = folder / "hwmon" / "hwmon3"
    hwmon.mkdir(parents=True)
    (root / "drivers" / driver).mkdir(parents=True, exist_ok=True)
    (folder / "driver").symlink_to(root / "drivers" / driver)
    (folder / "power").mkdir()
    for name, text in device.items():
        (folder / name).write_text(text + "\n")
    for name, text in (sensors or {}).items():
        (hwmon / name).write_text(text + "\n")
    return hwmon


def test_a_radeon_tells_everything_in_our_units(tmp_path: Path) -> None:
    make_card(tmp_path, 1, RADEON, RADEON_SENSORS)
    (reading,) = HwmonBackend(tmp_path, first_index=2).read()
    assert reading == GpuReading(
        index=2,
        name="AMD graphics 73bf (amdgpu)",
        uuid="AMD-5c88007d6d5ba7c2",
        utilization_percent=97.0,
        memory_used_bytes=3 * 1024**3,
        memory_total_bytes=17163091968,
        temperature_celsius=74.0,  # the junction, with the limit that belongs to it
        slowdown_celsius=110.0,
        fans=(Fan(percent=pytest.approx(40.0), rpm=1320.0),),
        power_watts=pytest.approx(187.0),
        power_limit_watts=pytest.approx(255.0),
        clock_mhz=pytest.approx(2150.0),
        highest_clock_mhz=2575.0,
        memory_temperature_celsius=68.0,
        missing={
            "energy_joules": "this card does not report it",
            "throttle_reasons": "its driver does not say why a clock is lowered",
        },
    )


def test_an_intel_card_tells_energy_and_watts_follow_from_it(tmp_path: Path) -> None:
    hwmon = make_card(tmp_path, 0, ARC, ARC_SENSORS, driver="i915")
    now = [10.0]
    backend = HwmonBackend(tmp_path, clock=lambda: now[0])
    first = backend.read()[0]
    assert (first.name, first.energy_joules, first.power_watts) == ("Intel graphics 56a0 (i915)", 5000.0, None)
    assert first.missing["power_watts"] == "it takes two looks to tell"
    assert (first.clock_mhz, first.highest_clock_mhz, first.temperature_celsius) == (2400.0, 2450.0, 55.0)
    assert first.power_limit_watts == pytest.approx(190.0)
    assert first.fans == (Fan(rpm=900.0),)
    now[0] = 12.0
    (hwmon / "energy1_input").write_text("5300000000\n")
    assert backend.read()[0].power_watts == pytest.approx(150.0)
    now[0] = 13.0
    (hwmon / "energy1_input").write_text("0\n")
    assert backend.read()[0].missing["power_watts"] == "its energy counter has started again"


def test_nvidias_cards_and_chips_without_sensors_are_left_out(tmp_path: Path) -> None:
    make_card(tmp_path, 0, {"vendor": "0x10de", "device": "0x2786"}, RADEON_SENSORS)
    make_card(tmp_path, 1, {"vendor": "0x8086", "device": "0x3e92"}, driver="i915")
    (tmp_path / "card1-HDMI-A-1").mkdir()
    (tmp_path / "renderD128").mkdir()
    make_card(tmp_path, 10, RADEON | {"product_name": "Radeon PRO W7800"}, {"temp1_input": "50000"})
    make_card(tmp_path, 9, ARC, {"temp1_input": "40000"}, driver="xe")
    assert [reading.name for reading in HwmonBackend(tmp_path).read()] == [
        "Intel graphics 56a0 (xe)",
        "Radeon PRO W7800",
    ]
    assert HwmonBackend(tmp_path / "nowhere").count == 0


def test_a_passive_card_and_nonsense_in_files(tmp_path: Path) -> None:
    make_card(
        tmp_path,
        0,
        {"vendor": "0x1002", "device": "0x740f", "product_name": "\x1b[2JInstinct"},
        {"temp1_input": "255000000", "power1_input": "not a number", "temp1_label": "hotspot"},
    )
    (reading,) = HwmonBackend(tmp_path).read()
    assert reading.name == "\N{REPLACEMENT CHARACTER}[2JInstinct"
    assert (reading.temperature_celsius, reading.power_watts, reading.fans) == (None, None, ())
    assert reading.missing["fans"] == "no fan of its own"
    assert reading.missing["power_watts"] == "its driver gave no sensible value"
    assert reading.missing["temperature_celsius"] == "this card does not report it"
    quantities = set(GpuReading.__struct_fields__) | {"fan_percent", "fan_rpm"}
    assert set(reading.missing) <= quantities


def test_a_refusal_passes_and_a_card_asleep_is_left_asleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hwmon = make_card(tmp_path, 0, RADEON, RADEON_SENSORS)
    backend = HwmonBackend(tmp_path)
    read, refused = Path.read_bytes, [True]

    def read_bytes(path: Path) -> bytes:
        if path.name == "power1_average" and refused[0]:
            raise PermissionError(1, "Operation not permitted")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert backend.read()[0].missing["power_watts"] == "this user may not read it"
    refused[0] = False
    assert backend.read()[0].power_watts == pytest.approx(187.0)
    (hwmon.parents[1] / "power" / "runtime_status").write_text("suspended\n")
    asleep = backend.read()[0]
    assert asleep.temperature_celsius is None
    assert set(asleep.missing.values()) == {"the card is asleep to save power"}


def test_a_card_taken_away_is_lost_and_the_other_goes_on(tmp_path: Path) -> None:
    gone = make_card(tmp_path, 0, RADEON, RADEON_SENSORS)
    make_card(tmp_path, 1, RADEON, RADEON_SENSORS)
    backend = HwmonBackend(tmp_path)
    assert all(reading.temperature_celsius == 74.0 for reading in backend.read())
    gone.rename(gone.with_name("elsewhere"))
    lost, other = backend.read()
    assert "GPU lost" in lost.missing["card"]
    assert (lost.name, other.temperature_celsius) == (other.name, 74.0)


class Nvidia(GpuBackend):
    """Two cards of the other driver."""

    count = 2
    closed = False

    def read(self) -> tuple[GpuReading, ...]:
        return (GpuReading(index=0, name="RTX 4070"), GpuReading(index=1, name="RTX 4060"))

    def close(self) -> None:
        self.closed = True


def test_cards_of_all_makers_are_numbered_through(tmp_path: Path) -> None:
    make_card(tmp_path, 0, RADEON, RADEON_SENSORS)
    nvidia = Nvidia()
    cards = AllCards(nvidia, HwmonBackend(tmp_path, nvidia.count))
    assert [(card.index, card.name) for card in cards.read()] == [
        (0, "RTX 4070"),
        (1, "RTX 4060"),
        (2, "AMD graphics 73bf (amdgpu)"),
    ]
    cards.close()
    assert nvidia.closed


MISMATCH = "the NVIDIA driver was updated while it was running: restart the computer"


@pytest.mark.parametrize(
    ("nvidia", "card", "note"),
    [
        (NO_DRIVER, False, f"{NO_DRIVER}; nor an AMD or Intel card with sensors"),
        (MISMATCH, False, MISMATCH),
        (NO_DRIVER, True, ""),
        (MISMATCH, True, MISMATCH),
    ],
)
def test_the_note_is_for_computers_without_a_card_or_with_a_driver_in_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nvidia: str, card: bool, note: str
) -> None:
    monkeypatch.setattr("babytrain.engine.telemetry.gpu_discovery.open_gpu_backend", lambda: NoGpu(nvidia))
    if card:
        make_card(tmp_path, 0, RADEON, RADEON_SENSORS)
    cards = open_cards(tmp_path, platform="linux")
    assert (len(cards.read()), cards.note) == (int(card), note)
