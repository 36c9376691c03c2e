"""Checkpoints are whole or not there, whatever happens while they are written."""

import errno
import os
from pathlib import Path

import pytest
import torch

from babytrain.engine.checkpoints import format as module
from babytrain.engine.checkpoints.format import (
    CheckpointError,
    best_checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_newest,
    restore_replaced_checkpoints,
    save_checkpoint,
)
from babytrain.runs.files.regular_files import remove_tree


def save(place: Path, step: int, *, best: bool = False, keep: int = 2) -> Path:
    tensors = {"weight": torch.full((3, 4), float(step))}
    return save_checkpoint(place, step, tensors, {"moment": torch.zeros(3)}, {"step": step}, best=best, keep=keep)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    loaded = load_checkpoint(save(tmp_path, 7))
    assert loaded.trainer == {"step": 7}
    assert torch.equal(loaded.model["weight"], torch.full((3, 4), 7.0))


def test_the_newest_are_kept_and_the_best_whatever_its_age(tmp_path: Path) -> None:
    save(tmp_path, 1, best=True)
    for step in (2, 3, 4, 5):
        save(tmp_path, step)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-000000001", "step-000000004", "step-000000005"]
    assert best_checkpoint(tmp_path) == tmp_path / "step-000000001"


def test_the_same_step_twice_leaves_the_newer_one(tmp_path: Path) -> None:
    save(tmp_path, 3)
    save_checkpoint(tmp_path, 3, {"weight": torch.ones(1)}, {"m": torch.ones(1)}, {"step": 3}, best=False, keep=2)
    assert torch.equal(load_checkpoint(tmp_path / "step-000000003").model["weight"], torch.ones(1))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("call", range(1, 9))
def test_a_full_disk_at_any_moment_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch, call: int) -> None:
    """The n-th flush to disk fails; whatever stands afterwards must load, and a later save must work."""
    save(tmp_path, 1)
    calls = 0
    flush = module._flush_to_disk

    def failing(path: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(path)

    monkeypatch.setattr(module, "_flush_to_disk", failing)
    saved = True
    try:
        save(tmp_path, 2, best=True)
    except CheckpointError:
        saved = False
    assert saved == (call == 8), "the eighth flush is past the end"
    newest, problems = load_newest(tmp_path)
    assert problems == []
    assert newest.trainer["step"] == (1 if call <= 5 else 2), "the fifth is that of the mark on the newest"
    monkeypatch.undo()
    save(tmp_path, 3)
    assert load_newest(tmp_path)[0].trainer["step"] == 3


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "trainer.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "garbage"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path, file: str, damage: str) -> None:
    save(tmp_path, 1)
    victim = save(tmp_path, 2) / file
    if damage == "gone":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:-5] if damage == "cut" else b"\x80\x04garbage")
    loaded, problems = load_newest(tmp_path)
    assert loaded.trainer["step"] == 1
    if damage == "gone" and file == "trainer.json":
        assert problems == [], "a folder without it is no checkpoint"
    else:
        assert "step-000000002" in problems[0]


def test_a_kill_while_an_old_checkpoint_is_deleted_leaves_none_that_looks_whole(tmp_path: Path, monkeypatch) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)

    def killed(path: Path, ignore_errors: bool = False) -> None:
        if "removed" in path.name:
            (path / "model.safetensors").unlink()
            raise KeyboardInterrupt

    monkeypatch.setattr(module.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 3)
    monkeypatch.undo()
    assert [load_checkpoint(place).trainer["step"] for place in list_checkpoints(tmp_path)] == [2, 3]
    save(tmp_path, 4)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_kill_while_a_checkpoint_is_replaced_leaves_the_old_one(tmp_path: Path, monkeypatch) -> None:
    save(tmp_path, 3)
    honest, calls = Path.rename, 0

    def killed(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return honest(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 3)
    monkeypatch.undo()
    restore_replaced_checkpoints(tmp_path)
    assert load_newest(tmp_path)[0].trainer["step"] == 3


def test_no_checkpoint_at_all_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nothing to go on from"):
        load_newest(tmp_path / "nowhere")


def test_a_folder_whose_name_is_not_utf_8_takes_checkpoints_that_can_be_loaded(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"runs-\xff")
    folder.mkdir()
    assert torch.equal(load_checkpoint(save(folder, 7)).model["weight"], torch.full((3, 4), 7.0))


def test_a_checkpoint_that_cannot_be_read_back_does_not_count(tmp_path: Path, monkeypatch) -> None:
    save(tmp_path, 1)

    def emptied(path: Path) -> None:
        if path.name == module.MODEL_FILE:
            os.truncate(path, 20)

    monkeypatch.setattr(module, "_flush_to_disk", emptied)
    with pytest.raises(CheckpointError, match="The checkpoint at step 2 could not be written"):
        save(tmp_path, 2)
    assert load_newest(tmp_path)[0].trainer["step"] == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_stray_drafts_of_any_kind_block_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / ".draft-step-000000001").write_text("a file")
    (tmp_path / ".draft-step-000000002").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".draft-step-000000003" / "x").mkdir(parents=True)
    for step in (1, 2, 3):
        save(tmp_path, step, best=True, keep=3)
    assert len(list_checkpoints(tmp_path)) == 3


