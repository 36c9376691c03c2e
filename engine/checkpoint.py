"""Checkpoints that are either whole or not there.

A checkpoint is a folder `step-000500` with `model.safetensors`, `optimizer.safetensors` and `trainer.json`. It is
written beside its place, flushed to the disk and renamed, so a kill or a power cut leaves the old ones as they were.
Two small files, `best` and `last`, name a folder each. Nothing here ever loads a pickle.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
TRAINER_FILE = "trainer.json"


class CheckpointError(Exception):
    """A checkpoint that cannot be written or read, in one sentence."""


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint in memory: tensors on the CPU, and the trainer's own numbers."""

    path: Path
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    trainer: dict[str, Any]


def checkpoint_name(step: int) -> str:
    """The folder name of a step; sorts by step up to a billion."""
    return f"step-{step:09d}"


def save_checkpoint(
    checkpoints: Path,
    step: int,
    model: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor],
    trainer: Mapping[str, Any],
    *,
    best: bool,
    keep: int,
) -> Path:
    """Write a checkpoint and prune old ones, keeping the newest `keep`, and the best. Raises CheckpointError."""
    place = checkpoints / checkpoint_name(step)
    draft = checkpoints / f".draft-{checkpoint_name(step)}"
    try:
        checkpoints.mkdir(parents=True, exist_ok=True)
        _remove_drafts(checkpoints)
        draft.mkdir()
        save_file({name: tensor.contiguous() for name, tensor in model.items()}, draft / MODEL_FILE)
        save_file({name: tensor.contiguous() for name, tensor in optimizer.items()}, draft / OPTIMIZER_FILE)
        (draft / TRAINER_FILE).write_text(json.dumps(trainer, indent=1), encoding="utf-8")
        for file in (MODEL_FILE, OPTIMIZER_FILE, TRAINER_FILE):
            _flush_to_disk(draft / file)
        _flush_to_disk(draft)
        replaced = checkpoints / f".draft-replaced-{place.name}"
        if place.exists():  # the same step again, after a resume
            place.rename(replaced)
        draft.rename(place)
        shutil.rmtree(replaced, ignore_errors=True)
        _point(checkpoints / "last", place.name)
        if best:
            _point(checkpoints / "best", place.name)
        _flush_to_disk(checkpoints)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CheckpointError(f"The checkpoint at step {step} could not be written: {reason}.") from error
    _prune(checkpoints, keep)
    return place


def list_checkpoints(checkpoints: Path) -> list[Path]:
    """Complete checkpoints, newest last."""
    if not checkpoints.is_dir():
        return []
    return sorted(path for path in checkpoints.glob("step-*") if (path / TRAINER_FILE).is_file())


def best_checkpoint(checkpoints: Path) -> Path | None:
    """The checkpoint with the lowest validation loss, if one was kept."""
    try:
        name = (checkpoints / "best").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    path = checkpoints / Path(name).name
    return path if (path / TRAINER_FILE).is_file() else None


def load_checkpoint(path: Path) -> LoadedCheckpoint:
    """Read a checkpoint. Raises CheckpointError when a file is missing, torn or not what it should be."""
    try:
        trainer = json.loads((path / TRAINER_FILE).read_text(encoding="utf-8"))
        if not isinstance(trainer, dict) or not isinstance(trainer.get("step"), int):
            raise CheckpointError(f"{path / TRAINER_FILE} is not the state of a trainer.")
        return LoadedCheckpoint(path, load_file(path / MODEL_FILE), load_file(path / OPTIMIZER_FILE), trainer)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error}.") from error


def load_newest(checkpoints: Path) -> tuple[LoadedCheckpoint, list[str]]:
    """The newest checkpoint that can be read, and a sentence for each newer one that cannot.

    Raises CheckpointError when there is none.
    """
    problems: list[str] = []
    for path in reversed(list_checkpoints(checkpoints)):
        try:
            return load_checkpoint(path), problems
        except CheckpointError as error:
            problems.append(str(error))
    raise CheckpointError(
        " ".join(problems) or f"There is no checkpoint in {checkpoints}, so there is nothing to go on from."
    )


def _prune(checkpoints: Path, keep: int) -> None:
    """Drop all but the newest `keep` and the best. Best effort: an undeletable old checkpoint harms nobody."""
    best = best_checkpoint(checkpoints)
    for path in list_checkpoints(checkpoints)[:-keep]:
        if path != best:
            shutil.rmtree(path, ignore_errors=True)


def _remove_drafts(checkpoints: Path) -> None:
    for draft in checkpoints.glob(".draft-*"):
        shutil.rmtree(draft, ignore_errors=True)


def _point(pointer: Path, name: str) -> None:
    draft = pointer.with_name(f".draft-{pointer.name}.txt")
    draft.write_text(name + "\n", encoding="utf-8")
    _flush_to_disk(draft)
    draft.replace(pointer)


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
