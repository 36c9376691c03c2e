"""The checkpoint format.

A checkpoint is a folder `step-000500` with `model.safetensors`, `optimizer.safetensors` and `trainer.json`. It is
written under another name, flushed to the disk and renamed, so a kill or a power cut leaves no incomplete one.
Two small files, `best` and `last`, name a folder each. No pickle is ever loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from babytrain.engine.checkpoints.lookup import find_checkpoint, normalized_name
from babytrain.engine.checkpoints.trainer_file import trainer_problem
from babytrain.engine.config.errors import EngineError
from babytrain.engine.config.settings import ModelSettings
from babytrain.engine.model.gpt import GPT
from babytrain.runs.errors import error_reason, is_out_of_memory
from babytrain.runs.files.regular_files import (
    UnfitFileError,
    is_real_folder,
    open_regular_file,
    read_json_file,
    remove_tree,
)
from babytrain.runs.store.checkpoint_list import (
    MOST_TRAINER_BYTES,
    TRAINER_FILE,
    checkpoint_folders,
    pointed_at,
    written,
)

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
_REPLACED = ".draft-replaced-"
_MOST_HEADER_BYTES = 16 * 2**20  # of tensors; those of the largest model take one


class CheckpointError(EngineError):
    """A checkpoint cannot be written or read, in one sentence; `reason` is the error of the operating system."""

    def __init__(self, sentence: str, reason: str = "") -> None:
        self.reason = reason or sentence.rstrip(".")
        super().__init__([sentence])


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint in memory: tensors on the CPU, and the contents of `trainer.json`."""

    path: Path
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    trainer: dict[str, Any]


def checkpoint_name(step: int, name: str = "") -> str:
    """The folder name of a step and an optional name; sorts by step up to a billion."""
    name = normalized_name(name)
    return f"step-{step:09d}-{name}" if name else f"step-{step:09d}"


def save_checkpoint(
    checkpoints: Path,
    step: int,
    model: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor],
    trainer: Mapping[str, Any],
    *,
    best: bool,
    keep: int,
    name: str = "",
) -> Path:
    """Write a checkpoint, then prune all but the newest `keep`, the best and the named. Raises CheckpointError.

    It counts as written once its files can be opened by the way in which they will be read.
    """
    path = checkpoints / checkpoint_name(step, name)
    draft: Path | None = None
    try:
        checkpoints.mkdir(exist_ok=True)
        restore_replaced_checkpoints(checkpoints)
        if not is_real_folder(checkpoints):
            raise UnfitFileError("it is a link, and links in a run folder are not followed", checkpoints)
        for old_draft in checkpoints.glob(".draft-*"):
            remove_tree(old_draft)
        draft = Path(tempfile.mkdtemp(prefix=f".draft-{path.name}-", dir=checkpoints))  # one that stays blocks nothing
        save_file({name: tensor.contiguous() for name, tensor in model.items()}, draft / MODEL_FILE)
        save_file({name: tensor.contiguous() for name, tensor in optimizer.items()}, draft / OPTIMIZER_FILE)
        (draft / TRAINER_FILE).write_text(json.dumps(trainer, indent=1), encoding="utf-8")
        for file in (MODEL_FILE, OPTIMIZER_FILE, TRAINER_FILE):
            _flush_to_disk(draft / file)
        _flush_to_disk(draft)
        try:
            _read_back(draft, model, optimizer)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise  # else it is written and flushed, and there is only no room to map it once more
        replaced = checkpoints / f"{_REPLACED}{path.name}"
        if os.path.lexists(path):  # the same step again, after a resume
            path.rename(replaced)
        draft.rename(path)
        remove_tree(replaced)
        _point(checkpoints / "last", path.name)
        if best:
            _point(checkpoints / "best", path.name)
        _flush_to_disk(checkpoints)
    except (OSError, SafetensorError, CheckpointError) as error:
        if draft is not None:
            remove_tree(draft)
        reason = _reason_of(error)
        raise CheckpointError(f"The checkpoint at step {step:,} could not be written: {reason}.", reason) from error
    _prune(checkpoints, keep)
    return path


