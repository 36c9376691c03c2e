"""Checkpoints listed without being loaded."""

from __future__ import annotations

import json
import os
from pathlib import Path

from babytrain.runs.store.checkpoint_list import summarize_checkpoints
from babytrain.runs.store.folder import RunFolder


def write(folder: RunFolder, name: str, state: str, size: int = 100) -> None:
    place = folder.checkpoints / name
    place.mkdir(parents=True)
    (place / "trainer.json").write_text(state)
    (place / "model.safetensors").write_bytes(b"x" * size)


def test_step_name_loss_size_and_marks(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    here = json.dumps({"step": 5, "val_step": 5, "val_loss": 2.5})
    write(folder, "step-000000005", here, 1000)
    write(folder, "step-000000012-before-the-storm", json.dumps({"step": 12, "val_step": 5, "val_loss": 2.5}))
    write(folder, ".draft-step-000000013", here)
    (folder.checkpoints / "best").write_text("step-000000005\n")
    (folder.checkpoints / "last").write_text("step-000000012-before-the-storm\n")
    one, two = summarize_checkpoints(folder)
    assert (one.step, one.name, one.val_loss, one.is_best, one.is_last) == (5, "", 2.5, True, False)
    assert one.size_bytes == 1000 + len(here)
    assert (two.step, two.name, two.val_loss, two.is_best, two.is_last) == (12, "before-the-storm", None, False, True)


def test_without_a_mark_the_last_is_the_one_written_last(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (10, 5):  # a run that went back
        write(folder, f"step-{step:09d}", "{}")
        os.utime(folder.checkpoints / f"step-{step:09d}" / "trainer.json", (1000 - step, 1000 - step))
    (folder.checkpoints / "last").write_text("step-000000077\n")
    assert [(place.step, place.is_last) for place in summarize_checkpoints(folder)] == [(5, True), (10, False)]


def test_what_is_damaged_is_listed_or_left_out_and_never_raises(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert summarize_checkpoints(folder) == []
    write(folder, "step-000000001", "\x00 no json")
    write(folder, "step-000000002", '["no", "table"]')
    write(folder, "step-three", "{}")
    (folder.checkpoints / "step-000000004").mkdir()
    (folder.checkpoints / "best").write_bytes(b"\xff\xfe")
    assert [(place.step, place.val_loss) for place in summarize_checkpoints(folder)] == [(1, None), (2, None)]
