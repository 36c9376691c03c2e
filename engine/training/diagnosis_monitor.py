"""Diagnoses a run while it trains and emits a `Verdict` event when the verdict or its figures change."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from babytrain.engine.analysis.ngram_baselines import unigram_loss
from babytrain.engine.checkpoints.format import best_checkpoint, step_of
from babytrain.engine.config.build import rate_factors
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.diagnosis.decide_verdict import diagnose
from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.diagnosis.verdicts import Diagnosis, Suggestion
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.dials.spec import SETTABLE
from babytrain.runs.events import Request, SuggestedCommand, Verdict

NEWEST_SHARE = 1 / 32  # of the newest step in a running mean
# After a dial change the advice stays for this long: most measurements are from before the change, and following the
# same advice twice goes too far.
STEPS_UNTIL_NEW_ADVICE = 150


class DiagnosisMonitor:
    """Diagnoses one run of a text."""

    def __init__(self, state: TrainState, recorder: Recorder, corpus: Corpus) -> None:
        self._state, self._recorder, self._floor = state, recorder, corpus.facts.floor_nats_per_token
        self._train_tokens = len(corpus.train)
        self._unigram_loss = unigram_loss(corpus.train, corpus.val, state.model.vocabulary_size)
        self._newest: Verdict | None = None
        self._dial_step = -STEPS_UNTIL_NEW_ADVICE  # of the last dial change or rollback
        self._evaluations = array("d")  # step, seconds, validation and training loss of each, converted once
        self._fetching_share = 0.0  # running mean of the share of step time spent on fetching windows
        self.stopped = ""  # why it ended the run, as half a sentence

    def check(self, *, finished: bool = False, apply: Callable[[Request], None] | None = None) -> None:
        """Diagnose now. With `apply`, which applies a command, act on overfitting as configured."""
        state = self._state
        state.take_alignments()
        before = state.diagnosis.diagnosis
        found = diagnose(self._observation(finished), before)
        if finished and self.stopped and found.verdict != "overfitting":  # it went back to its best and ended there
            found = replace(found, next_=f"It ended here because {self.stopped}: more text or dropout may go further.")
        state.diagnosis = replace(state.diagnosis, diagnosis=found)
        repeated = (
            before is not None and found.verdict == before.verdict and not finished
        )  # the last one is always told
        if before is None or not repeated or (found.why, found.next_) != (before.why, before.next_):
            self._emit(found if self._best_is_saved() else _without_best(found), repeated)
        if apply is not None and found.verdict == "overfitting" and not state.diagnosis.acted:
            self._act(apply)

    def dial_changed(self) -> None:
        """Call after a dial change or a rollback."""
        state = self._state
        self._dial_step = state.progress.step
        state.optimizer.alignment.take()
        state.diagnosis = replace(state.diagnosis, alignments=())
        self._evaluations = array("d")

    def step_made(self, fetching_share: float) -> None:
        """Add the share of a step's time that was spent on fetching its batches."""
        self._fetching_share += NEWEST_SHARE * (fetching_share - self._fetching_share)

    def _emit(self, found: Diagnosis, repeated: bool) -> None:
        step, recorder = self._state.progress.step, self._recorder
        advice, alternative = _offer(found.advice), _offer(found.alternative)
        offered = advice is not None or alternative is not None  # nothing is at the end of a run
        if repeated and offered and self._newest is not None and step - self._dial_step < STEPS_UNTIL_NEW_ADVICE:
            advice, alternative = self._newest.advice, self._newest.alternative
        self._newest = Verdict(
            t=recorder.now(),
            step=step,
            verdict=found.verdict,
            why=found.why,
            next_=found.next_,
            advice=advice,
            alternative=alternative,
            repeated=repeated,
        )
        recorder.emit(self._newest)

    def standing_divergence(self, steps: int) -> str:
        """What is said of a run that was found to diverge for so many steps, as half a sentence, or ""."""
        found = self._state.diagnosis.diagnosis
        if found is None or found.verdict != "diverging" or found.candidate or found.step - found.since < steps:
            return ""
        return f"the diagnosis has said so since step {found.since:,}: {found.why.rstrip('.')}"

    def _best_is_saved(self) -> bool:
        best = best_checkpoint(self._recorder.folder.checkpoints)
        return best is not None and step_of(best) >= (self._state.progress.best_step or 0)

    def _act(self, apply: Callable[[Request], None]) -> None:
        action, progress = self._state.config.on_overfitting, self._state.progress
        if action == "report":
            return
        self._state.diagnosis = replace(self._state.diagnosis, acted=True)
        self.stopped = f"it overfits since step {progress.best_step or 0:,} (on_overfitting={action})"
        if action == "rollback":
            apply(Request(command_id=0, action="rollback", text="best"))
        apply(Request(command_id=0, action="total_steps", value=float(self._state.progress.step)))

    def _observation(self, finished: bool) -> Observation:
        state, steps = self._state, self._recorder.feed.steps
        dials, remembered, rows = state.dials, state.diagnosis, steps.count
        for event in state.evaluations[len(self._evaluations) // 4 :]:
            self._evaluations.extend((event.step, event.t, event.val_loss, event.train_loss))
        evaluations = np.array(self._evaluations).reshape(-1, 4)
        best, newest = remembered.best_windows, remembered.newest_windows
        return Observation(
            step=steps.step[:rows],
            t=steps.t[:rows],
            loss=steps.loss[:rows],
            learning_rate=steps.learning_rate[:rows],
            gradient_norm=steps.gradient_norm[:rows],
            step_seconds=steps.step_seconds[:rows],
            eval_step=evaluations[:, 0],
            eval_t=evaluations[:, 1],
            val_loss=evaluations[:, 2],
            train_loss=evaluations[:, 3],
            windows=newest if best is None else (best, *newest),
            warmup_steps=state.config.warmup,
            total_steps=dials.total_steps,
            uniform_loss=math.log(state.model.vocabulary_size),
            unigram_loss=self._unigram_loss,
            alignments=np.array(remembered.alignments, dtype=np.float64),
            rate_factors=rate_factors(state.config, dials.lr_hold or state.config.lr * dials.lr_scale),
            planned_epochs=dials.total_steps * dials.windows_per_step * state.config.context / self._train_tokens,
            floor=self._floor,
            throttled_seconds=self._recorder.throttled_seconds(),
            data_wait_share=self._fetching_share,
            finished=finished,
            lr_scale=dials.lr_scale,
            lr_held=dials.lr_hold is not None,
            dropout=dials.dropout,
            weight_decay=dials.weight_decay,
            label_smoothing=dials.label_smoothing,
        )


def _without_best(found: Diagnosis) -> Diagnosis:
    """The diagnosis without the best checkpoint, which could not be saved."""
    offers = [offer for offer in (found.advice, found.alternative) if offer is not None and offer.action != "rollback"]
    next_ = "The best model could not be saved: make room on the disk." if "best" in found.next_ else found.next_
    return replace(found, next_=next_, advice=next(iter(offers), None), alternative=next(iter(offers[1:]), None))


def _offer(suggestion: Suggestion | None) -> SuggestedCommand | None:
    if suggestion is None:
        return None
    is_dial = suggestion.action in SETTABLE
    return SuggestedCommand(
        label=suggestion.label,
        action="set" if is_dial else suggestion.action,  # type: ignore[arg-type]  # a command of the same name
        dial=suggestion.action if is_dial else "",
        value=suggestion.value,
        text=suggestion.text,
    )
