"""The card a run trains on is gone: what can be saved is saved, and the run stops in order with one sentence.

On such a card any call may fail, and the process cannot use it again. So it is touched once more at most, to save the
weights (which works when the sensors were wrong), and not at all when a step has failed on it already.
"""

from __future__ import annotations

from collections.abc import Callable

from babytrain.engine.checkpoints.format import last_checkpoint
from babytrain.engine.recorder import RunOutput
from babytrain.engine.telemetry.sampler import LONGEST_INTERVAL_SECONDS
from babytrain.runs.events import Restraint

# How long the sensors may take to notice what a step ran into: they look once a second, but expensive ones more seldom.
PATIENCE_SECONDS = LONGEST_INTERVAL_SECONDS + 2.5


class LostCardError(Exception):
    """The sensors say that the card is lost; the message is its name."""


def stop_for_lost_card(output: RunOutput, name: str, save: Callable[[], object] | None) -> str:
    """Save what can be saved with `save` and put it on record; returns the sentence for the end.

    None in place of `save`: a step failed on the card, which is not to be touched any more.
    """
    recorder = output.recorder
    recorder.enter("stopping")
    if save is not None:
        try:
            save()
        except RuntimeError as error:  # what torch raises for any trouble of a device
            first_line = str(error).partition("\n")[0][:200]
            recorder.note(f"The weights could not be fetched from {name}: {first_line}", "warning")
    newest = last_checkpoint(output.folder.checkpoints)
    what = f"{name}, which this run trains on, was lost: it has fallen off the bus or its driver gave up."
    if newest is None:
        sentence = f"{what} There was no checkpoint yet: restart the computer, then start the run again."
    else:
        sentence = f"{what} The newest checkpoint is {newest.name}: restart the computer, then resume the run."
    recorder.emit(
        Restraint(t=recorder.now(), step=recorder.step, cause="lost card", deed="stopped", text=sentence, duty=0.0)
    )
    return sentence
