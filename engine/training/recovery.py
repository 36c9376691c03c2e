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
    step_of,
)
from babytrain.engine.checkpoints.lookup import CheckpointNotFound
from babytrain.engine.telemetry.sampler import LONGEST_SAMPLING_INTERVAL_SECONDS
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.guard import LOWER_LEARNING_RATE, GuardDecision
from babytrain.engine.training.loss_reading import ReadStep
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.dials.learning_rate_schedule import learning_rate
from babytrain.runs.dials.spec import SMALLEST_SCALE, UPDATE_DIALS
from babytrain.runs.events import GuardCause, GuardEvent, GuardOutcome, PolicyEvent, Request, Resumed
from babytrain.runs.formatting import format_count, format_factor, format_learning_rate, format_loss

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


_RATE_DIALS = ("lr_scale", "lr_hold")


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
        self._change = ""  # the newest dial change of a person by which updates may go wrong, in words
        self._change_step = 0
        self._rate_before = 0.0  # the learning rate before it, by the schedule at that step

    def act(self, step: ReadStep) -> bool:
        """Do what the guard decided about a recorded step; True after a rollback. Raises TrainingStopped."""
        event, decision = step.event, step.decision
        what = (
            f"{decision.why or _CAUSES[decision.cause]} (step {event.step:,}, loss {format_loss(event.loss)}, gradient "
            f"norm {format_loss(event.gradient_norm)}, lr {format_learning_rate(event.learning_rate)})"
        )
        match decision.action:
            case "note":
                later = " The next one so soon is left out." if self._can_skip_spikes else ""
                self._report(step, "noted", f"A spike: {what}.{later}")
            case "skip":
                self._report(step, "skipped", f"A step was left out: {what}.")
            case "stop":
                reason = self._reason_to_stop(what)
                self._report(step, "stopped", f"The run stops. {reason}")
                raise TrainingStopped(reason)
            case "go back":
                self._roll_back_after(step, decision, what)
                return True
        return False

    def dials_changed(self, before: DialState, step: int) -> None:
        """Remember what a person did to the dials, which were `before`, if updates may go wrong by it."""
        config, dials = self._state.config, self._state.dials
        was, rate = (learning_rate(config, positions, step) for positions in (before, dials))
        others = [name for name in dials.changed_from(before) if name in UPDATE_DIALS and name not in _RATE_DIALS]
        if rate > was > 0.0:
            factor = rate / was
            times = format_count(factor) if factor >= 10.0 else format_factor(factor)
            self._change, self._rate_before = f"the learning rate was multiplied by {times} at step {step:,}", was
        elif others:
            self._change = f"{others[0]} was changed to {getattr(dials, others[0])} at step {step:,}"
            self._rate_before = 0.0
        elif rate <= self._rate_before:
            self._change = ""  # taken back
        if self._change.endswith(f" at step {step:,}"):
            self._change_step = step

    def _reason_to_stop(self, what: str) -> str:
        """Why the run stops and what to try; a dial change that explains it comes first."""
        config, dials = self._state.config, self._state.dials
        tried = config.max_rollbacks - self._state.guard.rollbacks_left
        causes = [f"{tried} rollback{'s' if tried > 1 else ''} did not help"] if tried else []
        causes += [cause for cause in (self._change, what) if cause]
        reason = ": ".join(causes[:2]) + "".join(f", and {cause}" for cause in causes[2:])
        lower = f"lr={format_learning_rate(min(1.0, dials.lr_scale) * config.lr / 4)}"
        if config.optimizer == "muon":  # which has a rate of its own
            lower += f" and muon_lr={format_learning_rate(min(1.0, dials.lr_scale) * config.muon_lr / 4)}"
        advice = f"Try again with a lower learning rate, for instance {lower}"
        if self._change:
            before = self._checkpoint_before_the_change()
            advice = f"Resume it from step {step_of(before):,}, before that change" if before else "Leave that out"
        return f"{reason[0].upper()}{reason[1:]}. {advice}."

    def _checkpoint_before_the_change(self) -> Path | None:
        """The newest good checkpoint from before the dial change to which a failure is put down."""
        step = self._change_step if self._change else -1
        good = good_checkpoints(self._recorder.folder.checkpoints, step)
        return next((path for path in good if step_of(path) <= step), None)

    def resume_before_the_change(self) -> None:
        """Let a resume of a run that failed by a dial change begin before it and not with what came of it."""
        if before := self._checkpoint_before_the_change():
            self._mark_as_last(before)

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
        """Roll back to the newest good checkpoint with a lower learning rate. Raises TrainingStopped without one."""
        state = self._state
        state.guard.rollbacks_left -= 1
        # Steps made since this one are dropped, as if its loss had been read before they began.
        newest, state.progress = state.progress, replace(state.progress)
        state.progress.step, state.progress.tokens = step.event.step, step.event.tokens
        state.progress.windows_seen = step.windows_seen
        try:
            path, there = self._roll_back_to_good(decision.why or _CAUSES[decision.cause])
        except CheckpointNotFound as error:
            state.progress = newest
            reason = self._reason_to_stop(f"{what}, and {error}")
            self._report(step, "stopped", f"The run stops. {reason}")
            raise TrainingStopped(reason) from error
        how = self._lower_the_rate(there)
        left, now_at = state.guard.rollbacks_left, state.progress.step
        self._report(
            step,
            "rolled back",
            f"Went back to step {now_at:,} ({path.name}) with {how}: {what}. "
            f"{left} more rescue{'s' if left != 1 else ''} before the run stops.",
            at=now_at,
        )

    def _lower_the_rate(self, there: DialState) -> str:
        """Put back what a person changed since a checkpoint with the dials `there`, else halve the learning rate.

        A learning rate that a person lowered since stays. Returns in words what the run goes on with.
        """
        state, step = self._state, self._state.progress.step
        # An undo must not lead back to what went wrong.
        undos = tuple(undo for undo in state.dials.undos if not undo.positions.keys() & set(UPDATE_DIALS))
        now = state.dials = replace(state.dials, undos=undos)
        back = now.with_positions({name: getattr(there, name) for name in UPDATE_DIALS})
        if learning_rate(state.config, back, step) > learning_rate(state.config, now, step):
            back = replace(back, lr_scale=now.lr_scale, lr_hold=now.lr_hold)
        changed = back.changed_from(now)
        names = [name for name in UPDATE_DIALS if name in changed and name not in _RATE_DIALS]
        for name in names:
            position = changed[name]
            number, text = (None, position) if isinstance(position, str) else (position, "")
            self._apply(Request(command_id=0, action="set", dial=name, value=number, text=text))
        if names and not changed.keys() & set(_RATE_DIALS):
            self._change = ""
            return f"the {' and '.join(names)} it had there"
        factor, words = LOWER_LEARNING_RATE, "half the learning rate"
        if changed:
            factor, words = 1.0, "the learning rate it had there"
        if back.lr_hold is not None:
            self._apply(Request(command_id=0, action="lr_hold", value=back.lr_hold * factor))
        else:
            scale = max(SMALLEST_SCALE, back.lr_scale * factor)
            self._apply(Request(command_id=0, action="lr_scale", value=scale))
        if changed and self._change:
            words, self._change = f"{words} ({self._change})", ""
        return words

    def roll_back(self, wanted: str, reason: str) -> None:
        """Go on from the checkpoint called `wanted`. Raises CheckpointNotFound before anything is changed."""
        self._roll_back_to(named_checkpoint(self._recorder.folder.checkpoints, wanted), reason)

    def _roll_back_to_good(self, reason: str) -> tuple[Path, DialState]:
        """Go on from the newest good checkpoint that can be read, with these dials. Raises CheckpointNotFound."""
        refusals: list[str] = []
        for path in good_checkpoints(self._recorder.folder.checkpoints, self._state.progress.step):
            try:
                return path, self._roll_back_to(path, reason)
            except CheckpointNotFound as error:
                refusals.append(str(error))
        raise CheckpointNotFound(refusals[0] if refusals else "there is no checkpoint yet")

    def _roll_back_to(self, path: Path, reason: str) -> DialState:
        state, recorder = self._state, self._recorder
        try:
            there = state.roll_back(load_checkpoint(path))
        except CheckpointError as error:
            raise CheckpointNotFound(str(error).rstrip(".")) from error
        self._mark_as_last(path)
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
        return there

    def _mark_as_last(self, path: Path) -> None:
        try:
            mark_as_last(self._recorder.folder.checkpoints, path)
        except OSError as error:  # a full disk must not prevent a rollback
            self._recorder.note(
                f"The checkpoint {path.name} could not be marked as the newest ({error.strerror or error}): until the "
                "next one is saved, a resume would begin with another.",
                "warning",
            )
