"""The diagnosis of a run while it trains: looks now and then, speaks when the verdict or its figures change.

It looks at each evaluation and otherwise every fifty steps, never by the clock, so that what it leads to (a stop
or a way back when the run overfits) happens at the same step when the run is repeated.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from babytrain.engine.diagnosis import diagnose
from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.diagnosis.verdicts import Advice as Suggestion
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.engine.workbench import Workbench
from babytrain.runs.dials.spec import SETTABLE
from babytrain.runs.events import Advice, Request, Verdict

STEPS_BETWEEN_LOOKS = 50
# After a turn of a dial the advice stays as it was for so long: what it measures is still mostly of before the turn,
# and the same advice followed twice goes too far.
STEPS_UNTIL_NEW_ADVICE = 150


class Watch:
    """Diagnoses one run."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._given: Verdict | None = None
        self._turned_step = -STEPS_UNTIL_NEW_ADVICE
        self._evaluations = array("d")  # step, seconds, validation and training loss of each, converted once

    def glance(self) -> None:
        """Look if it is time to."""
        if self._bench.progress.step % STEPS_BETWEEN_LOOKS == 0:
            self.look()

    def look(self, *, finished: bool = False, turn: Callable[[Request], None] | None = None) -> None:
        """Diagnose now. With `turn`, which applies a command, an overfitting run is dealt with as configured."""
        bench = self._bench
        before = bench.watched.diagnosis
        found = diagnose(self._observation(finished), before)
        bench.watched = replace(bench.watched, diagnosis=found)
        again = before is not None and found.verdict == before.verdict
        if before is None or not again or (found.why, found.next_) != (before.why, before.next_):
            self._say(found, again)
        if turn is not None and found.verdict == "overfitting" and not bench.watched.acted:
            self._act(turn)

    def _say(self, found: Diagnosis, again: bool) -> None:
        bench = self._bench
        advice, alternative = _offer(found.advice), _offer(found.alternative)
        if again and self._given is not None and bench.progress.step - self._turned_step < STEPS_UNTIL_NEW_ADVICE:
            advice, alternative = self._given.advice, self._given.alternative
        self._given = Verdict(
            t=bench.recorder.now(),
            step=bench.progress.step,
            verdict=found.verdict,
            why=found.why,
            next_=found.next_,
            advice=advice,
            alternative=alternative,
            again=again,
        )
        bench.recorder.emit(self._given)

    def turned(self) -> None:
        """A dial was turned, or the run went back."""
        self._turned_step = self._bench.progress.step
        self.gone_back()

    def gone_back(self) -> None:
        """The run stands at an earlier step: evaluations after it never happened."""
        bench, step = self._bench, self._bench.progress.step
        bench.evaluations = [one for one in bench.evaluations if one.step <= step]
        bench.watched = bench.watched.until(step)
        self._evaluations = array("d")

    def _act(self, turn: Callable[[Request], None]) -> None:
        """Stop or go back once, if the settings say so."""
        wish = self._bench.config.overfitting
        if wish == "say":
            return
        self._bench.watched = replace(self._bench.watched, acted=True)
        if wish == "go_back":
            turn(Request(command_id=0, action="go_back", text="best"))
        turn(Request(command_id=0, action="stop"))

    def _observation(self, finished: bool) -> Observation:
        bench = self._bench
        steps, dials, config = bench.feed.steps, bench.dials, bench.config
        rows = steps.count
        for one in bench.evaluations[len(self._evaluations) // 4 :]:
            self._evaluations.extend((one.step, one.t, one.val_loss, one.train_loss))
        evaluations = np.array(self._evaluations).reshape(-1, 4)
        best, newest = bench.watched.best_windows, bench.watched.newest_windows
        windows = newest if best is None else (best, *newest)
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
            windows=windows,
            warmup_steps=config.warmup,
            total_steps=dials.total_steps,
            uniform_loss=math.log(bench.model.vocabulary_size),
            floor=bench.corpus.facts.floor_nats_per_token,
            throttled_seconds=bench.recorder.throttled_seconds(),
            waiting_share=bench.waiting_share,
            finished=finished,
            lr_scale=dials.lr_scale,
            lr_held=dials.lr_hold is not None,
            dropout=dials.dropout,
            weight_decay=dials.weight_decay,
        )


def _offer(suggestion: Suggestion | None) -> Advice | None:
    """A suggestion as the command that carries it out."""
    if suggestion is None:
        return None
    if suggestion.action in SETTABLE:
        return Advice(
            label=suggestion.label, action="set", dial=suggestion.action, value=suggestion.value, text=suggestion.text
        )
    return Advice(
        label=suggestion.label,
        action=suggestion.action,  # type: ignore[arg-type]  # what is no dial is a command of the same name
        value=suggestion.value,
        text=suggestion.text,
    )
