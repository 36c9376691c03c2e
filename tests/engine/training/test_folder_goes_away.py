"""A run whose folder, journal or checkpoints go away while it trains: it says so, trains on and is whole at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from babytrain.engine.generation.checkpoint_model import load_checkpoint_model
from babytrain.engine.sessions.start_and_resume import NewRunPlan, RunResult, train_new, train_resumed
from babytrain.engine.training import recorder
from babytrain.runs.events import AnyEvent, Checkpoint, Ended, Eval, LogMessage, Phase, Sample, Started, Step, Storage
from babytrain.runs.journal import read_journal
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store import training_folder
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock, lock_owner
from babytrain.runs.store.run_list import list_runs
from tests.engine.tiny_runs import tiny_config, write_text

Action = Callable[[RunFolder], None]


class DisturbedFeed(LiveFeed):
    """Does something to the folder of the run as soon as an event is published, once."""

    def __init__(self, moment: Callable[[AnyEvent], bool], action: Action) -> None:
        super().__init__()
        self.folder: RunFolder | None = None
        self.first: RunFolder | None = None
        self.said: list[str] = []
        self._moment, self._action, self._done = moment, action, False

    def take_folder(self, folder: RunFolder) -> None:
        self.first = self.first or folder
        self.folder = folder

    def publish(self, event: AnyEvent) -> None:
        super().publish(event)
        if isinstance(event, LogMessage) and event.level == "error":
            self.said.append(event.text)
        if isinstance(event, Phase) and event.phase == "paused":
            self.ask("resume")
        if not self._done and self.folder is not None and self._moment(event):
            self._done = True
            self._action(self.folder)


@pytest.fixture(autouse=True)
def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(training_folder, "RETRY_SECONDS", 0.0)


def train(folder: Path, feed: DisturbedFeed, **changes: object) -> RunResult:
    plan = NewRunPlan(
        config=tiny_config(keep_checkpoints=2, **changes),
        runs_dir=folder / "runs",
        paths=(str(write_text(folder)),),
        name="tiny",
    )
    return train_new(plan, feed, feed.take_folder)


def remove(folder: RunFolder) -> None:
    shutil.rmtree(folder.path)


def rename(folder: RunFolder) -> None:
    folder.path.rename(folder.path.with_name("elsewhere"))


def replace_folder(folder: RunFolder) -> None:
    rename(folder)
    folder.path.mkdir()
    folder.journal.write_text("of somebody else\n")
    folder.checkpoints.mkdir()


def remove_all_runs(folder: RunFolder) -> None:
    shutil.rmtree(folder.path.parent)


def link_instead(folder: RunFolder) -> None:
    rename(folder)
    folder.path.symlink_to(folder.path.with_name("elsewhere"))


def remove_journal(folder: RunFolder) -> None:
    folder.journal.unlink()


def copy_journal_over(folder: RunFolder) -> None:
    copy = folder.path / "x"
    shutil.copy(folder.journal, copy)
    copy.replace(folder.journal)


def empty_journal(folder: RunFolder) -> None:
    os.truncate(folder.journal, 0)


def remove_checkpoints(folder: RunFolder) -> None:
    shutil.rmtree(folder.checkpoints, ignore_errors=True)


def remove_small_files(folder: RunFolder) -> None:
    for path in (folder.lock_file, folder.config_file, folder.tokenizer_file):
        path.unlink()


def link_small_files(folder: RunFolder) -> None:
    for path in (folder.lock_file, folder.config_file, folder.tokenizer_file):
        path.unlink()
        path.symlink_to(foreign_folder(folder) / "letter.txt")


def link_checkpoints(folder: RunFolder) -> None:
    if folder.checkpoints.exists():
        folder.checkpoints.rename(folder.path.parent.parent / "old-checkpoints")
    folder.checkpoints.symlink_to(foreign_folder(folder))


def foreign_folder(folder: RunFolder) -> Path:
    """A folder of somebody else, in which nothing may change."""
    foreign = folder.path.parent.parent / "foreign"
    foreign.mkdir(exist_ok=True)
    (foreign / "letter.txt").write_text("Dear")
    return foreign


MOVED = (remove, rename, replace_folder, remove_all_runs, link_instead)
MENDED = (remove_journal, copy_journal_over, empty_journal, remove_checkpoints, remove_small_files)
LINKED = (link_small_files, link_checkpoints)
MOMENTS: dict[str, Callable[[AnyEvent], bool]] = {
    "first evaluation": lambda event: isinstance(event, Eval),
    "paused": lambda event: isinstance(event, Phase) and event.phase == "paused",
    "checkpoint": lambda event: isinstance(event, Checkpoint) and event.step >= 10,
    "sample": lambda event: isinstance(event, Sample) and event.step >= 10,
    "last checkpoint": lambda event: isinstance(event, Checkpoint) and event.step == 20,
    "end": lambda event: isinstance(event, Ended),
}


# Each action at two moments, each moment with four actions.
PAIRS = [
    (action, moment)
    for number, action in enumerate((*MOVED, *MENDED, *LINKED))
    for column, moment in enumerate(MOMENTS)
    if (number + column) % 3 == 0
]


@pytest.mark.parametrize(("action", "moment"), PAIRS)
def test_the_run_is_whole_at_the_end(tmp_path: Path, action: Action, moment: str) -> None:
    feed = DisturbedFeed(MOMENTS[moment], action)
    if moment == "paused":
        feed.ask("pause")
    result = train(tmp_path, feed)
    run = RunFolder(Path(result.run_dir))
    assert feed.folder == run
    phase = ""
    for event in read_journal(run.journal).events:
        phase = event.phase if isinstance(event, Phase) else phase
        assert not (isinstance(event, Step) and phase == "saving"), "it is said to be saving while it trains"
    if action not in MOVED:
        assert run == feed.first
    if action in LINKED:
        assert [path.read_text() for path in foreign_folder(run).iterdir()] == ["Dear"]
    assert result.status == "done"
    assert result.run_id == run.run_id
    (summary,) = (found for found in list_runs(tmp_path / "runs") if found.run_id == run.run_id)
    assert (summary.status, summary.step) == ("done", 20)
    events = read_journal(run.journal).events
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Ended)
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 21))
    assert load_checkpoint_model(run.path, "last").step == 20
    assert load_checkpoint_model(run.path, "best").step == result.best_step
    if moment != "first evaluation" or action not in (remove_checkpoints, link_checkpoints):  # when there are none yet
        assert any("of this run" in sentence for sentence in feed.said)
    assert lock_owner(run) is None
    resumed = train_resumed(run.path, {"steps": 25}, LiveFeed())
    assert (resumed.status, resumed.steps) == ("done", 25)


def test_what_stands_in_the_old_place_is_left_alone(tmp_path: Path) -> None:
    feed = DisturbedFeed(MOMENTS["checkpoint"], replace_folder)
    result = train(tmp_path, feed)
    assert feed.first is not None
    assert feed.first.journal.read_text() == "of somebody else\n"
    assert sorted(path.name for path in feed.first.path.iterdir()) == ["checkpoints", "journal.jsonl"]
    assert not list(feed.first.checkpoints.iterdir())
    moved = RunFolder(tmp_path / "runs" / "elsewhere")
    last = read_journal(moved.journal).events[-1]
    assert isinstance(last, LogMessage)
    assert f"It is saved in {result.run_dir}" in last.text
    with RunLock(moved):
        assert train_resumed(Path(result.run_dir), {"steps": 21}, LiveFeed()).status == "done"


def test_the_journal_is_the_same_to_the_byte(tmp_path: Path) -> None:
    kept: list[bytes] = []

    def action(folder: RunFolder) -> None:
        kept.append(folder.journal.read_bytes())
        folder.journal.write_bytes(b"no")  # also cuts it short

    result = train(tmp_path, DisturbedFeed(MOMENTS["sample"], action))
    assert RunFolder(Path(result.run_dir)).journal.read_bytes().startswith(kept[0])


def test_a_checkpoint_removed_by_itself_stays_removed_and_the_newest_is_saved_again(tmp_path: Path) -> None:
    removed: list[Path] = []

    def action(folder: RunFolder) -> None:
        removed.extend(sorted(folder.checkpoints.glob("step-*"))[-1:])
        shutil.rmtree(removed[0])

    def moment(event: AnyEvent) -> bool:
        return isinstance(event, Phase) and event.phase == "training" and event.step == 10

    feed = DisturbedFeed(moment, action)
    result = train(tmp_path, feed, checkpoint_every=4)
    saved = [
        event for event in read_journal(RunFolder(Path(result.run_dir)).journal).events if isinstance(event, Checkpoint)
    ]
    assert [event.step for event in saved if event.reason == "taken away"] != []
    assert not removed[0].exists()


def test_without_a_new_folder_it_trains_on_and_does_not_claim_to_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babytrain.engine.training.finalize.ROOM_SECONDS", 0.0)

    def action(folder: RunFolder) -> None:
        remove_all_runs(folder)
        folder.path.parent.write_text("a file where the runs folder was")

    feed = DisturbedFeed(MOMENTS["checkpoint"], action)
    result = train(tmp_path, feed)
    assert (result.status, result.steps) == ("failed", 20)
    assert "the plan is done, but" in result.reason
    assert "cannot keep runs in" in result.reason
    storage = [event for event in feed.drain_events() if isinstance(event, Storage)]
    assert (storage[0].what, storage[0].failing) == ("folder", True)
    assert sum("no new one yet" in sentence for sentence in feed.said) == 1


def test_a_folder_can_be_made_again_later(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"

    def action(folder: RunFolder) -> None:
        remove_all_runs(folder)
        runs_dir.write_text("a file where the runs folder was")

    class HelpedFeed(DisturbedFeed):
        def publish(self, event: AnyEvent) -> None:
            super().publish(event)
            if isinstance(event, Eval) and event.step == 20:
                runs_dir.unlink()

    feed = HelpedFeed(MOMENTS["checkpoint"], action)
    result = train(tmp_path, feed)
    assert result.status == "done"
    run = RunFolder(Path(result.run_dir))
    events = read_journal(run.journal).events
    assert [
        (event.what, event.failing) for event in events if isinstance(event, Storage) and event.what == "folder"
    ] == [
        ("folder", True),
        ("folder", False),
    ]
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 21))
    assert load_checkpoint_model(run.path, "last").step == 20


def test_a_run_that_another_process_took_goes_on_beside_it(tmp_path: Path) -> None:
    locks: list[RunLock] = []

    def action(folder: RunFolder) -> None:
        folder.lock_file.unlink()
        locks.append(RunLock(folder).acquire())
        monkey = folder.lock_file.read_bytes().replace(str(os.getpid()).encode(), str(os.getppid()).encode())
        monkey = monkey.replace(b'"process_start"', b'"other"')
        folder.lock_file.write_bytes(monkey)

    feed = DisturbedFeed(MOMENTS["checkpoint"], action)
    result = train(tmp_path, feed)
    locks[0].release()
    assert feed.first is not None
    assert Path(result.run_dir) != feed.first.path
    assert result.status == "done"
