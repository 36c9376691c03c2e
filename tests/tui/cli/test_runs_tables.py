"""`runs show` and the list speak of a run in the same words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from babytrain.runs.forecast.eta import Eta
from babytrain.runs.formatting import format_whole_seconds
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock
from babytrain.runs.store.run_list import list_runs
from babytrain.tui.cli.runs_tables import print_run
from babytrain.tui.text.energy_format import format_range
from tests.tui.driving import write_run
from tests.tui.scripted import ending, script


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    print_run(RunFolder(folder), as_json=True)
    status: str = json.loads(capsys.readouterr().out)["status"]
    return status


def test_the_status_is_that_of_the_list(runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    killed = write_run(runs_dir, "killed", script(60))
    ended = write_run(runs_dir, "ended", [*script(60), ending(script(60))])
    broken = write_run(runs_dir, "broken", script(60))
    (broken / "journal.jsonl").write_text("garbage\n")
    listed = {run.path: run.status for run in list_runs(runs_dir)}
    assert {folder: shown(folder, capsys) for folder in (killed, ended, broken)} == listed
    assert listed == {killed: "interrupted", ended: "done", broken: "unreadable"}


def test_the_estimate_is_told_of_a_run_in_training_alone(runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(write_run(runs_dir, "busy", script(200)))
    print_run(folder, as_json=False)
    assert "\nleft" not in capsys.readouterr().out
    with RunLock(folder):
        print_run(folder, as_json=True)
        low, high = json.loads(capsys.readouterr().out)["seconds_left"]
        assert 0.0 < low < high
        print_run(folder, as_json=False)
        eta = Eta(low, high)
        assert format_range(eta, format_whole_seconds) in capsys.readouterr().out.split("settings")[0]
