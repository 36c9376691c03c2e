"""The real binding against a fake driver: struct layouts, return codes and hangs as NVML really has them."""

from __future__ import annotations

import ctypes.util

import pytest

from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT, POWER_BRAKE
from babytrain.runs.events import Fan, GpuReading
from tests.engine.telemetry.conftest import FakeDriver, card

GIB = 1024**3


def test_every_quantity_arrives_in_its_unit(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card())
    assert driver.read().gpus == (
        GpuReading(
            index=0,
            name="NVIDIA GeForce RTX 4070",
            uuid="GPU-0",
            utilization_percent=97.0,
            memory_used_bytes=3 * GIB,
            memory_total_bytes=12 * GIB,
            temperature_celsius=61.0,
            slowdown_celsius=83.0,
            fans=(Fan(percent=43.0, rpm=1320.0),),
            power_watts=143_500 * 1e-3,
            power_limit_watts=200_000 * 1e-3,
            clock_mhz=2475.0,
            memory_temperature_celsius=70.0,
            highest_clock_mhz=3105.0,
            energy_joules=5_000_000 * 1e-3,
            throttled_seconds={HOT: 0.0, POWER_BRAKE: 0.0, AT_POWER_LIMIT: 3.0},
        ),
    )


def test_names_and_limits_are_asked_once_and_the_rest_every_time(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card())
    driver.read()
    driver.set({"0.temperature": 70, "0.fan0": 104})
    reading = driver.read().gpus[0]
    assert (reading.temperature_celsius, reading.fans[0].percent) == (70.0, 104.0)
    assert [driver.asked(f"0.{what}") for what in ("name", "uuid", "power_limit", "slowdown", "fans", "mig")] == [1] * 6
    assert driver.asked("0.max_clock") == 1
    assert [driver.asked(f"0.{what}") for what in ("temperature", "fan0", "rpm0", "power", "energy")] == [2] * 5


def test_two_cards_keep_their_order_and_their_own_fans(driver: FakeDriver) -> None:
    driver.set({"count": 2} | card(0) | card(1, name="NVIDIA H100 PCIe", fans=0, fan0=None, rpm0=None))
    first, second = driver.read().gpus
    assert (first.name, second.name) == ("NVIDIA GeForce RTX 4070", "NVIDIA H100 PCIe")
    assert (first.index, second.index, second.uuid) == (0, 1, "GPU-1")
    assert first.fans
    assert second.fans == ()
    assert second.missing == {"fans": "no fan of its own"}


def test_each_fan_is_asked_for_its_own_speed(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(fans=2, fan1=55, rpm1=1710))
    assert driver.read().gpus[0].fans == (Fan(percent=43.0, rpm=1320.0), Fan(percent=55.0, rpm=1710.0))


@pytest.mark.parametrize("fans", [None, 0])
def test_a_passive_card_is_asked_for_fans_once(driver: FakeDriver, fans: int | None) -> None:
    driver.set({"count": 1} | card(fans=fans, fan0=None, rpm0=None))
    for _ in range(3):
        reading = driver.read().gpus[0]
        assert reading.fans == ()
        assert reading.missing == {"fans": "no fan of its own"}
    assert driver.asked("0.fans") == 1
    assert driver.asked("0.fan0") == 0


def test_a_fan_without_a_tachometer_keeps_its_percent(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(rpm0=None))
    for _ in range(2):
        reading = driver.read().gpus[0]
        assert reading.fans == (Fan(percent=43.0),)
        assert reading.missing == {"fan_rpm": "this card does not report it"}
    assert driver.asked("0.rpm0") == 1


def test_a_laptop_card_whose_fan_belongs_to_the_laptop(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(fans=1, fan0=None, rpm0=None))
    reading = driver.read().gpus[0]
    assert reading.fans == ()
    assert reading.missing == {"fans": "this card does not report it"}


def test_hot_and_throttling_is_said_in_words(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(temperature=91, throttle="0x4068"))
    reading = driver.read().gpus[0]
    assert reading.temperature_celsius == 91.0
    assert reading.throttle_reasons == ("hot", "reason 0x4000")


def test_newer_cards_tell_a_margin_instead_of_a_threshold(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(slowdown=None, margin=22))
    reading = driver.read().gpus[0]
    assert reading.slowdown_celsius == 61.0 + 22.0
    assert reading.missing == {}


def test_without_threshold_and_margin_the_reason_is_given(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(slowdown=None))
    reading = driver.read().gpus[0]
    assert reading.slowdown_celsius is None
    assert reading.missing == {"slowdown_celsius": "this card does not report it"}


