"""Forks and reruns stand under what they came from, marked, in the list on the home screen."""

from __future__ import annotations

from pathlib import Path

import msgspec

from babytrain.tui.charset import CharsetName
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.run_rows import read_rows
from babytrain.tui.widgets.runs_table import run_cells
from tests.tui.driving import write_run
from tests.tui.scripted import script


def write(runs_dir: Path, name: str, wall_time: float, **origin: str) -> str:
    first, *rest = script(20)
    first = msgspec.structs.replace(first, name=name, wall_time=wall_time, **origin)
    return write_run(runs_dir, name, [first, *rest]).name


def test_a_fork_stands_under_its_parent_and_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("babytrain.runs.recorded.recorded_runs", list)
    runs_dir = tmp_path / "runs"
    parent = write(runs_dir, "ziggy", 1000.0)
    write(runs_dir, "alone", 1500.0)
    fork = write(runs_dir, "bold", 2000.0, parent=parent)
    write(runs_dir, "echo", 3000.0, parent=parent, rerun_of=fork)
    rows = read_rows(runs_dir).rows
    assert [(row.name, row.depth, row.kinship) for row in rows] == [
        ("alone", 0, ""),
        ("ziggy", 0, ""),
        ("bold", 1, "fork"),
        ("echo", 2, "rerun"),
    ]
    charsets: tuple[CharsetName, ...] = ("braille", "blocks", "ascii")
    for charset in charsets:
        names = [run_cells(row, 4000.0, GLYPHS[charset], {})["run"].plain for row in rows]
        arrow = GLYPHS[charset].arrow
        assert names == ["alone", "ziggy", f"  {arrow} bold  fork", f"    {arrow} echo  rerun"]
        assert charset != "ascii" or all(name.isascii() for name in names)
