"""Watching a run whose folder is moved while it trains."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from babytrain.runs.journal import JournalWriter
from babytrain.runs.store.folder import RunFolder
from babytrain.tui.engine_client import run_sources
from babytrain.tui.engine_client.run_sources import WatchSource
from tests.runs.builders import started, step


@pytest.fixture(autouse=True)
def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_sources, "LOOK_SECONDS", 0.0)


def write_run(folder: Path, run_id: str, steps: int) -> Path:
    folder.mkdir()
    with JournalWriter(RunFolder(folder).journal) as journal:
        journal.append(replace(started(), run_id=run_id))
        for number in range(1, steps + 1):
            journal.append(step(number))
    return RunFolder(folder).journal


@pytest.mark.parametrize("put_in_its_place", [False, True])
def test_a_run_that_moved_is_followed(tmp_path: Path, put_in_its_place: bool) -> None:
    source = WatchSource(write_run(tmp_path / "old", "one", 3))
    source.poll()
    write_run(tmp_path / "another", "two", 9)
    (tmp_path / "old").rename(tmp_path / "new")
    if put_in_its_place:
        write_run(tmp_path / "old", "three", 7)
    source.poll()
    assert source.snapshot().step == 3
    assert source.folder == RunFolder(tmp_path / "new")
    assert source.state.started is not None
    assert source.state.started.run_id == "one"


def test_a_run_that_is_gone_stays_on_the_screen(tmp_path: Path) -> None:
    journal = write_run(tmp_path / "old", "one", 3)
    source = WatchSource(journal)
    source.poll()
    journal.unlink()
    source.poll()
    assert source.snapshot().step == 3
