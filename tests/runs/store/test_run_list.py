"""Listing, finding, deleting and restoring runs."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent
from babytrain.runs.journal import encode_event
from babytrain.runs.recorded import recorded_runs
from babytrain.runs.store.folder import RunFolder, create_run
from babytrain.runs.store.lock import RunLock
from babytrain.runs.store.run_list import (
    delete_run,
    find_journal,
    find_run,
    find_run_or_recording,
    list_runs,
    restore_run,
)
from babytrain.runs.store.summary import summarize_run
from tests.runs.builders import ended, evaluation, started, step

NOON = datetime(2026, 1, 31, 12, 0, 0)


def make_run(runs_dir: Path, name: str, hour: int = 0) -> RunFolder:
    folder = create_run(runs_dir, name, now=NOON + timedelta(hours=hour))
    events: list[AnyEvent] = [
        started(name=name, run_id=folder.run_id, wall_time=1_769_860_800.0 + 3600 * hour),
        step(1),
        evaluation(1, 2.0 + hour),
        ended(1),
    ]
    folder.journal.write_bytes(b"".join(map(encode_event, events)))
    return folder


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_no_folder_means_no_runs(runs_dir: Path) -> None:
    assert list_runs(runs_dir) == []


def test_runs_are_listed_newest_first(runs_dir: Path) -> None:
    for hour, name in enumerate(["one", "two", "three"]):
        make_run(runs_dir, name, hour)
    assert [run.name for run in list_runs(runs_dir)] == ["three", "two", "one"]
    assert [run.best_val_loss for run in list_runs(runs_dir)] == [4.0, 3.0, 2.0]


def test_one_broken_run_never_hides_the_others(runs_dir: Path) -> None:
    good = make_run(runs_dir, "good")
    create_run(runs_dir, "never-started")
    garbage = create_run(runs_dir, "garbage")
    garbage.journal.write_bytes(b"\x00\xff" * 5000)
    folder_for_a_file = create_run(runs_dir, "odd")
    folder_for_a_file.journal.mkdir()
    dangling = create_run(runs_dir, "dangling")
    dangling.journal.symlink_to(runs_dir / "nowhere")
    (runs_dir / "circle-20260101-000000").symlink_to("circle-20260101-000000")  # nothing can be asked of it
    (runs_dir / "a file").write_text("")
    (runs_dir / "somebody's photos").mkdir()
    (runs_dir / ".hidden-20260131-120000").mkdir()
    statuses = {run.name: run.status for run in list_runs(runs_dir)}
    assert statuses == {
        good.name: "done",
        "never-started": "empty",
        "garbage": "unreadable",
        "odd": "unreadable",
        "dangling": "unreadable",
    }


def test_a_runs_folder_that_is_a_file_is_said(runs_dir: Path) -> None:
    runs_dir.write_text("")
    with pytest.raises(RunsError, match=str(runs_dir)):
        list_runs(runs_dir)


def test_runs_are_found_by_all_that_names_them(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ziggy = make_run(runs_dir, "Ziggy Stardust", 0)
    otter = make_run(runs_dir, "sleepy-otter", 1)
    assert find_run(runs_dir, ziggy.run_id) == ziggy
    assert find_run(runs_dir, "last") == otter
    assert find_run(runs_dir, "zig") == ziggy
    assert find_run(runs_dir, "Ziggy Stardust") == ziggy
    assert find_run(runs_dir, "ziggy stardust") == ziggy
    assert find_run(runs_dir, str(ziggy.path)) == ziggy
    assert find_run(runs_dir, str(ziggy.journal)) == ziggy
    monkeypatch.chdir(runs_dir)
    assert find_run(runs_dir.parent / "elsewhere", ziggy.run_id) == ziggy  # a relative path
    monkeypatch.chdir(ziggy.path)
    assert find_run(runs_dir.parent / "elsewhere", ".") == ziggy


def test_the_last_run_is_one_that_began(runs_dir: Path) -> None:
    began = make_run(runs_dir, "began")
    create_run(runs_dir, "never-started")  # newer, and empty
    assert find_run(runs_dir, "last") == began


def test_a_name_of_several_runs_asks_for_more(runs_dir: Path) -> None:
    first, second = make_run(runs_dir, "ziggy", 0), make_run(runs_dir, "ziggy", 1)
    for text in ("ziggy", "zig"):
        with pytest.raises(RunsError) as caught:
            find_run(runs_dir, text)
        assert first.run_id in str(caught.value)
        assert second.run_id in str(caught.value)
    assert find_run(runs_dir, first.run_id) == first


def test_a_name_goes_before_the_beginning_of_a_longer_one(runs_dir: Path) -> None:
    ziggy = make_run(runs_dir, "ziggy", 0)
    make_run(runs_dir, "ziggy-two", 1)
    assert find_run(runs_dir, "ziggy") == ziggy


def test_names_that_differ_in_case_only_are_told_apart(runs_dir: Path) -> None:
    lower, upper = make_run(runs_dir, "ziggy", 0), make_run(runs_dir, "Ziggy", 1)
    assert find_run(runs_dir, "ziggy") == lower
    assert find_run(runs_dir, "Ziggy") == upper
    with pytest.raises(RunsError, match="Several"):
        find_run(runs_dir, "ZIGGY")


def test_a_slip_of_the_finger_is_told_the_nearest(runs_dir: Path) -> None:
    with pytest.raises(RunsError, match="no runs in"):
        find_run(runs_dir, "last")
    with pytest.raises(RunsError, match=r"no runs in .*the demos are called ziggy, icarus"):
        find_run(runs_dir, "zelda")
    make_run(runs_dir, "sleepy-otter")
    make_run(runs_dir, "ziggy")
    with pytest.raises(RunsError, match="nearest are ziggy"):
        find_run(runs_dir, "zigy")
    with pytest.raises(RunsError, match="there are sleepy-otter"):
        find_run(runs_dir, "???")


def test_a_demo_is_found_by_name_after_the_runs_and_only_where_a_recording_will_do(runs_dir: Path) -> None:
    healthy, _ = recorded_runs()
    assert find_run_or_recording(runs_dir, "Ziggy").journal == find_journal(runs_dir, "ziggy-2026") == healthy
    assert summarize_run(find_run_or_recording(runs_dir, "ziggy")).status == "done"
    with pytest.raises(RunsError, match=r"ziggy is a demo.* `report ziggy` work"):
        find_run(runs_dir, "ziggy")
    own = make_run(runs_dir, "ziggy")
    assert find_run(runs_dir, "ziggy").path == find_run_or_recording(runs_dir, "ziggy").path == own.path


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs_dir = tmp_path_factory.mktemp("hostile") / "runs"
    make_run(runs_dir, "ziggy")
    (runs_dir.parent / "outside").mkdir()
    return runs_dir


@given(st.text(alphabet=st.characters()) | st.sampled_from(["..", "../outside", "\x00", "/" * 5000, "~nobody-here/x"]))
def test_whatever_is_typed_gives_a_run_or_a_sentence(one_run: Path, text: str) -> None:
    try:
        folder = find_run(one_run, text)
    except RunsError:
        return
    assert folder.name == "ziggy"


def test_any_journal_file_can_be_named(runs_dir: Path) -> None:
    ziggy = make_run(runs_dir, "ziggy")
    recording = runs_dir.parent / "recording.jsonl"
    recording.write_bytes(ziggy.journal.read_bytes())
    assert find_journal(runs_dir, str(recording)) == recording
    assert find_journal(runs_dir, "ziggy") == ziggy.journal
    with pytest.raises(RunsError):
        find_journal(runs_dir, "nothing.jsonl")


def test_a_deleted_run_lies_in_the_trash_and_comes_back_whole(runs_dir: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    content = folder.journal.read_bytes()
    trashed = delete_run(runs_dir, folder)
    assert trashed.parent == runs_dir / ".trash"
    assert list_runs(runs_dir) == []
    assert not folder.path.exists()
    assert restore_run(trashed) == folder
    assert folder.journal.read_bytes() == content
    assert not trashed.exists()
    assert len(list_runs(runs_dir)) == 1


def test_runs_of_the_same_id_lie_side_by_side_in_the_trash(runs_dir: Path) -> None:
    places = [delete_run(runs_dir, make_run(runs_dir, "ziggy")) for _ in range(3)]
    assert len(set(places)) == 3
    assert all(place.is_dir() for place in places)


def test_a_run_being_trained_is_not_deleted(runs_dir: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    with RunLock(folder), pytest.raises(RunsError, match=f"is being trained by process {os.getpid()}"):
        delete_run(runs_dir, folder)
    assert folder.journal.exists()


def test_only_runs_are_deleted(tmp_path: Path, runs_dir: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for folder in (photos, tmp_path / "absent"):
        with pytest.raises(RunsError, match="nothing was deleted"):
            delete_run(runs_dir, RunFolder(folder))
    assert photos.is_dir()


def test_restoring_never_overwrites(runs_dir: Path) -> None:
    folder = make_run(runs_dir, "ziggy")
    trashed = delete_run(runs_dir, folder)
    folder.path.mkdir()
    with pytest.raises(RunsError, match="again"):
        restore_run(trashed)
    assert trashed.is_dir()
    for stranger in (folder.path, runs_dir / ".trash" / "absent"):
        with pytest.raises(RunsError, match="not a run in the trash"):
            restore_run(stranger)


def test_shipped_recordings_are_the_journals_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    assert [path.name for path in recorded_runs(tmp_path)] == ["a.jsonl", "b.jsonl"]
    assert all(path.suffix == ".jsonl" for path in recorded_runs())
