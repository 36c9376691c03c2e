"""How a session of training ends: its last checkpoint, and its last line.

A run that is through while the disk takes nothing holds what it learnt since its newest checkpoint in memory alone. It
is not thrown away: the run waits for room, as long as nobody asks it to leave.
"""

from __future__ import annotations

import time
from queue import Empty
from typing import Literal

from babytrain.engine.progress import Progress
from babytrain.engine.recorder import Recorder
from babytrain.engine.workbench import Workbench, save
from babytrain.runs.events import Command, Ended

ROOM_SECONDS = 900.0  # a run without anybody near must end some time
RETRY_SECONDS = 5.0
POLL_SECONDS = 0.05


def save_last(bench: Workbench) -> str:
    """Write the last checkpoint; on a disk that refuses, wait for room. Why there is none, or nothing."""
    problem = save(bench, "end")
    if problem is None:
        return ""
    began = time.monotonic()
    if not bench.feed.stop_requested.is_set():
        bench.recorder.note(
            f"The steps since the newest checkpoint are in memory alone. Make room, and they are saved by themselves; "
            f"it waits {ROOM_SECONDS / 60:.0f} minutes. Ctrl-C gives them up.",
            "error",
        )
    while problem is not None and time.monotonic() - began < ROOM_SECONDS and _waits(bench):
        problem = save(bench, "end")
    return "" if problem is None else problem[0].lower() + problem[1:].rstrip(".")


def _waits(bench: Workbench) -> bool:
    """Let some seconds pass, the sensors' readings filed meanwhile. False as soon as it has to stop at once."""
    bench.enter("stopping")
    until = time.monotonic() + RETRY_SECONDS
    while time.monotonic() < until:
        if bench.feed.stop_requested.wait(POLL_SECONDS):
            return False
        _answer(bench)
        bench.recorder.file_handed_over()
    return True


def _answer(bench: Workbench) -> None:
    """Answer what is asked of a run that has no step left to make: it stops already, and does nothing else."""
    while True:
        try:
            request = bench.feed.requests.get_nowait()
        except Empty:
            return
        stop = request.action == "stop"
        bench.recorder.emit(
            Command(
                t=bench.recorder.now(),
                step=bench.progress.step,
                command_id=request.command_id,
                action=request.action,
                status="applied" if stop else "refused",
                dial=request.dial,
                value=request.value,
                text=request.text,
                reason="" if stop else "the run is at its end and waits for room on the disk",
            )
        )


def put_end_on_record(
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