def test_a_card_lost_in_the_middle_is_left_alone_and_the_other_goes_on(driver: FakeDriver) -> None:
    driver.set({"count": 2} | card(0) | card(1))
    driver.read()
    driver.set({"0.lost": 1, "1.temperature": 66})
    lost, other = driver.read().gpus
    assert lost.name == "NVIDIA GeForce RTX 4070"
    assert lost.uuid == "GPU-0"
    assert lost.temperature_celsius is None
    assert "GPU lost" in lost.missing["card"]
    assert other.temperature_celsius == 66.0
    driver.set({"0.lost": 0})  # it would answer again, but nobody asks
    asked = driver.asked("0.temperature")
    assert "GPU lost" in driver.read().gpus[0].missing["card"]
    assert driver.asked("0.temperature") == asked


def test_what_a_card_does_not_tell_about_energy_and_heat_is_asked_once(driver: FakeDriver) -> None:
    untold = {"energy": None, "max_clock": None} | dict.fromkeys(f"field{n}" for n in (82, 74, 269, 270, 271))
    driver.set({"count": 1} | card(**untold))
    for _ in range(3):
        reading = driver.read().gpus[0]
    names = ("energy_joules", "highest_clock_mhz", "memory_temperature_celsius", "throttled_seconds")
    assert reading.missing == dict.fromkeys(names, "this card does not report it")
    assert [driver.asked(f"0.{what}") for what in ("energy", "field83", "max_clock", "field82", "field269")] == [1] * 5
    assert driver.asked("0.fields") == 2  # once for the energy, once for the rest, and then never again


def test_the_energy_counter_is_found_as_a_field_where_it_has_no_call(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(energy=None, field83=7_500))
    assert [driver.read().gpus[0].energy_joules for _ in range(2)] == [7.5, 7.5]
    assert driver.asked("0.energy") == 1


def test_one_refused_field_does_not_cost_the_others(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(field269="!2", field82="!999", field270=4_000_000_000))
    reading = driver.read().gpus[0]
    assert reading.throttled_seconds == {HOT: 4.0, POWER_BRAKE: 0.0, AT_POWER_LIMIT: 3.0}
    assert reading.missing == {"memory_temperature_celsius": "the driver reports an unknown error"}
    driver.set({"0.field82": 84})
    assert driver.read().gpus[0].memory_temperature_celsius == 84.0
    assert (driver.asked("0.field269"), driver.asked("0.field82")) == (1, 2)


def test_seconds_slowed_for_heat_are_counted_once_though_two_counters_run(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(field269=10_000_000_000, field270=2_000_000_000))
    assert driver.read().gpus[0].throttled_seconds[HOT] == 10.0
    driver.set({"0.field269": 11_000_000_000, "0.field270": 3_000_000_000})
    assert driver.read().gpus[0].throttled_seconds[HOT] == 11.0
    driver.set({"0.field270": 4_000_000_000})
    assert driver.read().gpus[0].throttled_seconds[HOT] == 12.0


def test_a_card_cut_into_instances_says_whose_numbers_it_tells(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(mig=1, utilization=None, instances=7, instance0="MIG-a", instance1="MIG-b"))
    for _ in range(2):
        reading = driver.read().gpus[0]
        assert reading.shared
        assert "cut into instances (MIG)" in reading.missing["utilization_percent"]
        assert reading.power_watts == pytest.approx(143.5)
    assert (driver.asked("0.mig"), driver.asked("0.utilization")) == (1, 1)


@pytest.mark.parametrize(
    ("uuid", "trains"),
    [("b", [False, True]), ("gpu-0", [True, False]), ("2222", [False, False])],
)
def test_the_card_that_trains_is_found_by_its_uuid_or_that_of_an_instance(
    driver: FakeDriver, uuid: str, trains: list[bool]
) -> None:
    driver.set({"count": 2} | card(0) | card(1, mig=1, instances=2, instance0="MIG-a", instance1="MIG-b"))
    driver.start(f"read:{uuid}")
    for _ in range(2):
        gpus = driver.read().gpus
        assert [gpu.trains for gpu in gpus] == trains
        assert [gpu.nickname for gpu in gpus] == ["Toaster" if it else "" for it in trains]


def test_a_card_lost_while_its_fields_are_read_is_lost(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card())
    driver.read()
    driver.set({"0.field271": "!15"})
    reading = driver.read().gpus[0]
    assert "GPU lost" in reading.missing["card"]
    assert reading.temperature_celsius is None


def test_a_passing_error_is_asked_again(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(power="!999", name="!999"))
    reading = driver.read().gpus[0]
    assert reading.name == "card 0"
    assert reading.missing == {"power_watts": "the driver reports an unknown error"}
    driver.set({"0.power": 99_000})
    assert driver.read().gpus[0].power_watts == pytest.approx(99.0)


