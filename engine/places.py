"""Checkpoints as places: find one by name, and go back to it in the middle of a run.

Going back restores the weights, the optimizer and the step. What a person has turned since stays turned, and the text
goes on where it was: the same windows would lead to the same place.
"""

from __future__ import annotations

import time
from pathlib import Path

from babytrain.engine.checkpoint import (
    CheckpointError,
    LoadedCheckpoint,
    best_checkpoint,
    last_checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_trainer,
    misfit,
    newest_first,
    optimizer_scalars,
    point_to_last,
)
from babytrain.engine.checkpoints.lookup import CheckpointNotFound, find_checkpoint
from babytrain.engine.progress import Progress
from babytrain.engine.workbench import Workbench
from babytrain.runs.events import Resumed

NO_CHECKPOINT = "there is no checkpoint yet"


class PlaceError(Exception):
    """There is no such checkpoint, or it cannot be used; half a sentence that says why."""


def find_place(checkpoints: Path, wanted: str) -> Path:
    """The checkpoint called `wanted`: "best", "last", a name given to it, a step, or its folder. Raises PlaceError."""
    best, last = best_checkpoint(checkpoints), last_checkpoint(checkpoints)
    folders = [place.name for place in list_checkpoints(checkpoints)]
    try:
        return checkpoints / find_checkpoint(
            folders, wanted, best=best.name if best else None, last=last.name if last else None
        )
    except CheckpointNotFound as error:
        raise PlaceError(str(error)) from None


def good_places(checkpoints: Path, step: int) -> list[Path]:
    """Where a run at step `step` may be rescued to, the first to be tried first: the newest, and then earlier ones.

    Those saved while the guard saw trouble come after all others; what cannot be read says nothing and is tried too.
    """
    last = last_checkpoint(checkpoints)
    earlier = [place for place in newest_first(checkpoints) if place != last and step_of(place) <= step]
    places = [last, *earlier] if last is not None else earlier
    return sorted(places, key=_was_saved_in_trouble)  # which keeps the order of those that are alike


def _was_saved_in_trouble(place: Path) -> bool:
    try:
        guard = load_trainer(place).get("guard")
    except CheckpointError:
        return False
    return isinstance(guard, dict) and guard.get("calm") is False


def step_of(place: Path) -> int:
    """The step of a checkpoint, from its folder."""
    return int(place.name.removeprefix("step-").split("-", 1)[0])


def go_back(bench: Workbench, wanted: str, reason: str) -> Path:
    """Go on from an earlier checkpoint of this run. Raises PlaceError and leaves everything as it was."""
    return go_back_to(bench, find_place(bench.folder.checkpoints, wanted), reason)


def go_back_to_good(bench: Workbench, reason: str) -> Path:
    """Go on from the newest good checkpoint of this run that can be read. Raises PlaceError."""
    refusals: list[str] = []
    for place in good_places(bench.folder.checkpoints, bench.progress.step):
        try:
            return go_back_to(bench, place, reason)
        except PlaceError as error:
            refusals.append(str(error))
    raise PlaceError(refusals[0] if refusals else NO_CHECKPOINT)


def go_back_to(bench: Workbench, place: Path, reason: str) -> Path:
    """Go on from the checkpoint in the folder `place`. Raises PlaceError and leaves everything as it was."""
    try:
        checkpoint = load_checkpoint(place)
        _restore(bench, checkpoint)
    except CheckpointError as error:
        raise PlaceError(str(error).rstrip(".")) from error
    try:
        point_to_last(bench.folder.checkpoints, place)
    except OSError as error:  # a full disk is no reason to leave a run where it was
        bench.recorder.note(
            f"The checkpoint {place.name} could not be marked as the newest ({error.strerror or error}): until the "
            "next one is saved, a resume would begin with another.",
            "warning",
        )
    progress = bench.progress
    bench.recorder.step = progress.step
    bench.evaluated_step = bench.saved_step = progress.step
    bench.failed_step = -1  # what failed there before is tried again when the run comes by
    bench.recorder.emit(
        Resumed(
            t=bench.recorder.now(),
            step=progress.step,
            wall_time=time.time(),
            checkpoint=place.name,
            total_steps=bench.dials.total_steps,
            within=True,
            reason=reason,
        )
    )
    return place


def _restore(bench: Workbench, checkpoint: LoadedCheckpoint) -> None:
    """Weights, optimizer and step of a checkpoint. Raises CheckpointError before anything is changed."""
    if problem := misfit(bench.model.state_dict(), checkpoint.model):
        raise CheckpointError(f"The checkpoint {checkpoint.path.name} is of another model: {problem}.")
    scalars, before = optimizer_scalars(checkpoint), bench.optimizer.scalars()
    try:
        bench.optimizer.load_scalars(scalars)
        bench.optimizer.load_tensors(checkpoint.optimizer)
    except ValueError as error:
        bench.optimizer.load_scalars(before)
        raise CheckpointError(f"The checkpoint {checkpoint.path.name} does not fit: {error}") from error
    bench.model.load_state_dict(checkpoint.model)
    now = bench.progress
    past = {name: checkpoint.trainer[name] for name in vars(Progress()) if name in checkpoint.trainer}
    kept = {name: getattr(now, name) for name in ("windows_seen", "tokens", "training_seconds", "samples")}
    bench.progress = Progress(**{**past, **kept})
    bench.apply_dials()
