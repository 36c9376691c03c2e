"""Forks and reruns stand under what they came from, as a tree, in the list on the home screen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.widgets.common.runs_table import read_rows, run_cells
from tests.tui.driving import write_run
from tests.tui.scripted import script


def write(runs_dir: Path, name: str, wall_time: float, **origin: object) -> str:
    first, *rest = script(20)
    first = msgspec.structs.replace(first, name=name, wall_time=wall_time, **origin)
    return write_run(runs_dir, name, [first, *rest]).name


def names(runs_dir: Path, charset: CharsetName = "braille") -> list[str]:
    return [run_cells(row, 4000.0, charset, {})["run"].plain for row in read_rows(runs_dir).rows]


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three generations: ziggy, its forks bold and brave, of bold a rerun and a fork; and alone."""
    monkeypatch.setattr("babytrain.runs.recorded.recorded_runs", list)
    runs_dir = tmp_path / "runs"
    ziggy = write(runs_dir, "ziggy", 1000.0)
    write(runs_dir, "alone", 1500.0)
    bold = write(runs_dir, "bold", 2000.0, parent=ziggy, step=1200)
    write(runs_dir, "brave", 1800.0, parent=ziggy, step=10)
    write(runs_dir, "echo", 3000.0, parent=ziggy, rerun_of=bold, step=1200)
    write(runs_dir, "bolder", 2500.0, parent=bold, step=15)
    return runs_dir


def test_three_generations_are_a_tree_that_says_where_each_fork_began(family: Path) -> None:
    assert names(family) == [
        "alone",
        "ziggy",
        "├─ bold  fork @1,200",
        "│  ├─ echo  rerun",
        "│  └─ bolder  fork @15",
        "└─ brave  fork @10",
    ]


def test_the_tree_is_drawn_with_what_the_terminal_has(family: Path) -> None:
    drawn = names(family, "ascii")
    assert all(name.isascii() for name in drawn)
    assert drawn[3:5] == ["|  |- echo  rerun", "|  `- bolder  fork @15"]


def test_a_long_line_of_forks_stays_on_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.runs.recorded.recorded_runs", list)
    runs_dir, parent = tmp_path / "runs", ""
    for generation in range(12):
        parent = write(runs_dir, f"fork{generation}", 1000.0 + generation, parent=parent)
    drawn = names(runs_dir)
    assert [name.split()[-3] for name in drawn[1:]] == [f"fork{number}" for number in range(1, 12)]
    assert max(map(len, drawn)) < 40


def test_a_fork_whose_parent_is_gone_stands_by_itself_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babytrain.runs.recorded.recorded_runs", list)
    write(tmp_path / "runs", "orphan", 1000.0, parent="gone-20260101-000000", step=7)
    assert names(tmp_path / "runs") == ["orphan  fork @7"]