def test_the_drivers_not_available_marks_are_not_shown_as_numbers(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(power=0xFFFFFFFF, slowdown=0, memory_total=2**64 - 1))
    reading = driver.read().gpus[0]
    assert (reading.power_watts, reading.slowdown_celsius, reading.memory_total_bytes) == (None, None, None)
    assert {"power_watts", "slowdown_celsius", "memory_used_bytes", "memory_total_bytes"} == set(reading.missing)


def test_a_name_cannot_command_the_terminal(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(name="RTX\x1b[2J\x07 4070"))
    assert driver.read().gpus[0].name == "RTX\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} 4070"


def test_an_old_driver_answers_through_the_old_calls(old_driver: FakeDriver) -> None:
    old_driver.set({"count": 1} | card(throttle="0x4"))
    for _ in range(2):
        reading = old_driver.read().gpus[0]
        assert reading.temperature_celsius == 61.0
        assert reading.throttle_reasons == ("at its power limit (normal under load, not a fault)",)
        assert reading.fans == (Fan(percent=43.0),)
        too_old = ("fan_rpm", "energy_joules", "memory_temperature_celsius", "throttled_seconds")
        assert reading.missing == dict.fromkeys(too_old, "this driver is too old to say")
        assert (reading.highest_clock_mhz, reading.shared, reading.throttled_seconds) == (3105.0, False, {})


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9, "not loaded"),
        (18, "restart the computer"),
        (4, "may not talk to the NVIDIA driver"),
        (999, "does not start"),
    ],
)
def test_a_driver_that_does_not_start_says_why(driver: FakeDriver, code: int, words: str) -> None:
    driver.set({"init": f"!{code}"})
    said = driver.read()
    assert said.gpus == ()
    assert words in said.note


def test_a_driver_without_cards(driver: FakeDriver) -> None:
    driver.set({"count": 0})
    said = driver.read()
    assert said.gpus == ()
    assert "sees no card" in said.note
    assert driver.asked("shutdown") == 1


@pytest.mark.skipif(ctypes.util.find_library("nvidia-ml") is not None, reason="a real NVIDIA driver is installed here")
def test_no_driver_at_all(no_driver: FakeDriver) -> None:
    said = no_driver.read()
    assert said.gpus == ()
    assert said.note == "no NVIDIA driver here"


def test_a_call_that_hangs_costs_the_card_but_never_the_host(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card())
    driver.start("sample:patient")
    assert driver.until(lambda said: bool(said.gpus)).gpus[0].temperature_celsius == 61.0
    driver.set({"0.temperature": "@"})
    hung = driver.until(lambda said: said.hung)
    assert hung.gpus == ()
    assert hung.host == 12.0
    assert "the driver has not answered for" in hung.note
    assert driver.next().host == 12.0  # and it goes on
    driver.set({"0.temperature": 64})
    back = driver.until(lambda said: bool(said.gpus) and said.gpus[0].temperature_celsius == 64.0)
    assert (back.hung, back.note) == (False, "")
    driver.end_input()
    assert driver.until(lambda said: said.stopped is not None).stopped is True
    assert driver.asked("shutdown") == 1


def test_slow_calls_are_timed_and_asked_less_often(driver: FakeDriver) -> None:
    driver.set({"count": 1} | card(power="~60 99000"))
    driver.start("sample:patient")
    slow = driver.until(lambda said: said.interval > 0.05 and bool(said.gpus))
    assert slow.gpus[0].power_watts == pytest.approx(99.0)
    driver.set({"0.power": 98_000})
    driver.until(lambda said: said.interval == 0.02)
    driver.end_input()
    assert driver.until(lambda said: said.stopped is not None).stopped is True


@pytest.mark.parametrize("call", ["0.power", "0.fields", "0.energy", "0.fan0", "1.name", "count", "shutdown"])
def test_whichever_call_hangs_the_program_can_be_left(driver: FakeDriver, call: str) -> None:
    driver.set({"count": 2} | card(0) | card(1) | {call: "@"})
    driver.start("sample")
    if call != "shutdown":
        driver.until(lambda _: driver.asked(call) > 0)
        assert driver.until(lambda said: said.hung).host == 12.0
    driver.end_input()
    assert driver.until(lambda said: said.stopped is not None).stopped is False
    assert driver.exit_code() == 0


def test_a_driver_that_hangs_while_it_is_opened_does_not_hold_up_the_stop(driver: FakeDriver) -> None:
    driver.set({"init": "@"})
    driver.start("sample")
    driver.until(lambda _: driver.asked("init") > 0)
    driver.until(lambda said: said.hung)
    driver.end_input()
    assert driver.until(lambda said: said.stopped is not None).stopped is False
    assert driver.exit_code() == 0  # the program can be left although a thread is stuck in the driver
