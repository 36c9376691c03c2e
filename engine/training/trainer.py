"""The training loop. Its thread alone uses the journal, the model and the optimizer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal, TypeAlias

import torch

from babytrain.engine.analysis.sample_analyzer import SampleAnalyzer
from babytrain.engine.config.settings import TrainingSettings
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.execution.forward_backward import build_pass
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.commands import Commands
from babytrain.engine.training.diagnosis_monitor import DiagnosisMonitor
from babytrain.engine.training.evaluation import Evaluator
from babytrain.engine.training.finalize import EndStatus, end_of_plan, final_evaluation, record_end, save_last
from babytrain.engine.training.guard import GO_ON, GuardDecision
from babytrain.engine.training.loss_reading import ReadStep, build_loss_reader
from babytrain.engine.training.out_of_memory import BatchOutOfMemory, halve_batch, halve_until_it_fits
from babytrain.engine.training.power_policy.duty_cycle import DutyCycleController
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.recovery import (
    LOST_CARD_NOTICE_SECONDS,
    CardLostError,
    Recovery,
    TrainingStopped,
    stop_for_lost_card,
)
from babytrain.engine.training.rerun_script import RerunScript
from babytrain.engine.training.sample_writer import SampleWriter
from babytrain.engine.training.train_state import TrainState
from babytrain.engine.training.train_step import train_step
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.events import Ended, Request
from babytrain.runs.formatting import format_seconds

Task: TypeAlias = Literal["diagnosis", "evaluation", "sample", "checkpoint"]

DIAGNOSIS_EVERY_STEPS = 50
STANDING_DIVERGENCE_STEPS = 100  # said of a run by the diagnosis, before the guard acts on it
STEPS_BEFORE_PLANNING = 10  # before the speed measured so far is worth a plan
REPLANNED_SHARE = 0.01  # of the planned steps: a smaller change of the plan is not worth a command


class Trainer:
    """Trains until the plan is done, a person stops it, or it fails. A fork's steps begin at `first_step`, not at 0."""

    def __init__(
        self,
        state: TrainState,
        recorder: Recorder,
        corpus: Corpus,
        *,
        duty_cycle: DutyCycleController,
        analyzer: SampleAnalyzer,
        script: RerunScript | None = None,
        first_step: int = 0,
        samples_at_step: int = 0,
    ) -> None:
        self._state, self._recorder, self._corpus = state, recorder, corpus
        self._duty_cycle, self._analyzer, self._script = duty_cycle, analyzer, script
        self._first_step, self._samples_at_step = first_step, samples_at_step
        config, model = state.config, state.model
        self._batches = Batches(corpus.train, config, model.vocabulary_size, state.device)
        self._forward_backward = build_pass(
            model, compiled=config.compile == "on", note=lambda sentence: recorder.note(sentence, "warning")
        )
        self._losses = build_loss_reader(state.guard, state.device)
        self._checkpoints = CheckpointWriter(state, recorder)
        val = torch.from_numpy(corpus.val).to(state.device)
        self._evaluator = Evaluator(
            state, recorder, self._checkpoints, self._batches.tokens, val, analyzer.add_evaluation
        )
        self._samples = SampleWriter(state, recorder, corpus, analyzer.add_sample)
        self._monitor = DiagnosisMonitor(state, recorder, corpus)
        self._recovery = Recovery(
            state, recorder, self._checkpoints, apply=self._apply, can_skip_spikes=self._losses.delay_steps == 0
        )
        self._commands = Commands(
            state,
            recorder,
            evaluator=self._evaluator,
            checkpoints=self._checkpoints,
            samples=self._samples,
            recovery=self._recovery,
            monitor=self._monitor,
            duty_cycle=duty_cycle,
            windows_per_epoch=self._batches.windows_per_epoch,
        )
        self._newest: ReadStep | None = None  # that was read
        self._worked_seconds = 0.0  # since the duty cycle last counted them
        self._limit_seconds = config.minutes * 60.0  # of running time without pauses and rests; 0 = none

    def run(self) -> Ended:
        """Train to the end and save everything. Returns the last event of the journal."""
        state, recorder = self._state, self._recorder
        state.model.train()
        self._plan_by_clock()
        status: EndStatus = "interrupted"
        reason = "stopped by hand"
        try:
            halve_until_it_fits(state, recorder, self._apply)
            if self._evaluator.is_owed():
                self._evaluator.evaluate()
            if self._is_sample_due_at_start():
                self._samples.write_due(written=self._samples_at_step)
            if state.config.compile == "on":
                recorder.enter("compiling")  # until the first step is done
            else:
                self._enter_phase()
            while self._train():
                recorder.enter("stopping")
                if self._finish_plan():  # else the guard rolled it back
                    status, reason = end_of_plan(state.progress, self._why_finished())
                    self._end_here()
                    break
                self._enter_phase()
            self._read_losses()
            recorder.enter("stopping")
            self._monitor.check(finished=status == "done")
            if unsaved := save_last(self._checkpoints, self._recorder):
                status, reason = ("failed" if status == "done" else status), f"{reason}, but {unsaved}"
            if status == "done":
                final_evaluation(state.model, state.config, self._corpus, self._recorder)
                self._checkpoints.save_what_was_taken()
        except TrainingStopped as error:
            status, reason = "failed", str(error)
            for unread in self._losses.read(everything=True):  # made, and in the weights
                recorder.record_step(unread.event)
            if unsaved := save_last(self._checkpoints, self._recorder):
                reason += f" And {unsaved}."
            self._recovery.resume_before_the_change()
        except CardLostError as error:
            save = partial(self._checkpoints.save, "end")
            status, reason = "failed", stop_for_lost_card(self._recorder, str(error), save)
        except RuntimeError:  # device errors among them
            card = self._duty_cycle.lost_card(LOST_CARD_NOTICE_SECONDS)
            if not card:
                raise
            status, reason = "failed", stop_for_lost_card(self._recorder, card, None)
        self._analyzer.finish()
        return record_end(recorder, state.progress, status, reason)

    def _is_sample_due_at_start(self) -> bool:
        """Whether the untrained model writes, or a session goes on from a step whose samples a stop may have cut."""
        step, every = self._state.progress.step, self._state.dials.sample_every
        return bool(every) and step % every == 0 and (step == 0 or step > self._first_step)

    def _train(self) -> bool:
        """Step until the plan is done (True) or a person stops (False). Raises TrainingStopped, CardLostError."""
        commands = self._commands
        while True:
            self._checkpoints.save_what_was_taken()
            if self._script is not None:
                self._apply_script(self._script)  # a recorded command may move the end of the run
            if self._finished():
                self._read_losses()
                if self._finished():  # unless the guard rolled it back
                    return True
            if card := self._duty_cycle.lost_card():
                raise CardLostError(card)
            self._apply_requests()
            if commands.stopping:
                return False
            if self._script_is_over():
                continue
            if commands.is_waiting:
                self._recorder.enter("paused")
                commands.wait_for_request()
                self._enter_phase()
                continue
            if self._rest_if_required():
                continue
            began = time.monotonic()
            made = self._make_step()
            if self._recorder.phase == "compiling":
                self._enter_phase()
            if made:
                self._run_due_tasks()
            self._worked_seconds += time.monotonic() - began

    def _finished(self) -> bool:
        if self._script_is_over():
            return True
        if self._limit_seconds and self._recorder.working_seconds() >= self._limit_seconds:
            return True
        return self._state.progress.step >= self._state.dials.total_steps

    def _why_finished(self) -> str:
        """Why the run is over though nobody stopped it, as half a sentence."""
        if self._monitor.stopped:
            return self._monitor.stopped
        if self._state.progress.step < self._state.dials.total_steps and self._limit_seconds:
            return f"the planned {format_seconds(self._limit_seconds)} are over"
        return "the plan is done"

    def _end_here(self) -> None:
        """Make a plan that ended early, by the clock or by overfitting, one of the steps that were made."""
        progress = self._state.progress
        if progress.step < self._state.dials.total_steps:
            self._apply(Request(command_id=0, action="total_steps", value=float(max(1, progress.step))))

    def _finish_plan(self) -> bool:
        """Evaluate and sample at the last step if that was not due there. False if the guard rolled the run back."""
        progress, dials = self._state.progress, self._state.dials
        if progress.val_step != progress.step and not self._evaluate():
            return False
        if dials.sample_every and progress.step % dials.sample_every:
            self._samples.write_due()
        return True

    def _evaluate(self) -> bool:
        """Evaluate and diagnose. False if the guard rolled the run back because of it."""
        measured = self._evaluator.evaluate()
        return measured is None or not self._recover(self._state.guard.decide_after_evaluation(measured))

    def _diagnose(self, *, apply: Callable[[Request], None] | None = None) -> bool:
        """Diagnose. False if the guard, which saw the loss rise too, rolled back a run that goes on diverging."""
        self._monitor.check(apply=apply)
        guard, why = self._state.guard, self._monitor.standing_divergence(STANDING_DIVERGENCE_STEPS)
        return not why or guard.is_stable or not self._recover(guard.recover("diverging", why))

    def _recover(self, decision: GuardDecision) -> bool:
        """Do what the guard decided about the newest step. True after a rollback. Raises TrainingStopped."""
        newest = self._newest
        if decision is GO_ON or newest is None or not self._recovery.act(replace(newest, decision=decision)):
            return False
        self._losses.clear()
        return True

    def _make_step(self) -> bool:
        """Make a step and read the losses that are due. True if the run is one step further. Raises TrainingStopped."""
        state, recorder = self._state, self._recorder
        before = state.progress.step
        try:
            fetching_share: float | None = train_step(
                state, self._batches, self._forward_backward, self._losses, recorder.now
            )
        except BatchOutOfMemory:
            fetching_share = None
        if fetching_share is None:  # not in the handler, whose exception holds the tensors of the step
            halve_batch(state, self._recorder, self._apply)
            return False
        recorder.step = state.progress.step
        self._monitor.step_made(fetching_share)
        self._read_losses(everything=False)
        if self._commands.advance:
            self._commands.advance -= 1
        return state.progress.step == before + 1

    def _read_losses(self, *, everything: bool = True) -> None:
        """Record the steps whose losses are due, or all, and do what the guard decided about each."""
        recorder = self._recorder
        for step in self._losses.read(everything=everything):
            recorder.record_step(step.event)
            self._newest = step
            if step.decision is not GO_ON and self._recovery.act(step):
                self._losses.clear()
        recorder.write_handed_over()

    def _rest_if_required(self) -> bool:
        """Rest if the power policy says so. True when requests must be applied before the next step."""
        commands, duty_cycle, dials = self._commands, self._duty_cycle, self._state.dials
        worked, self._worked_seconds = self._worked_seconds, 0.0
        if duty_cycle.decide(dials).pauses and not commands.advance:  # requested steps are made
            self._read_losses()
            self._recorder.enter("policy_pause")
            commands.wait_for_request()
            self._enter_phase()
            return True
        if self._recorder.phase == "policy_pause":
            self._enter_phase()
        return duty_cycle.rest_between_steps(dials, worked)

    def _apply(self, request: Request) -> None:
        self._commands.apply(request)

    def _apply_requests(self) -> None:
        """Apply the requests since the last step, and in a rerun those recorded at this step."""
        if self._script is not None:
            self._apply_script(self._script)
        feed = self._recorder.feed
        if feed.requests.empty() and not feed.stop_requested.is_set():
            return
        self._read_losses()
        self._commands.apply_waiting()
        self._enter_phase()

    def _apply_script(self, script: RerunScript) -> None:
        while (request := script.next_due(self._state.progress.step)) is not None:
            self._read_losses()
            self._commands.apply(request)
            self._enter_phase()
        if script.over(self._state.progress.step) and not script.finished:
            self._commands.stopping = True

    def _script_is_over(self) -> bool:
        script = self._script
        return script is not None and script.finished and script.over(self._state.progress.step)

    def _run_due_tasks(self) -> None:
        state, step = self._state, self._state.progress.step
        due = due_at(step, state.dials, state.config)
        if not due:
            return
        self._read_losses()
        if state.progress.step != step:
            return  # rolled back
        if "diagnosis" in due and not self._diagnose():
            return
        if due == {"diagnosis"}:
            return
        if "evaluation" in due and not (self._evaluate() and self._diagnose(apply=self._apply)):
            self._enter_phase()
            return
        if "sample" in due:
            self._samples.write_due()
        if "checkpoint" in due:
            self._checkpoints.save("cadence")
        self._plan_by_clock()
        self._enter_phase()

    def _plan_by_clock(self) -> None:
        """With `minutes` set, plan as many steps as fit at the speed measured so far."""
        step = self._state.progress.step
        planned = steps_that_fit(
            self._limit_seconds,
            self._recorder.working_seconds(),
            made=step - self._first_step,
            step=step,
            total_steps=self._state.dials.total_steps,
        )
        if planned is not None:
            self._apply(Request(command_id=0, action="total_steps", value=float(planned)))

    def _enter_phase(self) -> None:
        resting = self._duty_cycle.pausing and not self._commands.advance
        self._recorder.enter("paused" if self._commands.is_waiting else "policy_pause" if resting else "training")


def due_at(step: int, dials: DialState, config: TrainingSettings) -> set[Task]:
    """The tasks due after step number `step`; a cadence of 0 is never due."""
    cadences: dict[Task, int] = {
        "diagnosis": DIAGNOSIS_EVERY_STEPS,
        "evaluation": dials.eval_every,
        "sample": dials.sample_every,
        "checkpoint": config.checkpoint_every,
    }
    return {task for task, every in cadences.items() if every and step % every == 0}


def steps_that_fit(
    limit_seconds: float, worked_seconds: float, *, made: int, step: int, total_steps: int
) -> int | None:
    """The last step that fits into `limit_seconds` at the speed so far; None where the plan may stay.

    `made` steps took `worked_seconds`, running time without pauses and rests; `step` is the newest.
    """
    if made < STEPS_BEFORE_PLANNING or not 0 < worked_seconds < limit_seconds:
        return None
    planned = step + max(1, int((limit_seconds - worked_seconds) * made / worked_seconds))
    return planned if abs(planned - total_steps) > REPLANNED_SHARE * planned else None
