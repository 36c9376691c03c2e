"""`train` and `resume` without a screen, as real processes: data on stdout, words on stderr, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from babytrain.runs.journal import load_state
from tests.engine.runs_for_tests import TEXT, TINY

SETTINGS = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}") if key != "steps"]
JSON_KEYS = [
    "run_id", "run_dir", "status", "steps", "tokens", "val_loss", "best_val_loss", "best_step", "tokens_per_second",
    "seconds", "parameters",
]  # fmt: skip


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "snakes.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "BABYTRAIN_RUNS_DIR": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1", "TERM": "xterm"}


def babytrain(tmp_path: Path, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "babytrain", *arguments],
        env=environment(tmp_path),
        input=stdin,
        capture_output=True,
        timeout=100,
        cwd=Path(__file__).parents[2],
    )


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "babytrain", *arguments],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def wait_for_steps(tmp_path: Path, steps: int) -> Path:
    """The journal of the only run, once it holds so many steps."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for journal in (tmp_path / "runs").glob("*/journal.jsonl"):
            if journal.read_bytes().count(b'"kind":"step"') >= steps:
                return journal
        time.sleep(0.02)
    raise AssertionError(f"{steps} steps were not recorded within a minute")


def test_json_on_stdout_and_nothing_else(tmp_path: Path, text: Path) -> None:
    done = babytrain(tmp_path, "train", str(text), "--json", "--steps", "12", "--name", "ziggy", *SETTINGS)
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads(done.stdout)
    assert list(result) == JSON_KEYS
    assert (result["status"], result["steps"]) == ("done", 12)
    assert result["run_id"].startswith("ziggy-")
    assert Path(result["run_dir"], "journal.jsonl").is_file()


def test_without_a_terminal_it_goes_headless_and_says_so(tmp_path: Path, text: Path) -> None:
    done = babytrain(tmp_path, "train", str(text), "--steps", "5", *SETTINGS)
    assert done.returncode == 0
    assert b"no terminal" in done.stderr
    assert done.stdout == b""


def test_standard_input_is_a_text_and_is_kept_for_a_resume(tmp_path: Path) -> None:
    done = babytrain(tmp_path, "train", "-", "--json", "--steps", "10", *SETTINGS, stdin=TEXT.encode())
    assert done.returncode == 0, done.stderr.decode()
    more = babytrain(tmp_path, "resume", "last", "--steps", "15", "--json")
    assert more.returncode == 0, more.stderr.decode()
    assert json.loads(more.stdout)["steps"] == 15


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_saves_prints_its_json_and_exits_130(tmp_path: Path, text: Path, number: int) -> None:
    process = start(tmp_path, "train", str(text), "--json", "--steps", "1000000", *SETTINGS)
    journal = wait_for_steps(tmp_path, 20)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr.decode()
    result = json.loads(stdout)
    assert result["status"] == "interrupted"
    ended = load_state(journal).at().ended
    assert ended is not None
    assert ended.status == "interrupted"
    resumed = babytrain(tmp_path, "resume", result["run_id"], "--steps", str(result["steps"] + 5), "--json")
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert json.loads(resumed.stdout)["steps"] == result["steps"] + 5


def test_a_killed_run_is_interrupted_and_can_be_resumed(tmp_path: Path, text: Path) -> None:
    process = start(tmp_path, "train", str(text), "--json", "--steps", "1000000", *SETTINGS)
    wait_for_steps(tmp_path, 30)
    process.kill()
    process.communicate(timeout=60)
    (listed,) = json.loads(babytrain(tmp_path, "runs", "list", "--json").stdout)
    assert listed["status"] == "interrupted"
    resumed = babytrain(tmp_path, "resume", "last", "--steps", str(listed["step"] + 5), "--json")
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert json.loads(resumed.stdout)["status"] == "done"


def test_a_run_in_training_cannot_be_resumed_beside_itself(tmp_path: Path, text: Path) -> None:
    process = start(tmp_path, "train", str(text), "--json", "--steps", "1000000", *SETTINGS)
    try:
        wait_for_steps(tmp_path, 10)
        refused = babytrain(tmp_path, "resume", "last", "--headless")
        assert refused.returncode == 1
        assert b"being trained" in refused.stderr
        assert b"Traceback" not in refused.stderr
    finally:
        process.kill()
        process.communicate(timeout=60)
