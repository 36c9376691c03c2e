"""Carries out what the guard decides about a step (note, skip, roll back, stop), and stops when the card is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from babytrain.engine.checkpoints.format import (
    CheckpointError,
    good_checkpoints,
    last_checkpoint,
    load_checkpoint,
    mark_as_last,
    named_checkpoint,
)
from babytrain.engine.checkpoints.lookup import CheckpointNotFound
from babytrain.engine.telemetry.sampler import LONGEST_SAMPLING_INTERVAL_SECONDS
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.guard import LOWER_LEARNING_RATE, GuardDecision
from babytrain.engine.training.loss_reading import ReadStep
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.dials.spec import LARGEST_SCALE, SMALLEST_SCALE
from babytrain.runs.events import GuardCause, GuardEvent, GuardOutcome, PolicyEvent, Request, Resumed
from babytrain.runs.formatting import format_learning_rate, format_loss

# How long the sensors may take to notice a lost card: expensive ones are read less than once a second.
LOST_CARD_NOTICE_SECONDS = LONGEST_SAMPLING_INTERVAL_SECONDS + 2.5


class CardLostError(Exception):
    """The sensors report that the card is lost; the message is its name."""


def stop_for_lost_card(recorder: Recorder, name: str, save: Callable[[], object] | None) -> str:
    """Call `save` (None if a step failed on the card), record the loss; returns the sentence for the end of the run."""
    recorder.enter("stopping")
    if save is not None:
        try:
            save()
        except RuntimeError as error:  # what torch raises for any failure of a device
            first_line = str(error).partition("\n")[0][:200]
            recorder.note(f"The weights could not be fetched from {name}: {first_line}", "warning")
    newest = last_checkpoint(recorder.folder.checkpoints)
    what = f"{name}, which this run trains on, was lost: it has fallen off the bus or its driver gave up."
    if newest is None:
        sentence = f"{what} There was no checkpoint yet: restart the computer, then start the run again."
    else:
        sentence = f"{what} The newest checkpoint is {newest.name}: restart the computer, then resume the run."
    recorder.emit(
        PolicyEvent(
            t=recorder.now(), step=recorder.step, cause="lost card", action="stopped", text=sentence, duty_cycle=0.0
        )
    )
    return sentence


_CAUSES: dict[GuardCause, str] = {
    "not finite": "the loss or its gradient was NaN or infinite",
    "spike": "the loss or its gradient jumped far out of its usual range",
    "diverging": "the loss left the level it had reached",
    "out of memory": "the memory did not suffice",
}


class TrainingStopped(Exception):
    """Training cannot go on, but can be saved. The message says why and what to try."""


class Recovery:
    """Recovers one run. `apply` applies and records a command of the engine."""

    def __init__(
        self,
        state: TrainState,
        recorder: Recorder,
        checkpoints: CheckpointWriter,
        *,
        apply: Callable[[Request], None],
        can_skip_spikes: bool,
    ) -> None:
        self._state, self._recorder, self._checkpoints = state, recorder, checkpoints
        self._apply = apply
        self._can_skip_spikes = can_skip_spikes

    def act(self, step: ReadStep) -> bool:
        """Do what the guard decided about a recorded step; True after a rollback. Raises TrainingStopped."""
        event, decision = step.event, step.decision
        facts = (
            f"step {event.step:,}, lr {format_learning_rate(event.learning_rate)}, "
            f"gradient norm {format_loss(event.gradient_norm)}"
        )
        what = f"{_CAUSES[decision.cause]} ({facts}, loss {format_loss(event.loss)})"
        match decision.action:
            case "note":
                later = " The next one so soon is left out." if self._can_skip_spikes else ""
                self._report(step, "noted", f"A spike: {what}.{later}")
            case "skip":
                self._report(step, "skipped", f"A step was left out: {what}.")
            case "stop":
                self._report(step, "stopped", f"The run stops: {what}.")
                lower = format_learning_rate(self._state.config.lr / 4)
                advice = f"try again with a lower learning rate, for instance lr={lower}"
                raise TrainingStopped(f"{what[0].upper()}{what[1:]}: {advice}.")
            case "go back":
                self._roll_back_after(step, decision, what)
                return True
        return False

    def _report(self, step: ReadStep, action: GuardOutcome, sentence: str, at: int | None = None) -> None:
        recorder, event = self._recorder, step.event
        recorder.emit(
            GuardEvent(
                t=recorder.now(),
                step=event.step if at is None else at,
                cause=step.decision.cause,
                action=action,
                text=sentence,
                loss=event.loss,
                gradient_norm=event.gradient_norm,
                learning_rate=event.learning_rate,
                first_window=step.first_window,
            )
        )

    def _roll_back_after(self, step: ReadStep, decision: GuardDecision, what: str) -> None:
        """Roll back to the newest good checkpoint and lower the learning rate. Raises TrainingStopped without one."""
        state = self._state
        state.guard.rollbacks_left -= 1
        # Steps made since this one are dropped, as if its loss had been read before they began.
        newest, state.progress = state.progress, replace(state.progress)
        state.progress.step, state.progress.tokens = step.event.step, step.event.tokens
        state.progress.windows_seen = step.windows_seen
        try:
            path = self._roll_back_to_good(_CAUSES[decision.cause])
        except CheckpointNotFound as error:
            state.progress = newest
            self._report(step, "stopped", f"The run stops: {what}, and {error}.")
            raise TrainingStopped(f"{what[0].upper()}{what[1:]}, and {error}: start again with a lower lr.") from error
        state.guard.rolled_back()
        dials = state.dials
        if dials.lr_hold is not None:
            self._apply(Request(command_id=0, action="lr_hold", value=dials.lr_hold * LOWER_LEARNING_RATE))
        else:
            scale = min(LARGEST_SCALE, max(SMALLEST_SCALE, dials.lr_scale * LOWER_LEARNING_RATE))
            self._apply(Request(command_id=0, action="lr_scale", value=scale))
        left, now_at = state.guard.rollbacks_left, state.progress.step
        self._report(
            step,
            "rolled back",
            f"Went back to step {now_at:,} ({path.name}) with half the learning rate: {what}. "
            f"{left} more rescue{'s' if left != 1 else ''} before the run stops.",
            at=now_at,
        )

    def roll_back(self, wanted: str, reason: str) -> Path:
        """Go on from the checkpoint called `wanted`. Raises CheckpointNotFound before anything is changed."""
        return self._roll_back_to(named_checkpoint(self._recorder.folder.checkpoints, wanted), reason)

    def _roll_back_to_good(self, reason: str) -> Path:
        """Go on from the newest good checkpoint that can be read. Raises CheckpointNotFound."""
        refusals: list[str] = []
        for path in good_checkpoints(self._recorder.folder.checkpoints, self._state.progress.step):
            try:
                return self._roll_back_to(path, reason)
            except CheckpointNotFound as error:
                refusals.append(str(error))
        raise CheckpointNotFound(refusals[0] if refusals else "there is no checkpoint yet")

    def _roll_back_to(self, path: Path, reason: str) -> Path:
        state, recorder = self._state, self._recorder
        try:
            state.roll_back(load_checkpoint(path))
        except CheckpointError as error:
            raise CheckpointNotFound(str(error).rstrip(".")) from error
        try:
            mark_as_last(recorder.folder.checkpoints, path)
        except OSError as error:  # a full disk must not prevent a rollback
            recorder.note(
                f"The checkpoint {path.name} could not be marked as the newest ({error.strerror or error}): until the "
                "next one is saved, a resume would begin with another.",
                "warning",
            )
        step = recorder.step = state.progress.step
        self._checkpoints.rolled_back()
        recorder.emit(
            Resumed(
                t=recorder.now(),
                step=step,
                wall_time=time.time(),
                checkpoint=path.name,
                total_steps=state.dials.total_steps,
                rollback=True,
                reason=reason,
            )
        )
        return path
