"""The last line of a session of training."""

from __future__ import annotations

from typing import Literal

from babytrain.engine.progress import Progress
from babytrain.engine.recorder import Recorder
from babytrain.runs.events import Ended


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
