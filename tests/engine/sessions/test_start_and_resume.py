"""What a session leaves behind: in the process, and in the folder of a run that broke."""

from __future__ import annotations

import errno
import gc
import weakref
from pathlib import Path

import pytest

from babytrain.engine.config.errors import ConfigError, EngineError
from babytrain.engine.sessions import start_and_resume
from babytrain.engine.sessions.start_and_resume import train_resumed
from babytrain.runs.events import Ended
from babytrain.runs.journal import JournalWriter, read_journal
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from tests.engine.tiny_runs import train


class Screen:
    """Something that refers to itself, as screens do: only the collector can remove it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_alive_during_a_run_can_be_collected_after_it(tmp_path: Path) -> None:
    before = gc.get_threshold()
    screen = Screen()
    gone = weakref.ref(screen)
    train(tmp_path, steps=2)
    del screen
    gc.collect()
    assert gone() is None
    assert gc.get_threshold() == before


def test_a_defect_before_the_first_step_of_a_resumed_run_leaves_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = train(tmp_path)

    def broken(*_: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(start_and_resume, "prepare_model", broken)
    with pytest.raises(EngineError, match=r"could not be started \(a defect\)\. Details are in"):
        train_resumed(Path(result.run_dir), {"steps": 30}, LiveFeed())
    assert "ValueError: a defect" in (Path(result.run_dir) / "crash.log").read_text()


def test_what_a_person_can_change_is_no_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = train(tmp_path)

    def refused(*_: object) -> None:
        raise ConfigError(["Say it another way."])

    monkeypatch.setattr(start_and_resume, "prepare_model", refused)
    with pytest.raises(EngineError) as caught:
        train_resumed(Path(result.run_dir), {"steps": 30}, LiveFeed())
    assert caught.value.problems == ["Say it another way."]
    assert not (Path(result.run_dir) / "crash.log").exists()


def test_a_defect_of_a_new_run_is_no_advice_to_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(start_and_resume, "prepare_model", broken)
    with pytest.raises(ValueError, match="a defect") as caught:
        train(tmp_path)
    assert not isinstance(caught.value, EngineError)


def test_a_defect_between_the_first_event_and_the_first_step_closes_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[JournalWriter] = []
    honest = JournalWriter.close

    def close(self: JournalWriter) -> None:
        closed.append(self)
        honest(self)

    def broken(*_: object) -> str:
        raise ValueError("a defect")

    monkeypatch.setattr(JournalWriter, "close", close)
    monkeypatch.setattr(start_and_resume, "corpus_summary", broken)
    with pytest.raises(EngineError, match="a defect"):
        train(tmp_path)
    assert len(closed) == 1
    (run,) = (tmp_path / "runs").glob("tiny-*")
    ended = read_journal(RunFolder(run).journal).events[-1]
    assert isinstance(ended, Ended)
    assert ended.status == "failed"
    assert (run / "crash.log").is_file()


@pytest.mark.parametrize("broken", ["store.lock._write_owner", "store.folder.write_atomically"])
def test_a_full_disk_at_the_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"babytrain.runs.{broken}", full)
    with pytest.raises(EngineError, match="No space left on device"):
        train(tmp_path)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_without_a_journal_is_said_to_have_none(tmp_path: Path) -> None:
    folder = RunFolder(Path(train(tmp_path).run_dir))
    folder.journal.unlink()
    with pytest.raises(EngineError, match="nothing was trained there, or it was removed"):
        train_resumed(folder.path, {"steps": 40}, LiveFeed())
