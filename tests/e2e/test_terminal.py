"""The real program in a real terminal: start, steer, leave, replay; kill and resume."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from babytrain.runs.events import Command
from babytrain.runs.journal import load_state
from tests.e2e.tmux import ROOT, Pane, babytrain, needs_tmux
from tests.engine.tiny_runs import TEXT, TINY
from tests.timeouts import LONGEST_WAIT_SECONDS

pytestmark = [needs_tmux(), pytest.mark.e2e]
SETTINGS = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}") if key != "steps"]


@pytest.fixture
def panes(tmp_path: Path) -> Iterator[list[Pane]]:
    (tmp_path / "snakes.txt").write_text(TEXT, encoding="utf-8")
    opened: list[Pane] = []
    yield opened
    for pane in opened:
        pane.close()


def open_pane(panes: list[Pane], tmp_path: Path, *arguments: object, columns: int = 120, rows: int = 36) -> Pane:
    pane = Pane(babytrain(*arguments), columns=columns, rows=rows, BABYTRAIN_RUNS_DIR=str(tmp_path / "runs"))
    panes.append(pane)
    return pane


def train(panes: list[Pane], tmp_path: Path, **size: int) -> Pane:
    text = tmp_path / "snakes.txt"
    return open_pane(panes, tmp_path, "train", text, "--name", "ziggy", "--steps", 500_000, *SETTINGS, **size)


def journal(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "runs").glob("*/journal.jsonl")
    return found


def test_start_turn_the_learning_rate_quit_and_replay(panes: list[Pane], tmp_path: Path) -> None:
    pane = train(panes, tmp_path)
    pane.wait_for("ziggy", "training", "tok/s")
    pane.press("+")
    pane.wait_for("×1.1")
    pane.press("q")
    pane.wait_for("save and stop")
    pane.press("s")
    screen = pane.wait_for("EXIT CODE")
    assert "EXIT CODE 130" in screen
    assert "babytrain-tui resume ziggy-" in screen
    state = load_state(journal(tmp_path))
    applied = [event for event in state.commands.events if isinstance(event, Command) and event.action == "lr_scale"]
    assert [event.status for event in applied] == ["applied"]
    assert state.at().status == "interrupted"

    replay = open_pane(panes, tmp_path, "replay", "ziggy")
    replay.wait_for("ziggy", "loss")
    replay.press("End")
    replay.wait_for("interrupted", "×1.1")
    replay.press("q")
    replay.wait_for("EXIT CODE 0")


def test_home_one_enter_trains_the_default(panes: list[Pane], tmp_path: Path) -> None:
    pane = open_pane(panes, tmp_path)
    pane.wait_for("n ", "new run")
    pane.press("n")
    pane.wait_for("New run", "Start")  # the list behind the dialog has "baby" and "haiku" too
    pane.press("Enter")
    pane.wait_for("haiku", "training")
    pane.press("q")
    pane.wait_for("save and stop")
    pane.press("h")
    pane.wait_for("interrupted", "haiku")
    pane.press("q")
    pane.wait_for("EXIT CODE 0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_and_gives_the_terminal_back(panes: list[Pane], tmp_path: Path, number: int) -> None:
    pane = train(panes, tmp_path)
    pane.wait_for("training", "tok/s")
    os.kill(pane.pid("babytrain"), number)
    pane.wait_for("EXIT CODE 130")
    assert load_state(journal(tmp_path)).at().status == "interrupted"


def test_a_window_that_is_closed_saves_the_run(panes: list[Pane], tmp_path: Path) -> None:
    pane = train(panes, tmp_path)
    pane.wait_for("training", "tok/s")
    program = psutil.Process(pane.pid("babytrain"))
    pane.close()
    program.wait(LONGEST_WAIT_SECONDS)
    assert load_state(journal(tmp_path)).at().status == "interrupted"


def test_ctrl_c_twice_saves_and_leaves(panes: list[Pane], tmp_path: Path) -> None:
    pane = train(panes, tmp_path)
    pane.wait_for("training", "tok/s")
    pane.press("C-c")
    pane.wait_for("save and stop")
    pane.press("C-c")
    pane.wait_for("EXIT CODE 130")
    assert load_state(journal(tmp_path)).at().status == "interrupted"


def test_a_killed_run_shows_as_interrupted_and_resumes(panes: list[Pane], tmp_path: Path) -> None:
    pane = train(panes, tmp_path)
    pane.wait_for("training", "tok/s")
    os.kill(pane.pid("babytrain"), signal.SIGKILL)
    pane.wait_for("EXIT CODE 137")
    steps_before = load_state(journal(tmp_path)).at().step
    home = open_pane(panes, tmp_path)
    home.wait_for("ziggy", "interrupted")
    home.press("r")
    home.wait_for("training", "tok/s")
    home.press("q")
    home.wait_for("save and stop")
    home.press("s")
    home.wait_for("EXIT CODE 130")
    state = load_state(journal(tmp_path))
    assert len(state.resumes) == 1
    assert state.resumes.events[0].step <= steps_before
    listed = subprocess.run(
        babytrain("runs", "list", "--json", "--runs-dir", tmp_path / "runs"), capture_output=True, cwd=ROOT, check=True
    )
    assert [run["status"] for run in json.loads(listed.stdout)] == ["interrupted"]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12), (20, 5)])
def test_small_terminals_train_without_a_traceback(panes: list[Pane], tmp_path: Path, columns: int, rows: int) -> None:
    pane = train(panes, tmp_path, columns=columns, rows=rows)
    pane.wait_for("training", "%")
    while load_steps(tmp_path) < 30:
        assert "Traceback" not in pane.text()
    pane.press("C-c", "C-c")
    pane.wait_for("EXIT")


def load_steps(tmp_path: Path) -> int:
    found = list((tmp_path / "runs").glob("*/journal.jsonl"))
    return load_state(found[0]).at().step if found else 0
