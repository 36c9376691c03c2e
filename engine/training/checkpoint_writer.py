"""Writes the checkpoints of a run. A failed write is logged and training goes on."""

from __future__ import annotations

import time
from typing import Literal

from babytrain.engine.checkpoints.format import CheckpointError, list_checkpoints, step_of
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.events import Checkpoint, Storage

CheckpointReason = Literal["cadence", "best", "requested", "end", "before a change", "taken away"]


class CheckpointWriter:
    """Writes the checkpoints of one session and keeps the steps of the last success and failure."""

    def __init__(self, state: TrainState, recorder: Recorder) -> None:
        self._state, self._recorder = state, recorder
        self._saved_step, self._failed_step = state.progress.step or -1, -1
        self._failing_since_step: int | None = None  # of the first failure since a checkpoint was written
        self._looks, self._folder = recorder.looks, recorder.folder  # when the files were looked at last

    def save_what_was_taken(self) -> None:
        """Save at once if the run had to move to a new folder, or the checkpoint saved last was taken away."""
        recorder = self._recorder
        if self._looks == recorder.looks:
            return
        moved, self._looks, self._folder = self._folder != recorder.folder, recorder.looks, recorder.folder
        saved_step = self._saved_step
        if moved or (saved_step >= 0 and self._failed_step < saved_step and not self._is_on_disk(saved_step)):
            phase = recorder.phase
            self.save("taken away")
            recorder.enter(phase)

    def _is_on_disk(self, step: int) -> bool:
        return any(step_of(path) == step for path in list_checkpoints(self._recorder.folder.checkpoints))

    def save(self, reason: CheckpointReason, name: str = "") -> str | None:
        """Write a checkpoint, with a name if one is given. Returns why that failed, None on success."""
        progress, recorder = self._state.progress, self._recorder
        problem = recorder.look_at_files(now=True)
        is_saved = not problem and self._saved_step == progress.step and self._is_on_disk(progress.step)
        if is_saved and reason not in ("best", "requested"):
            return None
        if self._failed_step == progress.step and reason in ("cadence", "before a change"):
            return None  # just tried, as the best so far
        recorder.enter("saving")
        began = time.perf_counter()
        try:
            if problem:
                raise CheckpointError(
                    f"The checkpoint at step {progress.step:,} could not be written: {problem}.", problem
                )
            path = self._state.save(self._recorder.folder.checkpoints, recorder.now(), name=name)
        except CheckpointError as error:
            self._report(error, last=reason == "end")
            return str(error)
        self._saved_step = progress.step
        if self._failing_since_step is not None:
            self._failing_since_step = None
            recorder.emit(Storage(t=recorder.now(), step=progress.step, what="checkpoints", failing=False))
            recorder.note("Checkpoints can be written again.")
        recorder.emit(
            Checkpoint(
                t=recorder.now(),
                step=progress.step,
                directory=f"checkpoints/{path.name}",
                reason=reason,
                seconds=time.perf_counter() - began,
                val_loss=progress.val_loss if progress.val_step == progress.step else None,
                name=name,
            )
        )
        return None

    def rolled_back(self) -> None:
        """The run is at an existing checkpoint; a write that failed at a later step is tried again there."""
        self._saved_step, self._failed_step = self._state.progress.step, -1

    def _report(self, error: CheckpointError, *, last: bool) -> None:
        """Log, once per step, that a checkpoint could not be written and since which step none can."""
        step, since, recorder = self._state.progress.step, self._failing_since_step, self._recorder
        if self._failed_step == step:
            return
        self._failed_step = step
        if since is None:
            self._failing_since_step = step
            recorder.emit(Storage(t=recorder.now(), step=step, what="checkpoints", failing=True, reason=error.reason))
        before = "" if since in (None, step) else f"None could be since step {since:,}. "
        goes_on = "The" if last else "Training goes on; the"
        recorder.note(f"{error} {before}{goes_on} newest good checkpoint stays.", "error")
