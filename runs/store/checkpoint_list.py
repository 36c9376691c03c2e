"""The checkpoints of a run as a list, without loading any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from babytrain.runs.files.regular_files import is_real_folder, is_regular_file, read_json_file, read_regular_file
from babytrain.runs.store.folder import RunFolder

TRAINER_FILE = "trainer.json"
MOST_TRAINER_BYTES = 32 * 2**20  # the losses of a million validation windows
_FOLDER = re.compile(r"step-([0-9]{1,18})(?:-(.+))?", re.DOTALL)
_MOST_POINTER_BYTES = 4_096


@dataclass(frozen=True)
class CheckpointSummary:
    """One checkpoint. `val_loss` (nats per token) is None when none was measured at its step."""

    directory: str
    step: int
    name: str
    val_loss: float | None
    size_bytes: int
    is_best: bool
    is_last: bool


def checkpoint_folders(checkpoints: Path) -> list[Path]:
    """The complete checkpoints in a folder, by step: real folders and files, because no link is followed. Never raises.

    A folder gets its name last, so one with `trainer.json` is complete.
    """
    if not is_real_folder(checkpoints):
        return []
    try:
        found = [path for path in checkpoints.iterdir() if _FOLDER.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(path for path in found if is_real_folder(path) and is_regular_file(path / TRAINER_FILE))


def pointed_at(pointer: Path) -> Path | None:
    """The complete checkpoint beside it that the file `best` or `last` names, if any. Never raises."""
    try:
        name = read_regular_file(pointer, _MOST_POINTER_BYTES).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return next((path for path in checkpoint_folders(pointer.parent) if path.name == name), None)


def summarize_checkpoints(folder: RunFolder) -> list[CheckpointSummary]:
    """Every complete checkpoint, by step; the last is the newest unless the file `last` names one. Never raises."""
    best, last = (pointed_at(folder.checkpoints / pointer) for pointer in ("best", "last"))
    found: list[CheckpointSummary] = []
    folders = checkpoint_folders(folder.checkpoints)
    if last is None and folders:
        last = max(folders, key=written)
    for path in folders:
        match = _FOLDER.fullmatch(path.name)
        if match is None:
            continue
        step = int(match[1])
        found.append(
            CheckpointSummary(
                directory=path.name,
                step=step,
                name=match[2] or "",
                val_loss=_val_loss(path / TRAINER_FILE, step),
                size_bytes=_size(path),
                is_best=path == best,
                is_last=path == last,
            )
        )
    return found


def _val_loss(state: Path, step: int) -> float | None:
    try:
        trainer = read_json_file(state, MOST_TRAINER_BYTES)
    except (OSError, ValueError):
        return None
    if not isinstance(trainer, dict) or trainer.get("val_step") != step:
        return None
    loss = trainer.get("val_loss")
    return loss if isinstance(loss, float) else None


def written(path: Path) -> tuple[int, str]:
    """When a checkpoint was written; at equal times the later step counts as newer. Never raises."""
    try:
        return (path / TRAINER_FILE).lstat().st_mtime_ns, path.name
    except OSError:
        return 0, path.name


def _size(path: Path) -> int:
    try:
        return sum(file.lstat().st_size for file in path.iterdir())
    except OSError:
        return 0
