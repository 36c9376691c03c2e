"""`train` and `resume` without a screen, as real processes: data on stdout, words on stderr, exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from babytrain.runs.journal import load_state
from tests.engine.tiny_runs import TEXT, TINY
from tests.timeouts import LONGEST_WAIT_SECONDS

SETTINGS = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}") if key != "steps"]
JSON_KEYS = [
    "run_id", "run_dir", "status", "steps", "tokens", "val_loss", "best_val_loss", "best_step", "tokens_per_second",
    "seconds", "parameters", "reason",
]  # fmt: skip
Start: TypeAlias = Callable[..., "subprocess.Popen[bytes]"]


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
        timeout=LONGEST_WAIT_SECONDS,
        cwd=Path(__file__).parents[2],
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the program; it is gone when the test is over."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str, under: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", "babytrain", *arguments],
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate(timeout=LONGEST_WAIT_SECONDS)


def test_old_names_in_files_are_understood_and_told_in_the_log(tmp_path: Path, text: Path, monkeypatch) -> None:
    recipe, machine = tmp_path / "recipe.toml", tmp_path / "machine.toml"
    recipe.write_text("noise = 0.1\n")
    machine.write_text('nickname = "Ember"\n')
    monkeypatch.setenv("BABYTRAIN_MACHINE", str(machine))
    result = babytrain(tmp_path, "train", str(text), *SETTINGS, "--steps", "2", "--config", str(recipe), "--headless")
    assert result.returncode == 0, result.stderr
    (journal,) = (tmp_path / "runs").glob("*/journal.jsonl")
    settings = load_state(journal).at().settings
    assert (settings["token_noise"], settings["gpu_nickname"]) == (0.1, "Ember")
    for told in ("noise is called token_noise now.", f"{machine}: nickname is called gpu_nickname now."):
        assert result.stderr.decode().count(told) == 1
        assert journal.read_text().count(told) == 1


def recorded_steps(tmp_path: Path) -> int:
    """How many steps the journal of the only run holds; none before there is one."""
    return sum(path.read_bytes().count(b'"kind":"step"') for path in (tmp_path / "runs").glob("*/journal.jsonl"))


def wait_for_steps(tmp_path: Path, steps: int) -> Path:
    """The journal of the only run, once it holds so many steps."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while recorded_steps(tmp_path) < steps:
        assert time.monotonic() < deadline, f"{steps} steps were never recorded"
        time.sleep(0.02)
    (journal,) = (tmp_path / "runs").glob("*/journal.jsonl")
    return journal


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


def test_a_resume_says_where_it_goes_on_from_and_not_the_past_again(tmp_path: Path, text: Path) -> None:
    done = babytrain(tmp_path, "train", str(text), "--steps", "10", "--headless", *SETTINGS, "--set", "eval_every=5")
    assert done.returncode == 0, done.stderr.decode()
    more = babytrain(tmp_path, "resume", "last", "--steps", "20", "--set", "dropout=0.1", "--headless")
    assert more.returncode == 0, more.stderr.decode()
    lines = more.stderr.decode().splitlines()
    assert re.fullmatch(r"\S+ goes on from step 10 of 20 \(checkpoint step-0*10\), with dropout 0\.1\.", lines[0])
    steps = [int(found[1]) for line in lines if (found := re.match(r"step +(\d+) +train", line))]
    assert steps == [15, 20]
    told = [int(found[1].replace(",", "")) for line in lines if (found := re.match(r"step +([\d,]+)  ", line))]
    assert told == sorted(told), "in the order in which it happened"
    assert "done: The run is over after 10 steps" not in more.stderr.decode()
    (kept,) = (tmp_path / "runs").glob("*/text.gz")
    kept.unlink()
    text.unlink()
    failed = babytrain(tmp_path, "resume", "last", "--steps", "30", "--headless")
    assert failed.returncode != 0
    assert b"done" not in failed.stderr


