"""Which checkpoint is meant: by name or step, the newest that can be read, and the good ones to roll back to."""

from __future__ import annotations

from pathlib import Path

from babytrain.engine.checkpoints.format import (
    CheckpointError,
    LoadedCheckpoint,
    best_checkpoint,
    last_checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_trainer,
    newest_first,
)

NO_CHECKPOINT = "there is no checkpoint yet"


class CheckpointNotFound(Exception):
    """There is no such checkpoint, or it cannot be used; half a sentence that says why."""


def find_checkpoint(checkpoints: Path, wanted: str) -> Path:
    """The checkpoint called `wanted`: "best", "last", a name given to it, a step, or its folder.

    Raises CheckpointNotFound.
    """
    known = list_checkpoints(checkpoints)
    if not known:
        raise CheckpointNotFound(NO_CHECKPOINT)
    name = wanted.strip().replace(",", "")
    found: Path | None
    if name in ("best", "last"):
        found = best_checkpoint(checkpoints) if name == "best" else last_checkpoint(checkpoints)
    else:
        found = next((path for path in known if name in (path.name, name_of(path))), None)
        if found is None and name.isdigit():
            found = next((path for path in known if step_of(path) == int(name)), None)
    if found is None:
        names = ", ".join(name_of(path) or f"{step_of(path):,}" for path in known[-8:])
        raise CheckpointNotFound(f"there is no checkpoint {wanted!r}; there are {names}")
    return found


def rollback_candidates(checkpoints: Path, step: int) -> list[Path]:
    """Where a run at step `step` may be rolled back to, the first to be tried first: the newest, and then earlier ones.

    Those saved while the guard saw trouble come after all others; what cannot be read says nothing and is tried too.
    """
    last = last_checkpoint(checkpoints)
    earlier = [path for path in newest_first(checkpoints) if path != last and step_of(path) <= step]
    candidates = [last, *earlier] if last is not None else earlier
    return sorted(candidates, key=_was_saved_in_trouble)  # which keeps the order of those that are alike


def _was_saved_in_trouble(path: Path) -> bool:
    try:
        guard = load_trainer(path).get("guard")
    except CheckpointError:
        return False
    return isinstance(guard, dict) and guard.get("calm") is False


def step_of(path: Path) -> int:
    """The step of a checkpoint, from its folder."""
    return int(path.name.removeprefix("step-").split("-", 1)[0])


def name_of(path: Path) -> str:
    """What a person called it, or nothing."""
    _, _, name = path.name.removeprefix("step-").partition("-")
    return name


def load_newest(checkpoints: Path) -> tuple[LoadedCheckpoint, list[str]]:
    """The checkpoint to go on from, or the newest other one that can be read; and a sentence for each that cannot.

    Raises CheckpointError when there is none.
    """
    problems: list[str] = []
    last = last_checkpoint(checkpoints)
    for path in [*([last] if last else []), *(path for path in newest_first(checkpoints) if path != last)]:
        try:
            return load_checkpoint(path), problems
        except CheckpointError as error:
            problems.append(str(error))
    raise CheckpointError(
        " ".join(problems) or f"There is no checkpoint in {checkpoints}, so there is nothing to go on from."
    )
