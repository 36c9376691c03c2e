"""Checks a requested fork without torch, in milliseconds, before a run is stopped for it.

It reads settings, `trainer.json` and tensor headers; `plan_fork` reads everything and can still fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from babytrain.engine.checkpoints.lookup import CheckpointNotFound, find_checkpoint
from babytrain.engine.config.build import config_of_run
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.settings import SETTINGS, Config, DataSettings, ModelSettings
from babytrain.runs.errors import RunsError, error_reason
from babytrain.runs.files.regular_files import open_regular_file, read_json_file
from babytrain.runs.store.checkpoint_list import MOST_TRAINER_BYTES, TRAINER_FILE, summarize_checkpoints
from babytrain.runs.store.folder import RunFolder, read_run_toml

# Data and model settings that may differ in a fork; the others define what weights and tokens mean.
_FREE = {"window_shift", "token_noise", "context", "dropout", "label_smoothing"}
_FIXED = {field.name for group in (DataSettings, ModelSettings) for field in fields(group)} - _FREE | {"optimizer"}
CHANGEABLE = tuple(name for name in SETTINGS if name not in _FIXED)  # settings that a fork may change
_LONGEST_HEADER = 16 << 20  # bytes


def fork_refusal(
    old: Config, new: Config, changes: Mapping[str, Any], *, who: str = "A fork keeps its parent's"
) -> str:
    """Why a fork (or `who`) cannot have these changes, or ""."""
    fixed = [key for key in changes if key in _FIXED and getattr(old, key) != getattr(new, key)]
    if new.position == "learned" and "context" in changes and new.context != old.context:
        fixed.append("context")
    if not fixed:
        return ""
    return f"{who} model and text, so {', '.join(fixed)} cannot change: train a new run for that."


def with_new_end(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of a fork: an end in steps replaces one in minutes or epochs."""
    return {"minutes": 0.0, "epochs": 0.0, **changes} if "steps" in changes else dict(changes)


def find_fork_problems(
    source: RunFolder, wanted: str, changes: Mapping[str, Any], *, step: int | None = None
) -> list[str]:
    """What is wrong with a fork from the checkpoint `wanted`, one sentence each.

    `step` is the step of a run that trains: stopping it for the fork saves a checkpoint there, which becomes "last".
    """
    changes = with_new_end(changes)
    problems: list[str] = []
    config: Config | None = None
    try:
        saved, _ = read_run_toml(source)
        config = config_of_run(saved, changes)
        if sentence := fork_refusal(config_of_run(saved), config, changes):
            problems.append(sentence)
    except ConfigError as error:
        problems.extend(error.problems)
    except RunsError as error:
        return [str(error)]
    if wanted == "last" and step is not None:
        return problems + _end_problem(step, changes, None)
    known = {summary.directory: summary for summary in summarize_checkpoints(source)}
    best, last = (
        next((summary.directory for summary in known.values() if getattr(summary, mark)), None)
        for mark in ("is_best", "is_last")
    )
    try:
        found = known[find_checkpoint(list(known), wanted, best=best, last=last)]
    except CheckpointNotFound as error:
        hint = "" if known else ": c saves one while it trains"
        return [*problems, *(f"{problem.rstrip('.')}{hint}." for problem in error.problems)]
    path = source.checkpoints / found.directory
    return problems + _checkpoint_problems(path, found.step, changes, config.steps if config is not None else None)


def _checkpoint_problems(path: Path, step: int, changes: Mapping[str, Any], planned: int | None) -> list[str]:
    """What is wrong with a checkpoint; `planned` is the last step of the run if the checkpoint has none."""
    try:
        trainer = read_json_file(path / TRAINER_FILE, MOST_TRAINER_BYTES)
        for file in ("model.safetensors", "optimizer.safetensors"):
            _check_tensors(path / file)
        planned = trainer.get("dials", {}).get("total_steps", planned)
        return _end_problem(step, changes, planned)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        return [f"The checkpoint {path.name} is damaged: choose another one ({error_reason(error)})."]


def _end_problem(step: int, changes: Mapping[str, Any], planned: int | None) -> list[str]:
    end = changes.get("steps", planned)
    if ("epochs" in changes and "steps" not in changes) or end is None or step < int(end):
        return []
    return [f"This checkpoint is at step {step:,} and the fork would end at {int(end):,}: add a later end with steps."]


def _check_tensors(file: Path) -> None:
    """Raise ValueError when the size of a safetensors file is not the one in its header.

    Format: 8 bytes header length, JSON header, tensors (https://github.com/huggingface/safetensors#format).
    """
    with os.fdopen(open_regular_file(file), "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER:
            raise ValueError(f"{file.name} has no header")
        header = json.loads(stream.read(length))
    ends = [int(facts["data_offsets"][1]) for name, facts in header.items() if name != "__metadata__"]
    if file.stat().st_size != 8 + length + max(ends, default=0):
        raise ValueError(f"{file.name} has not the size it says it has")