def test_a_folder_of_checkpoints_that_is_a_link_is_neither_written_nor_pruned(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    for number in range(1, 5):
        save(foreign, number, keep=10)
    before = sorted(path.name for path in foreign.rglob("*"))
    run = tmp_path / "run"
    run.mkdir()
    (run / "checkpoints").symlink_to(foreign)
    with pytest.raises(CheckpointError, match="it is a link"):
        save(run / "checkpoints", 9, keep=1)
    with pytest.raises(CheckpointError):
        load_checkpoint(run / "checkpoints" / "step-000000001")
    assert sorted(path.name for path in foreign.rglob("*")) == before


def test_links_among_checkpoints_block_no_save_and_what_they_lead_to_stays(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "beach.jpg").write_bytes(b"beach")
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    names = ("step-000000001", "step-000000002", ".draft-step-000000001", ".draft-x", ".draft-replaced-step-000000003")
    for name in names:
        (checkpoints / name).symlink_to(photos)
    for name in ("last", "best", ".draft-last.txt", ".draft-best.txt"):
        (checkpoints / name).symlink_to(photos / "beach.jpg")
    (checkpoints / ".draft-step-000000004").write_text("a file", encoding="utf-8")
    for number in range(1, 5):
        save(checkpoints, number, keep=1, best=True)
    assert [path.name for path in list_checkpoints(checkpoints)] == ["step-000000004"]
    assert (photos / "beach.jpg").read_bytes() == b"beach"
    assert [path.name for path in photos.iterdir()] == ["beach.jpg"]


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "trainer.json"])
def test_a_pipe_a_link_an_empty_file_and_a_header_of_gigabytes_are_a_sentence(tmp_path: Path, file: str) -> None:
    path = save(tmp_path, 1)
    whole = tmp_path / "whole"
    (path / file).rename(whole)
    for make in (
        os.mkfifo,
        lambda place: place.symlink_to(whole),
        lambda place: place.write_bytes(b""),
        lambda place: place.write_bytes((2**40).to_bytes(8, "little") + b"{}"),
        lambda place: place.write_bytes(b"[" * 100_000),
        lambda place: place.mkdir(),
    ):
        make(path / file)
        with pytest.raises(CheckpointError, match=file) as caught:
            load_checkpoint(path)
        assert "Error" not in str(caught.value)
        remove_tree(path / file)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Cannot allocate memory (os error 12)"),
        RuntimeError("unable to mmap 42674272 bytes from file <model.safetensors>: Cannot allocate memory (12)"),
    ],
)
def test_too_little_memory_to_read_a_checkpoint_back_loses_nothing(tmp_path: Path, monkeypatch, error) -> None:
    def refused(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module, "safe_open", refused)
        path = save(tmp_path, 1)
    assert load_checkpoint(path).trainer == {"step": 1}


def test_a_folder_in_the_place_of_a_mark_blocks_no_save(tmp_path: Path) -> None:
    for name in ("last", "best"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "beach.jpg").write_bytes(b"beach")
    newest = save(tmp_path, 1, best=True)
    assert best_checkpoint(tmp_path) == newest
    assert len(list(tmp_path.glob("*-folder-*/beach.jpg"))) == 2
