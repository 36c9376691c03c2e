"""What is left of a run that broke: a closed journal, the traceback in its folder, and one sentence for a person."""

from __future__ import annotations

import traceback

from babytrain.engine.ending import put_end_on_record
from babytrain.engine.out_of_memory import is_out_of_memory
from babytrain.engine.progress import Progress
from babytrain.engine.recorder import Recorder
from babytrain.runs.folder import RunFolder


def record_crash(folder: RunFolder, recorder: Recorder, error: Exception, progress: Progress) -> str:
    """Close the journal of a run that broke, keep the traceback in the run folder, and say it in one sentence."""
    details = folder.path / "crash.log"
    where = f" Details are in {details}."
    try:
        details.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        where = ""
    if is_out_of_memory(error):
        sentence = "The machine ran out of memory: try half the batch_size with twice the accumulate."
    else:
        sentence = f"Training broke at step {progress.step:,} ({type(error).__name__}: {error})."
    put_end_on_record(recorder, progress, "failed", sentence)
    return sentence + where
