"""The checkpoints of a run as a list, without loading any."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babytrain.runs.store.folder import RunFolder

_FOLDER = re.compile(r"step-(\d+)(?:-(.+))?")
_STATE = "trainer.json"


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


def summarize_checkpoints(folder: RunFolder) -> list[CheckpointSummary]:
    """Every complete checkpoint, by step; the last is the newest unless the file `last` names one. Never raises."""
    best, last = (pointed_at(folder.checkpoints / pointer) for pointer in ("best", "last"))
    found: list[CheckpointSummary] = []
    try:
        folders = sorted(path for path in folder.checkpoints.glob("step-*") if (path / _STATE).is_file())
        if folders and last not in {path.name for path in folders}:
            last = max(folders, key=lambda path: ((path / _STATE).stat().st_mtime_ns, path.name)).name
    except OSError:
        return []
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
                val_loss=_val_loss(path / _STATE, step),
                size_bytes=_size(path),
                is_best=path.name == best,
                is_last=path.name == last,
            )
        )
    return found


def _val_loss(state: Path, step: int) -> float | None:
    try:
        trainer: Any = json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(trainer, dict) or trainer.get("val_step") != step:
        return None
    loss = trainer.get("val_loss")
    return float(loss) if isinstance(loss, int | float) else None


def _size(path: Path) -> int:
    try:
        return sum(file.stat().st_size for file in path.iterdir())
    except OSError:
        return 0


def pointed_at(pointer: Path) -> str:
    """The name of the checkpoint that the file `best` or `last` names, or ""."""
    try:
        return pointer.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
