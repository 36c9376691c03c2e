"""Closed, full and broken streams end nothing, and every character can be printed somewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.tiny_runs import train
from tests.timeouts import LONGEST_WAIT_SECONDS

TINY = (
    "train --headless --steps 6 --set width=16 --set layers=1 --set heads=2 --set context=16 --set threads=1 "
    "--set precision=fp32 --set matmul_backend=torch --name tiny"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    train(folder, steps=12, name="ziggy")
    return folder / "runs"


def shell(line: str, runs: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which `babytrain-tui` is the program; `codes` prints the exit codes of the last pipe."""
    program = f'babytrain-tui() {{ "{sys.executable}" -m babytrain "$@"; }}\n'
    program += "codes() { echo codes ${PIPESTATUS[*]}; }\n"
    return subprocess.run(
        ["bash", "-c", program + line],
        env={**os.environ, "BABYTRAIN_RUNS_DIR": str(runs), **environ},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=LONGEST_WAIT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", ">&- 2>&-", "2>&1 | head -1", ">/dev/full --json"])
def test_a_run_outlives_its_narration(tmp_path: Path, streams: str) -> None:
    result = shell(f"babytrain-tui {TINY} {streams}; codes", tmp_path)
    assert result.stdout.splitlines()[-1].split()[1] == "0"
    (run,) = json.loads(shell("babytrain-tui runs list --json", tmp_path).stdout)
    assert (run["status"], run["step"]) == ("done", 6)


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("babytrain-tui sample ziggy --tokens 3000 | head -c 1; codes", 141, ""),
        ("babytrain-tui settings | true; codes", 141, ""),
        ("babytrain-tui runs list >/dev/full; codes", 1, "No space left"),
        ("babytrain-tui sample ziggy --tokens 5 >/dev/full; codes", 1, "No space left"),
        ("babytrain-tui runs list >&-; codes", 1, "closed"),
    ],
)
def test_data_that_cannot_be_written_is_told_by_the_exit_code(runs: Path, line: str, code: int, says: str) -> None:
    result = shell(line, runs)
    assert result.stdout.split("codes ")[-1].split()[0] == str(code)
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert bool(result.stderr) == bool(says)


@pytest.mark.parametrize("command", ["doctor", "runs list", "runs show ziggy"])
@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "iso-8859-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
    ],
)
def test_every_encoding_gets_what_it_can_print(runs: Path, command: str, environ: dict[str, str]) -> None:
    result = shell(f"babytrain-tui {command}", runs, **environ)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.isascii() or environ == {"PYTHONIOENCODING": "iso-8859-1"}


@pytest.mark.parametrize("command", ["runs list", "doctor"])
@pytest.mark.parametrize("home", ["/dev/null", "/nonexistent"])
def test_a_home_that_cannot_be_has_no_files(tmp_path: Path, command: str, home: str) -> None:
    result = shell(f"babytrain-tui {command}", tmp_path, HOME=home, XDG_CONFIG_HOME="", BABYTRAIN_RUNS_DIR="")
    assert "Traceback" not in result.stderr
    assert result.returncode == 0


def test_machine_settings_in_an_impossible_place_are_absent_and_mentioned(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file")
    result = shell(
        f"babytrain-tui {TINY}", tmp_path / "runs", HOME=str(tmp_path), XDG_CONFIG_HOME="", BABYTRAIN_MACHINE=""
    )
    assert result.returncode == 0
    assert result.stderr.count("Cannot read the machine settings") == 1


def test_what_was_typed_is_shown_and_never_obeyed(runs: Path) -> None:
    hostile = "x\x1b]52;c;aGk=\x07\u009b31m"
    for command in (f"$'{hostile}'", f"runs show $'{hostile}'", f"--{hostile}", f"runs list --runs-dir $'/{hostile}'"):
        result = shell(f"babytrain-tui {command}", runs)
        assert not {"\x1b]", "\x07", "\u009b"} & set(result.stdout + result.stderr)
        assert "\x1b]" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("line", "environ", "code", "says"),
    [
        ("babytrain-tui runs show ziggy", {"COLUMNS": "0"}, 0, "settings"),
        ("babytrain-tui doctor", {"COLUMNS": "1"}, 0, "python"),
        ("babytrain-tui runs list", {"BABYTRAIN_RUNS_DIR": "~nobody-of-this-name/runs"}, 0, "No runs in"),
        ("babytrain-tui chat ziggy <&-", {}, 2, "Standard input is closed"),
        ("echo the snake | babytrain-tui chat ziggy --tokens 3", {"PYTHONIOENCODING": "ascii"}, 0, "the snake"),
    ],
)
def test_odd_environments_change_nothing(runs: Path, line: str, environ: dict[str, str], code: int, says: str) -> None:
    result = shell(line, runs, **environ)
    assert result.returncode == code
    assert says in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
