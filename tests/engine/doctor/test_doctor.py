"""What the doctor says about machines, healthy and odd."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
import torch

from babytrain.engine.doctor import software
from babytrain.engine.doctor.check_result import CheckResult
from babytrain.engine.doctor.compute import check_bf16, check_cores, check_device, measure_matmul
from babytrain.engine.doctor.disk_and_terminal import check_runs_dir, check_terminal
from babytrain.engine.doctor.run_checks import run_checks
from babytrain.engine.doctor.sensors import check_energy_counter, check_gpus, check_host, describe_card
from babytrain.engine.doctor.software import check_compile, check_packages, find_compiler
from babytrain.engine.execution.processor_cores import Cores
from babytrain.engine.telemetry.gpu_backend import NoGpu
from babytrain.engine.telemetry.nvml_cards import NO_DRIVER
from babytrain.runs.events import Fan, GpuReading
from tests.engine.telemetry.fake_gpu import FakeGpu

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
BIG = (120, 36)
MODERN = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_GB.UTF-8"}


def by_topic(findings: list[CheckResult]) -> dict[str, CheckResult]:
    return {finding.topic: finding for finding in findings}


def test_a_whole_examination(tmp_path: Path) -> None:
    findings = run_checks(runs_dir=tmp_path / "runs", environ=MODERN, is_tty=True, size=BIG)
    topics = by_topic(findings)
    wanted = {"python", "packages", "torch", "device", "threads", "bf16", "compile", "NVIDIA"}
    wanted |= {"temperature", "fan", "battery", "energy", "runs", "terminal", "size", "colours", "utf-8"}
    assert wanted <= set(topics)
    assert all(finding.what and finding.why for finding in findings)
    assert topics["torch"].what.startswith(f"torch {torch.__version__}")
    assert not (tmp_path / "runs").exists()  # looking changes nothing


def test_a_check_that_breaks_is_a_finding_and_not_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def explode() -> None:
        raise RuntimeError("kaboom \x1b[31m")

    monkeypatch.setattr("babytrain.engine.doctor.run_checks.check_host", explode)
    topics = by_topic(run_checks(runs_dir=tmp_path, environ=MODERN, is_tty=True, size=BIG))
    assert topics["sensors"].ok is False
    assert "kaboom" in topics["sensors"].what
    assert "\x1b" not in topics["sensors"].what
    assert "terminal" in topics


def test_without_torch_the_rest_is_still_examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    topics = by_topic(run_checks(runs_dir=tmp_path, environ=MODERN, is_tty=True, size=BIG))
    assert topics["torch"].ok is False
    assert "pip install torch" in topics["torch"].why
    assert {"threads", "NVIDIA", "runs"} <= set(topics)
    assert not {"device", "bf16", "compile"} & set(topics)


def test_the_packages_examined_are_the_packages_needed() -> None:
    needed = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {line.split(">")[0] for line in needed} == set(software.PACKAGES)


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("textual", "pynvml"):
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    (finding,) = check_packages(("textual", "numpy"))
    assert finding.ok is False
    assert finding.what == "textual missing, numpy 1.0"
    assert finding.why.endswith("pip install textual")


def test_the_package_that_hides_the_real_binding_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "11.5")
    shadow = check_packages(("numpy",))[1]
    assert shadow.ok is False
    assert "pip uninstall pynvml" in shadow.why


def test_compile_needs_a_compiler_and_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "apt install g++" in check_compile({"PATH": str(tmp_path)}, "cpu").why
    for name in ("g++", "clang++", "my-c++"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": str(tmp_path)}
    assert "Python.h" in check_compile(environ, "cpu", include=tmp_path).what
    (tmp_path / "Python.h").touch()
    usual = "clang++" if sys.platform == "darwin" else "g++"
    assert check_compile(environ, "cpu", include=tmp_path).what == f"C++ compiler {tmp_path / usual}"
    assert find_compiler(environ | {"CXX": "my-c++"}) == str(tmp_path / "my-c++")
    assert find_compiler(environ | {"CXX": "gone"}) == str(tmp_path / usual)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install triton" in check_compile(environ, "cuda", include=tmp_path).why


def test_a_card_that_torch_cannot_use_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.engine.execution.devices.choose_device", lambda _: ("cpu", "the processor"))
    assert check_device(cards_seen=0)[1].ok is True
    device, finding = check_device(cards_seen=1)
    assert (device, finding.ok) == ("cpu", False)
    assert "pytorch.org" in finding.why


def test_threads_and_where_their_number_comes_from() -> None:
    limited = Cores(physical=16, logical=32, quota=7.65)
    plain = check_cores(limited, {})
    assert plain.ok is True
    assert "limited to 7.65 by the container; threads for torch: 7, one a core" in plain.what
    crowded = check_cores(limited, {"OMP_NUM_THREADS": "16"})
    assert crowded.ok is False
    assert "threads for torch: 16, from OMP_NUM_THREADS" in crowded.what
    assert crowded.why.endswith("threads=7")


def test_the_bf16_probe_measures_and_leaves_the_threads_alone() -> None:
    before = torch.get_num_threads()
    finding = check_bf16("cpu", before + 1)
    assert torch.get_num_threads() == before
    assert "GFLOP/s in fp32" in finding.what
    assert measure_matmul("cpu", torch.float32, seconds=0.0) > 0.0


@pytest.mark.parametrize(("bf16", "ok", "advice"), [(250.0, True, "2.5 times as fast"), (110.0, None, "gains nothing")])
def test_bf16_is_recommended_only_where_it_pays(
    monkeypatch: pytest.MonkeyPatch, bf16: float, ok: bool | None, advice: str
) -> None:
    monkeypatch.setattr(
        "babytrain.engine.doctor.compute.measure_matmul", lambda _, dtype: bf16 if dtype is torch.bfloat16 else 100.0
    )
    finding = check_bf16("cpu", torch.get_num_threads())
    assert finding.ok is ok
    assert advice in finding.why


def test_bf16_that_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: str, dtype: torch.dtype) -> float:
        raise RuntimeError("not implemented for 'BFloat16'")

    monkeypatch.setattr("babytrain.engine.doctor.compute.measure_matmul", fail)
    finding = check_bf16("cpu", torch.get_num_threads())
    assert finding.ok is None
    assert "not implemented" in finding.what


def test_no_driver_is_no_fault_but_a_broken_one_is() -> None:
    count, (finding,) = check_gpus(lambda: NoGpu(NO_DRIVER))
    assert (count, finding.ok, finding.what) == (0, None, NO_DRIVER)
    count, (finding,) = check_gpus(lambda: NoGpu("the driver was updated: restart the computer"))
    assert (count, finding.ok) == (0, False)


def test_a_driver_that_hangs_does_not_hang_the_doctor() -> None:
    release = threading.Event()

    def open_never() -> NoGpu:
        release.wait()
        return NoGpu("")

    count, (finding,) = check_gpus(open_never, timeout=0.02)
    release.set()
    assert (count, finding.ok) == (0, False)
    assert "not answered" in finding.what


def test_cards_are_described_with_what_they_do_not_tell() -> None:
    card = GpuReading(
        index=1,
        name="RTX 4070",
        memory_total_bytes=12 * 1024**3,
        temperature_celsius=61.0,
        slowdown_celsius=83.0,
        fans=(Fan(percent=43.0, rpm=1320.0), Fan(percent=40.0)),
        power_watts=143.4,
        power_limit_watts=200.0,
        throttle_reasons=("hot",),
        missing={"fan_rpm": "this card does not report it"},
    )
    lost = GpuReading(index=0, name="H100", missing={"card": "GPU lost: fallen off the bus"})
    count, findings = check_gpus(lambda: FakeGpu((lost, card)))
    topics = by_topic(findings)
    assert count == 2
    assert topics["NVIDIA"].ok is True
    assert topics["card 0"].ok is False
    assert "fallen off the bus" in topics["card 0"].why
    assert topics["card 1"].what == (
        "RTX 4070, 12.0 GiB, 61°C (slows down at 83), fan 0 43% 1,320 rpm, fan 1 40%, 143 W of 200 W, hot"
    )
    assert topics["card 1"].why == "Not told: fan rpm: this card does not report it."
    assert topics["cost"].what.startswith("reading every card takes ")
    assert describe_card(GpuReading(index=0, name="bare")).what == "bare"


class _Entry(NamedTuple):
    current: float
    label: str = ""


class _Battery(NamedTuple):
    percent: float
    power_plugged: bool | None


def test_host_sensors_found_and_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise PermissionError

    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: {"coretemp": [_Entry(55.0)]}, raising=False)
    monkeypatch.setattr(psutil, "sensors_fans", refuse, raising=False)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: _Battery(80.0, False), raising=False)
    topics = by_topic(check_host())
    assert topics["temperature"].what == "processor at 55°C"
    assert topics["fan"].ok is None
    assert topics["fan"].what == "no fan to read: this user may not read it"
    assert topics["battery"].what == "battery at 80%, on battery"


def make_zone(powercap: Path, name: str) -> Path:
    counter = powercap / name / "energy_uj"
    counter.parent.mkdir(parents=True)
    counter.write_text("123456\n")
    (powercap / name / "name").write_text("psys\n" if name.endswith(":1") else "package-0\n")
    return counter


def test_the_energy_counter_open_closed_and_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_energy_counter(tmp_path).ok is None
    make_zone(tmp_path, "intel-rapl:0")
    make_zone(tmp_path, "intel-rapl:1")  # the whole board, which holds the first
    make_zone(tmp_path, "intel-rapl:0:0")  # a part of the first; counting it would count twice
    assert check_energy_counter(tmp_path).what.endswith("1 package(s)")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    closed = check_energy_counter(tmp_path)
    assert closed.ok is None
    assert f"until the next restart: sudo chmod a+r {tmp_path}/intel-rapl:*/energy_uj " in closed.why
    assert f"'z {tmp_path}/intel-rapl:*/energy_uj 0444 root root -' | sudo tee /etc/tmpfiles.d/" in closed.why


def test_a_runs_folder_that_can_be_made(tmp_path: Path) -> None:
    finding = check_runs_dir(tmp_path / "not" / "yet")
    assert finding.ok is True
    assert "GiB free" in finding.what
    assert list(tmp_path.iterdir()) == []


def test_a_runs_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = check_runs_dir(tmp_path / "file" / "runs")
    assert finding.ok is False
    assert "is a file" in finding.what


def test_a_runs_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    finding = check_runs_dir(tmp_path)
    assert finding.ok is False
    assert "Permission denied" in finding.what
    assert "--runs-dir" in finding.why


def test_a_runs_folder_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=10 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    finding = check_runs_dir(tmp_path)
    assert finding.ok is False
    assert "make room" in finding.why


def test_a_modern_terminal_has_nothing_to_put_right() -> None:
    findings = check_terminal(MODERN, is_tty=True, size=BIG)
    assert all(finding.ok is True for finding in findings)


def test_a_pipe_has_no_size() -> None:
    topics = by_topic(check_terminal(MODERN, is_tty=False, size=(80, 24)))
    assert topics["terminal"].ok is None
    assert "size" not in topics


@pytest.mark.parametrize(("size", "ok"), [((120, 36), True), ((80, 24), True), ((50, 24), None), ((80, 10), None)])
def test_terminal_sizes(size: tuple[int, int], ok: bool | None) -> None:
    assert by_topic(check_terminal(MODERN, is_tty=True, size=size))["size"].ok is ok


@pytest.mark.parametrize(
    ("environ", "ok", "words"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, True, "16 million"),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, True, "16 million"),
        ({"TERM": "xterm-direct"}, True, "16 million"),
        ({"TERM": "xterm-256color"}, True, "256"),
        ({"TERM": "tmux"}, True, "256"),
        ({"TERM": "xterm"}, None, "16 ("),
        ({"TERM": "dumb"}, False, "none"),
        ({}, False, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, None, "NO_COLOR"),
    ],
)
def test_colours(environ: dict[str, str], ok: bool | None, words: str) -> None:
    finding = by_topic(check_terminal(environ, is_tty=True, size=BIG))["colours"]
    assert finding.ok is ok
    assert words in finding.what


@pytest.mark.parametrize(
    ("environ", "ok"),
    [
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "de_DE.utf8"}, True),
        ({"LC_CTYPE": "UTF-8"}, True),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, False),
        ({"LC_ALL": "", "LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({}, False),
    ],
)
def test_utf8(environ: dict[str, str], ok: bool) -> None:
    assert by_topic(check_terminal(environ, is_tty=True, size=BIG))["utf-8"].ok is ok


def test_inside_tmux() -> None:
    plain = check_terminal({"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "tmux-256color"}, is_tty=True, size=BIG)
    assert "terminal-features" in by_topic(plain)["tmux"].why
    coloured = check_terminal(MODERN | {"TMUX": "/tmp/tmux-0/default,1,0"}, is_tty=True, size=BIG)
    assert "terminal-features" not in by_topic(coloured)["tmux"].why
    assert "tmux" not in by_topic(check_terminal(MODERN, is_tty=True, size=BIG))


def test_an_environment_cannot_command_the_terminal() -> None:
    findings = check_terminal({"TERM": "xterm\x1b]0;owned\x07", "LANG": "\x1b[2J"}, is_tty=True, size=BIG)
    assert all(text.isprintable() for finding in findings for text in (finding.what, finding.why))