def test_standard_input_is_a_text_and_is_kept_for_a_resume(tmp_path: Path) -> None:
    done = babytrain(tmp_path, "train", "-", "--json", "--steps", "10", *SETTINGS, stdin=TEXT.encode())
    assert done.returncode == 0, done.stderr.decode()
    more = babytrain(tmp_path, "resume", "last", "--steps", "15", "--json")
    assert more.returncode == 0, more.stderr.decode()
    assert json.loads(more.stdout)["steps"] == 15


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_saves_prints_its_json_and_exits_130(
    tmp_path: Path, text: Path, start: Start, number: int
) -> None:
    process = start("train", str(text), "--json", "--steps", "1000000", *SETTINGS)
    journal = wait_for_steps(tmp_path, 20)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=LONGEST_WAIT_SECONDS)
    assert process.returncode == 130, stderr.decode()
    result = json.loads(stdout)
    assert result["status"] == "interrupted"
    ended = load_state(journal).at().ended
    assert ended is not None
    assert ended.status == "interrupted"
    resumed = babytrain(tmp_path, "resume", result["run_id"], "--steps", str(result["steps"] + 5), "--json")
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert json.loads(resumed.stdout)["steps"] == result["steps"] + 5


def test_signals_that_come_together_are_one(tmp_path: Path, text: Path, start: Start) -> None:
    """Terminals, timeouts and service managers signal a program and its whole group: nothing is lost by that."""
    process = start("train", str(text), "--json", "--steps", "1000000", *SETTINGS)
    wait_for_steps(tmp_path, 20)
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
    stdout, stderr = process.communicate(timeout=LONGEST_WAIT_SECONDS)
    assert process.returncode == 130, stderr.decode()
    assert stderr.count(b"Saving and stopping") == 1
    assert json.loads(stdout)["status"] == "interrupted"


def test_a_run_nobody_listens_to_any_more_goes_on_and_is_saved(tmp_path: Path, text: Path, start: Start) -> None:
    process = start("train", str(text), "--headless", "--steps", "1000000", *SETTINGS)
    journal = wait_for_steps(tmp_path, 20)
    assert process.stderr is not None
    process.stderr.close()  # as in `train --headless 2>&1 | head`
    wait_for_steps(tmp_path, recorded_steps(tmp_path) + 500)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=LONGEST_WAIT_SECONDS) == 130
    ended = load_state(journal).at().ended
    assert ended is not None
    assert ended.status == "interrupted"


@pytest.mark.skipif(shutil.which("nohup") is None, reason="needs nohup")
def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path, text: Path, start: Start) -> None:
    process = start("train", str(text), "--json", "--steps", "1000000", *SETTINGS, under=("nohup",))
    wait_for_steps(tmp_path, 20)
    process.send_signal(signal.SIGHUP)
    wait_for_steps(tmp_path, recorded_steps(tmp_path) + 500)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=LONGEST_WAIT_SECONDS)
    assert stderr.count(b"Saving and stopping") == 1
    assert json.loads(stdout)["status"] == "interrupted"


def test_a_killed_run_is_interrupted_and_can_be_resumed(tmp_path: Path, text: Path, start: Start) -> None:
    process = start("train", str(text), "--json", "--steps", "1000000", *SETTINGS)
    wait_for_steps(tmp_path, 30)
    process.kill()
    process.communicate(timeout=LONGEST_WAIT_SECONDS)
    (listed,) = json.loads(babytrain(tmp_path, "runs", "list", "--json").stdout)
    assert listed["status"] == "interrupted"
    resumed = babytrain(tmp_path, "resume", "last", "--steps", str(listed["step"] + 5), "--json")
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert json.loads(resumed.stdout)["status"] == "done"


def test_a_run_in_training_cannot_be_resumed_beside_itself(tmp_path: Path, text: Path, start: Start) -> None:
    start("train", str(text), "--json", "--steps", "1000000", *SETTINGS)
    wait_for_steps(tmp_path, 10)
    refused = babytrain(tmp_path, "resume", "last", "--headless")
    assert refused.returncode == 1
    assert b"being trained" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_ctrl_c_works_while_a_pipe_is_read(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    process = start("train", str(tmp_path / "pipe"), "--headless")
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)  # waits until the program reads
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LONGEST_WAIT_SECONDS)
    os.close(writer)
    assert process.returncode == 130
    assert errors.decode().splitlines() == ["babytrain-tui: Interrupted before anything was started."]
    assert not (tmp_path / "runs").exists()
