"""Forking: a new run that starts from a checkpoint of another one and goes on with other settings.

The original is only read. What the model is and what it reads cannot change, since the weights would mean something
else; everything about how it is trained can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from babytrain.engine.beginning import Beginning, changed_dials
from babytrain.engine.checkpoint import TRAINER_FILE, CheckpointError, load_checkpoint
from babytrain.engine.config import Config, ConfigError, config_of_run
from babytrain.engine.fork_check import planned_afresh, refusal
from babytrain.engine.guard import Guard
from babytrain.engine.launch import CORPUS_COPY, EngineError, NewRunPlan
from babytrain.engine.places import PlaceError, find_place
from babytrain.engine.progress import restore_progress
from babytrain.runs.folder import RunFolder, RunsError, read_run_toml


def plan_fork(
    source: RunFolder,
    wanted: str,
    changes: Mapping[str, Any],
    *,
    runs_dir: Path,
    name: str | None = None,
    argv: Sequence[str] = (),
) -> NewRunPlan:
    """The plan of a fork from the checkpoint `wanted` ("best", "last", its name or its step). Raises EngineError.

    `steps` in `changes` is where the fork ends, counted like the parent's steps.
    """
    changes = planned_afresh(changes)
    try:
        saved, provenance = read_run_toml(source)
        old, config = config_of_run(saved), config_of_run(saved, changes)
        if problem := refusal(old, config, changes):
            raise EngineError([problem])
        checkpoint = load_checkpoint(find_place(source.checkpoints, wanted))
    except ConfigError as error:
        raise EngineError(error.problems) from error
    except PlaceError as error:
        sentence = str(error)
        raise EngineError([f"{sentence[0].upper()}{sentence[1:]}."]) from error
    except (RunsError, CheckpointError, ValueError) as error:
        raise EngineError([str(error)]) from error
    try:
        progress, dials = restore_progress(checkpoint.trainer, config)
        _check_guard(config, checkpoint.trainer.get("guard"))
    except (ValueError, TypeError) as error:
        raise EngineError([f"The checkpoint {checkpoint.path} is damaged: {TRAINER_FILE} ({error})."]) from error
    # What was best belongs to the parent; the fork measures where it begins.
    progress = replace(progress, val_loss=None, val_step=None, best_val_loss=None, best_step=None)
    paths = tuple(str(path) for path in provenance.get("paths", []))
    return NewRunPlan(
        config=config,
        runs_dir=runs_dir,
        paths=paths,
        name=name or f"{source.name}-fork",
        argv=tuple(argv),
        stdin=kept_text(source) if "-" in paths else None,
        sha256=str(provenance.get("sha256", "")),
        beginning=Beginning(
            parent=source.run_id,
            checkpoint=checkpoint,
            progress=progress,
            dials=changed_dials(replace(dials, undos=()), config, changes),
            replan=bool({"steps", "epochs"} & changes.keys()),
        ),
    )


def kept_text(folder: RunFolder) -> bytes:
    """The text that came from standard input. Raises EngineError."""
    try:
        return (folder.path / CORPUS_COPY).read_bytes()
    except OSError as error:
        raise EngineError([f"The text of this run, {folder.path / CORPUS_COPY}, cannot be read: {error}."]) from error


def _check_guard(config: Config, state: Any) -> None:
    """Raises ValueError when a guard cannot remember `state`, where there is one."""
    if state is None:
        return
    guard = Guard("rollback", patience=config.guard_patience, rescues=config.rescues, warmup_steps=config.warmup)
    try:
        guard.restore(state)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError("what it says of the guard") from error
