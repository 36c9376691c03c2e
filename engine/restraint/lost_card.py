"""The card a run trains on is gone: what can be saved is saved, and the run stops in order with one sentence.

On such a card any call may fail, and the process cannot use it again. So it is touched once more at most, to save the
weights (which works when the sensors were wrong), and not at all when a step has failed on it already.
"""

from __future__ import annotations

from babytrain.engine.checkpoint import last_checkpoint
from babytrain.engine.telemetry.sampler import LONGEST_INTERVAL_SECONDS
from babytrain.engine.workbench import Workbench, save
from babytrain.runs.events import Restraint

# How long the sensors may take to notice what a step ran into: they look once a second, but expensive ones more seldom.
PATIENCE_SECONDS = LONGEST_INTERVAL_SECONDS + 2.5


class LostCardError(Exception):
    """The sensors say that the card is lost; the message is its name."""


def stop_for_lost_card(bench: Workbench, name: str, *, broken: bool) -> str:
    """Save what can be saved and put it on record; returns the sentence for the end. `broken`: a step failed on it."""
    bench.enter("stopping")
    if not broken:
        try:
            save(bench, "end")
        except RuntimeError as error:  # what torch raises for any trouble of a device
            first_line = str(error).partition("\n")[0][:200]
            bench.recorder.note(f"The weights could not be fetched from {name}: {first_line}", "warning")
    newest = last_checkpoint(bench.folder.checkpoints)
    what = f"{name}, which this run trains on, was lost: it has fallen off the bus or its driver gave up."
    if newest is None:
        sentence = f"{what} There was no checkpoint yet: restart the computer, then start the run again."
    else:
        sentence = f"{what} The newest checkpoint is {newest.name}: restart the computer, then resume the run."
    recorder = bench.recorder
    recorder.emit(
        Restraint(
            t=recorder.now(), step=bench.progress.step, cause="lost card", deed="stopped", text=sentence, duty=0.0
        )
    )
    return sentence
