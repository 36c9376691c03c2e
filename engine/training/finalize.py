"""How a session of training ends: its last checkpoint, its last line, and what is left of one that broke.

A run that is through while the disk takes nothing holds what it learnt since its newest checkpoint in memory alone. It
is not thrown away: the run waits for room, as long as nobody asks it to leave.
"""

from __future__ import annotations

import time
import traceback
from queue import Empty
from typing import Literal

from babytrain.engine.device import is_out_of_memory
from babytrain.engine.recorder import Recorder, RunOutput
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.train_state import Progress
from babytrain.runs.events import Command, Ended
from babytrain.runs.folder import RunFolder

ROOM_SECONDS = 900.0  # a run without anybody near must end some time
RETRY_SECONDS = 5.0
POLL_SECONDS = 0.05


def save_last(checkpoints: CheckpointWriter, output: RunOutput) -> str:
    """Write the last checkpoint; on a disk that refuses, wait for room. Why there is none, or nothing."""
    problem = checkpoints.save("end")
    if problem is None:
        return ""
    began = time.monotonic()
    if not output.feed.stop_requested.is_set():
        output.recorder.note(
            f"The steps since the newest checkpoint are in memory alone. Make room, and they are saved by themselves; "
            f"it waits {ROOM_SECONDS / 60:.0f} minutes. Ctrl-C gives them up.",
            "error",
        )
    while problem is not None and time.monotonic() - began < ROOM_SECONDS and _waits(output):
        problem = checkpoints.save("end")
    return "" if problem is None else problem[0].lower() + problem[1:].rstrip(".")


def _waits(output: RunOutput) -> bool:
    """Let some seconds pass, the sensors' readings filed meanwhile. False as soon as it has to stop at once."""
    output.recorder.enter("stopping")
    until = time.monotonic() + RETRY_SECONDS
    while time.monotonic() < until:
        if output.feed.stop_requested.wait(POLL_SECONDS):
            return False
        _refuse_requests(output)
        output.recorder.file_handed_over()
    return True


def _refuse_requests(output: RunOutput) -> None:
    """Answer what is asked of a run that has no step left to make: it stops already, and does nothing else."""
    recorder = output.recorder
    while True:
        try:
            request = output.feed.requests.get_nowait()
        except Empty:
            return
        stop = request.action == "stop"
        recorder.emit(
            Command(
                t=recorder.now(),
                step=recorder.step,
                command_id=request.command_id,
                action=request.action,
                status="applied" if stop else "refused",
                dial=request.dial,
                value=request.value,
                text=request.text,
                reason="" if stop else "the run is at its end and waits for room on the disk",
            )
        )


def record_end(
    recorder: Recorder, progress: Progress, status: Literal["done", "interrupted", "failed"], reason: str
) -> Ended:
    """File what still waits, the electricity included, and say how it ended. Nothing is filed after that."""
    recorder.file_handed_over(last=True)
    ended = Ended(
        t=recorder.now(),
        step=progress.step,
        status=status,
        reason=reason,
        tokens=progress.tokens,
        tokens_per_second=progress.tokens / progress.training_seconds if progress.training_seconds else 0.0,
        val_loss=progress.val_loss,
        best_val_loss=progress.best_val_loss,
        best_step=progress.best_step,
    )
    recorder.emit(ended)
    return ended


def write_crash_log(folder: RunFolder, error: Exception) -> str:
    """Keep the traceback of a run that broke in its folder. Returns a sentence, with a space before it, on where."""
    details = folder.path / "crash.log"
    try:
        details.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return ""
    return f" Details are in {details}."


def error_sentence(error: Exception, step: int | None = None) -> str:
    """What broke, in one sentence; `step` is None before the first event of a session."""
    if is_out_of_memory(error):
        return "The machine ran out of memory: try half the batch_size with twice the accumulate."
    what = "Training could not be started" if step is None else f"Training broke at step {step:,}"
    return f"{what} ({type(error).__name__}: {error})."