def _read_back(path: Path, model: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
    """Open a checkpoint as `load_checkpoint` does, without the numbers. Raises CheckpointError, or what that raises."""
    load_trainer(path)
    for file, tensors in ((MODEL_FILE, model), (OPTIMIZER_FILE, optimizer)):
        with _readable_path(path / file) as readable, safe_open(readable, framework="pt") as opened:
            if set(opened.keys()) != tensors.keys():
                raise CheckpointError(f"{file} does not hold what was written into it.")


@contextlib.contextmanager
def _readable_path(file: Path) -> Iterator[str]:
    """A path for safetensors, which opens only those in UTF-8: others by the number of the open file."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        with file.open("rb") as opened:
            yield f"/dev/fd/{opened.fileno()}"
    else:
        yield str(file)


def _reason_of(error: OSError | SafetensorError | CheckpointError) -> str:
    """`No space left on device`, from Python or from safetensors."""
    if isinstance(error, CheckpointError):
        return error.reason
    if isinstance(error, OSError):
        return error.strerror or str(error)
    found = re.search(r"I/O error: (.+) \(os error \d+\)", str(error))
    return found.group(1) if found else str(error)


def list_checkpoints(checkpoints: Path) -> list[Path]:
    """Complete checkpoints, newest last."""
    return checkpoint_folders(checkpoints)


def best_checkpoint(checkpoints: Path) -> Path | None:
    """The checkpoint with the lowest validation loss, if one was kept."""
    return pointed_at(checkpoints / "best")


def last_checkpoint(checkpoints: Path) -> Path | None:
    """The checkpoint to resume from: the one written last or rolled back to since, None without any.

    After a kill between a checkpoint and its mark it is the one before.
    """
    return pointed_at(checkpoints / "last") or max(list_checkpoints(checkpoints), key=written, default=None)


def mark_as_last(checkpoints: Path, path: Path) -> None:
    """Make this the checkpoint to resume from. Raises OSError."""
    _point(checkpoints / "last", path.name)


def load_checkpoint(path: Path) -> LoadedCheckpoint:
    """Read a checkpoint. Raises CheckpointError when a file is missing, incomplete or not in its format."""
    trainer = load_trainer(path)
    tensors: list[dict[str, Tensor]] = []
    for file in (path / MODEL_FILE, path / OPTIMIZER_FILE):
        try:
            _check_header(file)
            with _readable_path(file) as readable:
                tensors.append(load_file(readable))
        except (OSError, ValueError, SafetensorError) as error:
            reason = error_reason(error).removeprefix("Error while deserializing header: ")[:200]
            raise CheckpointError(f"The checkpoint {path} cannot be read: {file.name}: {reason}.") from error
    return LoadedCheckpoint(path, tensors[0], tensors[1], trainer)


def _check_header(file: Path) -> None:
    """Raise OSError or ValueError for a file that the library should not be given; it checks the rest by itself."""
    with os.fdopen(open_regular_file(file), "rb") as opened:
        head = opened.read(8)
    # Like a pickle or like the zip archive that `torch.save` writes.
    if head.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        raise ValueError("it is a pickle, and those are never loaded")
    if len(head) < 8 or not 2 <= int.from_bytes(head, "little") <= _MOST_HEADER_BYTES:
        raise ValueError("it has no header of tensors")


def load_trainer(path: Path) -> dict[str, Any]:
    """Only the contents of a checkpoint's `trainer.json`. Raises CheckpointError."""
    if not all(map(is_real_folder, (path.parent, path))):
        raise CheckpointError(f"The checkpoint {path} cannot be read: there is no such folder, or it is a link.")
    try:
        trainer = read_json_file(path / TRAINER_FILE, MOST_TRAINER_BYTES)
    except (OSError, ValueError) as error:
        reason = error_reason(error)
        raise CheckpointError(f"The checkpoint {path} cannot be read: {TRAINER_FILE}: {reason}.") from error
    if problem := trainer_problem(trainer):
        raise CheckpointError(f"The checkpoint {path} is damaged: {TRAINER_FILE}: {problem}.")
    checked: dict[str, Any] = trainer
    return checked


def check_checkpoint_fits(checkpoint: LoadedCheckpoint, config: ModelSettings, vocabulary_size: int) -> None:
    """Raise CheckpointError unless its tensors are those of the model; nothing of the model's size is allocated."""
    with torch.device("meta"):
        own = GPT(config, vocabulary_size).state_dict()
    if problem := tensor_mismatch(own, checkpoint.model):
        raise CheckpointError(f"The checkpoint {checkpoint.path} does not fit the model of this run: {problem}.")


def tensor_mismatch(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """How tensors `given` to a model or optimizer do not fit its `own`, as half a sentence, or ""."""
    missing, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    if missing or unknown:
        parts = [
            f"{what} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
            for what, names in (("it lacks", missing), ("it has an unknown", unknown))
            if names
        ]
        return ", ".join(parts)
    for name, tensor in own.items():
        other = given[name]
        if tensor.shape != other.shape:
            return f"{name} has shape {list(other.shape)} instead of {list(tensor.shape)}"
        if tensor.dtype != other.dtype:
            return f"{name} holds numbers of {str(other.dtype)[6:]} instead of {str(tensor.dtype)[6:]}"
    return ""


def restore_replaced_checkpoints(checkpoints: Path) -> None:
    """Rename back checkpoints that were being replaced when the program was killed. The run must be locked."""
    if not is_real_folder(checkpoints):
        return
    for replaced in checkpoints.glob(f"{_REPLACED}*"):
        path = checkpoints / replaced.name.removeprefix(_REPLACED)
        if is_real_folder(replaced) and not os.path.lexists(path):
            with contextlib.suppress(OSError):
                replaced.rename(path)


def load_newest(
    checkpoints: Path, check: Callable[[LoadedCheckpoint], None] | None = None
) -> tuple[LoadedCheckpoint, list[str]]:
    """The checkpoint to resume from, else the newest readable, what is wrong with others. Raises CheckpointError.

    `check` raises CheckpointError for one that cannot be used although it can be read.
    """
    problems: list[str] = []
    for path in _last_first(checkpoints):
        try:
            found = load_checkpoint(path)
            if check is not None:
                check(found)
            return found, problems
        except CheckpointError as error:
            problems.append(str(error))
    raise CheckpointError(
        " ".join(problems) or f"There is no checkpoint in {checkpoints}, so there is nothing to go on from."
    )


def named_checkpoint(checkpoints: Path, wanted: str) -> Path:
    """The checkpoint called `wanted`: see `find_checkpoint`. Raises CheckpointNotFound."""
    best, last = best_checkpoint(checkpoints), last_checkpoint(checkpoints)
    folders = [path.name for path in list_checkpoints(checkpoints)]
    return checkpoints / find_checkpoint(
        folders, wanted, best=best.name if best else None, last=last.name if last else None
    )


def good_checkpoints(checkpoints: Path, step: int) -> list[Path]:
    """Checkpoints that a run at step `step` may be rolled back to: newest first, those saved while unstable last."""
    last = last_checkpoint(checkpoints)
    candidates = [path for path in _last_first(checkpoints) if path == last or step_of(path) <= step]
    return sorted(candidates, key=_was_unstable)  # stable


def step_of(path: Path) -> int:
    """The step of a checkpoint, from its folder."""
    return int(path.name.removeprefix("step-").split("-", 1)[0])


def _last_first(checkpoints: Path) -> list[Path]:
    """The checkpoint to resume from, then the others, newest first."""
    last = last_checkpoint(checkpoints)
    return sorted(list_checkpoints(checkpoints), key=lambda path: (path == last, written(path)), reverse=True)


def _was_unstable(path: Path) -> bool:
    try:
        guard = load_trainer(path).get("guard")
    except CheckpointError:
        return False
    return isinstance(guard, dict) and guard.get("calm") is False


def _prune(checkpoints: Path, keep: int) -> None:
    """Delete all unnamed ones but the `keep` written last and the best. What cannot be deleted stays."""
    best = best_checkpoint(checkpoints)
    nameless = [path for path in list_checkpoints(checkpoints) if path.name.count("-") == 1]
    # By time and not by step: after a rollback, later steps may be older.
    for path in sorted(nameless, key=written)[:-keep]:
        if path != best:
            _remove(path)


def _remove(path: Path) -> None:
    """Delete a checkpoint; it is renamed first so that a kill half-way leaves none that looks complete."""
    renamed = path.with_name(f".draft-removed-{path.name}")
    try:
        path.rename(renamed)
    except OSError:
        return
    shutil.rmtree(renamed, ignore_errors=True)


def _point(pointer: Path, name: str) -> None:
    if is_real_folder(pointer):  # not ours: out of the way, with all that is in it
        pointer.rename(pointer.with_name(f"{pointer.name}-folder-{time.time_ns()}"))
    draft = pointer.with_name(f".draft-{pointer.name}.txt")
    remove_tree(draft)
    with draft.open("x", encoding="utf-8") as file:  # which follows no link
        file.write(name + "\n")
    _flush_to_disk(draft)
    draft.replace(pointer)


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
