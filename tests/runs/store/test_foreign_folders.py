"""A run folder from a stranger: what a link or a second hard link leads to stays as it is, and nothing waits."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from babytrain.runs.errors import RunsError
from babytrain.runs.journal import JournalTail, JournalWriter, read_journal
from babytrain.runs.store.checkpoint_list import checkpoint_folders, pointed_at, summarize_checkpoints
from babytrain.runs.store.folder import RunFolder, create_run, read_run_toml
from babytrain.runs.store.lock import RunLock, lock_owner
from babytrain.runs.store.run_list import delete_run, list_runs, restore_run, run_folders
from tests.runs.builders import step
from tests.runs.store.test_run_list import make_run


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary.txt"
    path.write_text("dear diary\n", encoding="utf-8")
    return path


def make_checkpoint(folder: RunFolder, name: str) -> Path:
    path = folder.checkpoints / name
    path.mkdir(parents=True)
    (path / "trainer.json").write_text(json.dumps({"step": 5, "val_loss": 1.5, "val_step": 5}), encoding="utf-8")
    return path


def test_a_lock_that_is_a_link_is_refused_and_its_file_stays(runs_dir: Path, diary: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    folder.lock_file.symlink_to(diary)
    with pytest.raises(RunsError, match="it is a link"), RunLock(folder):
        pass
    assert diary.read_text(encoding="utf-8") == "dear diary\n"


def test_a_lock_with_another_hard_link_is_parted_from_it(runs_dir: Path, diary: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    os.link(diary, folder.lock_file)
    with RunLock(folder):
        owner = lock_owner(folder)
        assert owner is not None
        assert owner.pid == os.getpid()
        with pytest.raises(RunsError, match="is being trained"):
            RunLock(folder).acquire()
    assert diary.read_text(encoding="utf-8") == "dear diary\n"


def test_a_journal_that_is_a_link_is_neither_read_nor_written(runs_dir: Path, diary: Path) -> None:
    folder = create_run(runs_dir, "ziggy")
    folder.journal.symlink_to(diary)
    with pytest.raises(RunsError, match="it is a link"):
        JournalWriter(folder.journal)
    with pytest.raises(RunsError, match="it is a link"):
        read_journal(folder.journal)
    follower = JournalTail(folder.journal)
    assert follower.poll() == []
    assert "it is a link" in follower.error
    assert diary.read_text(encoding="utf-8") == "dear diary\n"


def test_a_journal_in_a_backup_by_hard_links_keeps_the_content_it_had(runs_dir: Path, tmp_path: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    os.link(folder.journal, tmp_path / "backup.jsonl")
    before = folder.journal.read_bytes()
    with JournalWriter(folder.journal) as journal:
        journal.append(step(2))
    assert (tmp_path / "backup.jsonl").read_bytes() == before
    assert folder.journal.read_bytes().startswith(before)
    assert len(folder.journal.read_bytes()) > len(before)


def test_no_pipe_in_a_run_folder_is_waited_for(runs_dir: Path) -> None:
    good = make_run(runs_dir, "good")
    for name in ("journal.jsonl", "run.toml", "lock"):
        os.mkfifo(create_run(runs_dir, f"pipe-{name}").path / name)
    pipes = create_run(runs_dir, "pipes")
    (pipes.checkpoints / "step-000000001").mkdir(parents=True)
    for path in (pipes.checkpoints / "step-000000001" / "trainer.json", pipes.checkpoints / "last"):
        os.mkfifo(path)
    assert {run.status for run in list_runs(runs_dir) if run.run_id != good.run_id} == {"unreadable", "empty"}
    assert summarize_checkpoints(pipes) == []
    for folder in run_folders(runs_dir):
        with pytest.raises(RunsError):
            read_run_toml(folder)
    with pytest.raises(RunsError, match="it is a pipe"):
        JournalWriter(next(runs_dir.glob("pipe-journal*")) / "journal.jsonl")


def test_checkpoints_behind_links_are_none(runs_dir: Path, tmp_path: Path) -> None:
    foreign = RunFolder(tmp_path / "foreign")
    elsewhere = make_checkpoint(foreign, "step-000000005")
    folder = make_run(runs_dir, "ziggy")
    folder.checkpoints.symlink_to(foreign.checkpoints)
    assert checkpoint_folders(folder.checkpoints) == []
    folder.checkpoints.unlink()
    own = make_checkpoint(folder, "step-000000004")
    (folder.checkpoints / "step-000000005").symlink_to(elsewhere)
    assert checkpoint_folders(folder.checkpoints) == [own]


@pytest.mark.parametrize(
    "name", ["../../foreign/checkpoints/step-000000005", "", ".", "step-000000004/..", "step-1\0", "x" * 5000, "/"]
)
def test_the_best_and_the_last_are_names_of_checkpoints_beside_them(runs_dir: Path, name: str) -> None:
    folder = make_run(runs_dir, "ziggy")
    own = make_checkpoint(folder, "step-000000004")
    (folder.checkpoints / "best").write_text(name, encoding="utf-8")
    assert pointed_at(folder.checkpoints / "best") is None
    (folder.checkpoints / "best").write_text("step-000000004\n", encoding="utf-8")
    assert pointed_at(folder.checkpoints / "best") == own


def test_folders_that_only_look_like_checkpoints_are_none(runs_dir: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    for name in ("step-", "step-x", "step--5", "step-" + "9" * 40, "step-\u0665"):
        make_checkpoint(folder, name)
    assert checkpoint_folders(folder.checkpoints) == []


def test_photographs_in_a_folder_named_after_a_date_are_no_run(runs_dir: Path) -> None:
    photos = RunFolder(runs_dir / "summer-20240714-120000")
    photos.path.mkdir(parents=True)
    (photos.path / "beach.jpg").write_bytes(b"\xff\xd8")
    assert list_runs(runs_dir) == []
    with pytest.raises(RunsError, match="nothing was deleted"):
        delete_run(runs_dir, photos)
    assert (photos.path / "beach.jpg").exists()


def test_only_runs_of_the_runs_folder_are_deleted(runs_dir: Path, tmp_path: Path) -> None:
    make_run(runs_dir, "ziggy")
    elsewhere = make_run(tmp_path / "backup", "otter")
    with pytest.raises(RunsError, match="is not in the runs folder"):
        delete_run(runs_dir, elsewhere)
    assert elsewhere.journal.exists()


def test_of_a_run_that_is_linked_to_only_the_link_is_deleted(runs_dir: Path, tmp_path: Path) -> None:
    elsewhere = make_run(tmp_path / "large-disk", "otter")
    runs_dir.mkdir()
    link = RunFolder(runs_dir / elsewhere.run_id)
    link.path.symlink_to(elsewhere.path)
    assert [run.status for run in list_runs(runs_dir)] == ["done"]
    trashed = delete_run(runs_dir, link)
    assert list_runs(runs_dir) == []
    assert sorted(os.listdir(elsewhere.path)) == ["journal.jsonl"]
    assert restore_run(trashed) == link


def test_nothing_is_moved_to_where_a_trash_link_leads(runs_dir: Path, tmp_path: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    (tmp_path / "elsewhere").mkdir()
    (runs_dir / ".trash").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunsError, match="is a link"):
        delete_run(runs_dir, folder)
    assert os.listdir(tmp_path / "elsewhere") == []
    assert folder.journal.exists()
