"""Looks at the files of a checkpoint before anything is loaded, without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from babytrain.engine.config.errors import EngineError
from babytrain.runs.errors import error_reason
from babytrain.runs.files.regular_files import decode_json, open_regular_file, read_json_file

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
TRAINER_FILE = "trainer.json"
_LONGEST_TRAINER_BYTES = 256 * 2**20  # of a very long run: it holds evaluations and the state of the diagnosis
_LONGEST_HEADER_BYTES = 16 * 2**20  # of a safetensors file
_MAX_SECONDS = 1e10  # three centuries


class CheckpointError(EngineError):
    """A checkpoint cannot be written or read, in one sentence; `reason` is the error of the operating system."""

    def __init__(self, sentence: str, reason: str = "") -> None:
        self.reason = reason or sentence.rstrip(".")
        super().__init__([sentence])


def check_tensor_file(file: Path) -> None:
    """Look at a safetensors file before it is read. Raises OSError, or ValueError when it is not what its header says.

    Format: 8 bytes header length, JSON header, tensors (https://github.com/huggingface/safetensors#format).
    """
    with os.fdopen(open_regular_file(file), "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER_BYTES:
            raise ValueError(f"{file.name} has no header")
        header = decode_json(stream.read(length))
        size = os.fstat(stream.fileno()).st_size
    if not isinstance(header, dict):
        raise ValueError(f"the header of {file.name} is damaged")
    try:
        ends = [int(facts["data_offsets"][1]) for name, facts in header.items() if name != "__metadata__"]
    except (TypeError, KeyError, IndexError, ValueError):
        raise ValueError(f"the header of {file.name} is damaged") from None
    if size != 8 + length + max(ends, default=0):
        raise ValueError(f"{file.name} has not the size it says it has")


def load_trainer(path: Path) -> dict[str, Any]:
    """Only the contents of a checkpoint's `trainer.json`. Raises CheckpointError."""
    try:
        trainer = read_json_file(path / TRAINER_FILE, _LONGEST_TRAINER_BYTES)
    except (OSError, ValueError) as error:
        what = f"{TRAINER_FILE}: {error_reason(error)}"
        raise CheckpointError(f"The checkpoint {path} cannot be read: {what}.") from error
    if problem := _trainer_problem(trainer):
        raise CheckpointError(f"The checkpoint {path} is damaged: {TRAINER_FILE} {problem}.")
    return trainer  # type: ignore[no-any-return]


def _trainer_problem(trainer: Any) -> str:
    """What is wrong with the state of a trainer, as half a sentence that names the field, or ""."""
    if not isinstance(trainer, dict) or "step" not in trainer:
        return "is not the state of a trainer"
    for name in ("step", "tokens", "windows_seen", "val_step", "best_step", "samples"):
        value = trainer.get(name, 0)
        if value is not None and (type(value) is not int or not 0 <= value < 2**63):
            return f"has a {name} that is no whole number from 0 on"
    for name in ("t", "training_seconds"):
        value = trainer.get(name, 0.0)
        if type(value) not in (int, float) or not 0.0 <= value <= _MAX_SECONDS:
            return f"has a {name} that is no number of seconds"
    return ""
