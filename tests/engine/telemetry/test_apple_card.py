"""What ioreg says about a Mac's graphics processor, and what is made of it when it says nothing."""

from __future__ import annotations

import subprocess

import pytest

from babytrain.engine.doctor.sensors import check_gpus
from babytrain.engine.telemetry.apple_card import AppleBackend, parse_ioreg
from babytrain.engine.telemetry.gpu_discovery import open_cards

IOREG = """\
+-o AGXAcceleratorG14G  <class AGXAcceleratorG14G, id 0x100000a1b, registered, matched, active, busy 0 (17 ms), retain 61>
    {
      "IOClass" = "AGXAcceleratorG14G"
      "SchedulerState" = {"Timestamp"=1827364}
      "model" = "Apple M2"
      "gpu-core-count" = 10
      "PerformanceStatistics" = {"In use system memory (driver)"=0,"Alloc system memory"=2909437952,"Tiler Utilization %"=38,"recoveryCount"=0,"Renderer Utilization %"=40,"Device Utilization %"=41,"In use system memory"=1231847424}
    }
"""  # noqa: E501 - ioreg prints long lines when it is told not to wrap them


def test_load_and_memory_are_read_and_the_rest_says_why_not() -> None:
    reading = parse_ioreg(IOREG)
    assert (reading.name, reading.utilization_percent, reading.memory_used_bytes) == ("Apple M2", 41.0, 1231847424)
    assert reading.missing["power_watts"] == reading.missing["fans"] == "macOS tells it to root only"
    assert "utilization_percent" not in reading.missing


@pytest.mark.parametrize("text", ["", "garbage \x1b[2J", '"Device Utilization %"="x"'])
def test_an_ioreg_that_says_nothing_is_a_card_with_reasons(text: str) -> None:
    reading = parse_ioreg(text)
    assert (reading.name, reading.utilization_percent, reading.memory_used_bytes) == ("Apple GPU", None, None)
    assert reading.missing["utilization_percent"] == reading.missing["memory_used_bytes"] == "ioreg does not tell it"


def test_the_program_is_run_every_few_seconds_only_and_its_failures_are_reasons() -> None:
    now, answers = [0.0], [IOREG, subprocess.TimeoutExpired("ioreg", 2.0), FileNotFoundError("ioreg"), IOREG]
    runs: list[float] = []

    def run() -> str:
        runs.append(now[0])
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    backend = AppleBackend(run, clock=lambda: now[0])
    said: list[str | None] = []
    for second in range(16):
        now[0] = float(second)
        said.append(backend.read()[0].missing.get("utilization_percent"))
    assert runs == [0.0, 5.0, 10.0, 15.0]
    wanted: list[str | None] = [None] * 5
    wanted += ["ioreg did not answer in time"] * 5
    wanted += ["ioreg could not be run (ioreg)"] * 5
    assert said == [*wanted, None]


def test_the_doctor_takes_it_for_no_nvidia_card() -> None:
    count, (first, card, cost) = check_gpus(lambda: AppleBackend(lambda: IOREG))
    assert (count, first.ok, first.what) == (0, None, "no NVIDIA card here, but 1 other card(s)")
    assert (card.topic, card.what, cost.topic) == ("card 0", "Apple M2", "cost")
    assert "power watts: macOS tells it to root only" in card.why


def test_a_mac_has_one_card() -> None:
    assert isinstance(open_cards(platform="darwin"), AppleBackend)
