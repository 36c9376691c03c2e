"""The training loop: a step, then whatever is due, with every request obeyed at a step boundary.

Choices:
- The data of a step is a pure function of the seed and the number of windows seen, dropout noise of the seed and the
  step; so a resumed run equals one that never stopped, to the bit.
- A loss or gradient that is NaN or infinite never reaches the weights (`train_step.py`).
- The loop's thread owns the journal, the model and the optimizer; nobody else touches them.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Literal

import numpy as np
import torch

from babytrain.engine.analysis.sample_analyzer import SampleAnalyzer
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.execution.forward_backward import build_pass
from babytrain.engine.optim.adamw import MASKING_DEVICES
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.cadence import due_at, steps_that_fit
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.commands import Commands
from babytrain.engine.training.diagnosis_monitor import DiagnosisMonitor
from babytrain.engine.training.evaluation import Evaluator
from babytrain.engine.training.finalize import final_evaluation, record_end, save_last
from babytrain.engine.training.guard import GO_ON
from babytrain.engine.training.power_policy.duty_cycle import DutyCycleController
from babytrain.engine.training.recorder import RunOutput
from babytrain.engine.training.recovery import (
    LOST_CARD_NOTICE_SECONDS,
    CardLostError,
    Recovery,
    TrainingStopped,
    stop_for_lost_card,
)
from babytrain.engine.training.rerun_script import RerunScript
from babytrain.engine.training.sample_events import SampleWriter
from babytrain.engine.training.train_state import TrainState
from babytrain.engine.training.train_step import (
    BatchOutOfMemory,
    DeferredLosses,
    ImmediateLosses,
    LossReader,
    train_step,
)
from babytrain.runs.events import Ended, Request


class Trainer:
    """Trains a model until the plan is done, a person stops it, or it fails.

    `first_step` is where the run's own steps begin: those of a fork do not begin at 0.
    """

    def __init__(
        self,
        state: TrainState,
        output: RunOutput,
        corpus: Corpus,
        *,
        duty_cycle_controller: DutyCycleController,
        sample_analyzer: SampleAnalyzer,
        commands: RerunScript | None = None,
        first_step: int = 0,
    ) -> None:
        self._state, self._output, self._corpus = state, output, corpus
        self._housekeeper, self._examiner, self._commands = duty_cycle_controller, sample_analyzer, commands
        self._first_step = first_step
        config, recorder = state.config, output.recorder
        self._batches = Batches(
            corpus.train,
            context=config.context,
            seed=config.seed,
            vocabulary_size=state.model.vocabulary_size,
            device=state.device,
        )
        self._forward_backward = build_pass(
            state.model,
            compiled=config.compile == "on",
            note=lambda sentence: recorder.note(sentence, "warning"),
        )
        self._losses = loss_reader(state)
        self._checkpoints = CheckpointWriter(state, output)
        val = torch.from_numpy(corpus.val.astype(np.int32)).to(state.device)
        self._evaluator = Evaluator(
            state, output, self._checkpoints, self._batches.tokens, val, sample_analyzer.add_evaluation
        )
        self._samples = SampleWriter(state, output, corpus, sample_analyzer.add_sample)
        self._monitor = DiagnosisMonitor(state, output, corpus.facts.floor_nats_per_token)
        self._recovery = Recovery(
            state, output, self._checkpoints, apply=self._apply, can_skip_spikes=self._losses.can_skip_spikes
        )
        self._control = Commands(
            state,
            output,
            evaluator=self._evaluator,
            checkpoints=self._checkpoints,
            samples=self._samples,
            recovery=self._recovery,
            duty_cycle_controller=duty_cycle_controller,
            windows_per_epoch=self._batches.windows_per_epoch,
        )
        self._worked_seconds = 0.0  # since the housekeeper last heard of it
        self._limit_seconds = config.minutes * 60.0  # of running time without pauses and rests; 0 = none

    def run(self) -> Ended:
        """Train to the end and leave everything saved. Returns the event that closed the journal."""
        state, recorder = self._state, self._output.recorder
        state.model.train()
        self._plan_by_clock()
        status: Literal["done", "interrupted", "failed"] = "done"
        reason = "the plan is done"
        try:
            if self._evaluator.is_owed():
                self._evaluator.evaluate()
            if state.progress.step == 0 and state.config.sample_every:
                self._samples.write_due()
            if state.config.compile == "on":
                recorder.enter("compiling")  # until the first step has made its kernels
            else:
                self._go_on()
            if not self._train():
                status, reason = "interrupted", "stopped by hand"
            self._read_losses()
            recorder.enter("stopping")
            if status == "done":
                self._finish_plan()
            self._monitor.check(finished=status == "done")
            if unsaved := save_last(self._checkpoints, self._output):
                status, reason = ("failed" if status == "done" else status), f"{reason}, but {unsaved}"
            if status == "done":
                final_evaluation(state.model, state.config, self._corpus, self._output)
        except TrainingStopped as error:
            status, reason = "failed", str(error)
            for unread in self._losses.read(everything=True):  # made, and in the weights
                recorder.record_step(unread.event)
            if unsaved := save_last(self._checkpoints, self._output):
                reason += f" And {unsaved}."
        except CardLostError as error:
            save = partial(self._checkpoints.save, "end")
            status, reason = "failed", stop_for_lost_card(self._output, str(error), save)
        except RuntimeError:  # of which a device's errors are a kind
            card = self._housekeeper.lost_card(LOST_CARD_NOTICE_SECONDS)
            if not card:
                raise
            status, reason = "failed", stop_for_lost_card(self._output, card, None)
        self._examiner.finish()
        return record_end(recorder, state.progress, status, reason)

    def _train(self) -> bool:
        """Step until the plan is done, or False when a person stopped it. Raises TrainingStopped, LostCardError."""
        control = self._control
        while True:
            if self._finished():
                self._read_losses()
                if self._finished():  # and the guard did not send it back
                    return True
            if card := self._housekeeper.lost_card():
                raise CardLostError(card)
            self._obey()
            if control.stopping:
                return False
            if self._commands_are_done():
                continue
            if control.waits:
                self._output.recorder.enter("paused")
                control.wait_for_request()
                self._after_commands()
                continue
            if self._rests():
                continue
            began = time.monotonic()
            made = self._make_step()
            if self._output.recorder.phase == "compiling":
                self._go_on()
            if made:
                self._do_what_is_due()
            self._worked_seconds += time.monotonic() - began

    def _finished(self) -> bool:
        if self._commands_are_done():
            return True
        if self._limit_seconds and self._output.recorder.working_seconds() >= self._limit_seconds:
            return True
        return self._state.progress.step >= self._state.dials.total_steps

    def _finish_plan(self) -> None:
        """Evaluate and write at the last step, whatever the cadences: how it ends is what everybody wants to see."""
        progress, dials = self._state.progress, self._state.dials
        if progress.val_step != progress.step:
            self._evaluator.evaluate()
        if dials.sample_every and progress.step % dials.sample_every:
            self._samples.write_due()

    # -- one step ----------------------------------------------------------------------------------------------

    def _make_step(self) -> bool:
        """Make a step and read what can be read. False when the run stands no step further. Raises TrainingStopped."""
        state, recorder = self._state, self._output.recorder
        before = state.progress.step
        try:
            fetching_share = train_step(state, self._batches, self._forward_backward, self._losses, recorder.now)
        except BatchOutOfMemory as error:
            state.optimizer.zero_grad()
            if state.device.type == "cuda":
                torch.cuda.empty_cache()
            self._recovery.halve_batch(error)
            return False
        recorder.step = state.progress.step
        self._monitor.step_made(fetching_share)
        self._read_losses(everything=False)
        if self._control.advance:
            self._control.advance -= 1
        return state.progress.step == before + 1

    def _read_losses(self, *, everything: bool = True) -> None:
        """Record the steps whose losses are due, or all of them, and do what the guard decided about each."""
        recorder = self._output.recorder
        for step in self._losses.read(everything=everything):
            recorder.record_step(step.event)
            if step.decision is not GO_ON and self._recovery.act(step):
                self._losses.clear()
        recorder.file_handed_over()

    # -- between steps -----------------------------------------------------------------------------------------

    def _rests(self) -> bool:
        """Rest if a rule of the machine says so. True when requests come before the next step."""
        control, duty_cycle_controller, dials = self._control, self._housekeeper, self._state.dials
        worked, self._worked_seconds = self._worked_seconds, 0.0
        if duty_cycle_controller.decide(dials).pauses and not control.advance:  # steps that are asked for are made
            self._read_losses()
            self._output.recorder.enter("policy_pause")
            control.wait_for_request()
            self._after_commands()
            return True
        if self._output.recorder.phase == "policy_pause":
            self._go_on()
        return duty_cycle_controller.rest_between_steps(dials, worked)

    def _apply(self, request: Request) -> None:
        """Apply a command of the engine itself. Settled at once: not at the next command, whenever that comes."""
        self._control.apply(request)
        self._settle()

    def _obey(self) -> None:
        """Apply what was asked since the last step, and what a repeated run was asked here."""
        self._obey_repeated()
        feed = self._output.feed
        if feed.requests.empty() and not feed.stop_requested.is_set():
            return
        self._read_losses()
        self._control.obey_waiting()
        self._after_commands()

    def _obey_repeated(self) -> None:
        commands = self._commands
        if commands is None:
            return
        while (request := commands.next_due(self._state.progress.step)) is not None:
            self._read_losses()
            self._control.apply(request)
            self._after_commands()
        if commands.over(self._state.progress.step) and not commands.finished:
            self._control.stopping = True

    def _commands_are_done(self) -> bool:
        commands = self._commands
        return commands is not None and commands.finished and commands.over(self._state.progress.step)

    def _after_commands(self) -> None:
        self._settle()
        self._go_on()

    def _settle(self) -> None:
        if self._control.turned:
            self._control.turned = False
            self._state.guard.dial_changed()
            self._monitor.dial_changed()

    def _do_what_is_due(self) -> None:
        """Everything due at the step that was just made."""
        state, step = self._state, self._state.progress.step
        due = due_at(step, state.dials, state.config)
        if not due:
            return
        self._read_losses()
        if state.progress.step != step:
            return  # it went back
        if "diagnosis" in due:
            self._monitor.check()
        if due == {"diagnosis"}:
            return
        if "evaluation" in due:
            self._evaluator.evaluate()
            self._monitor.check(apply=self._apply)
        if "sample" in due:
            self._samples.write_due()
        if "checkpoint" in due:
            self._checkpoints.save("cadence")
        self._plan_by_clock()
        self._go_on()

    def _plan_by_clock(self) -> None:
        """With `minutes` set, plan as many steps as will fit at the speed measured so far."""
        step = self._state.progress.step
        planned = steps_that_fit(
            self._limit_seconds,
            self._output.recorder.working_seconds(),
            made=step - self._first_step,
            step=step,
            total_steps=self._state.dials.total_steps,
        )
        if planned is not None:
            self._apply(Request(command_id=0, action="total_steps", value=float(planned)))

    def _go_on(self) -> None:
        rests = self._housekeeper.pausing and not self._control.advance
        self._output.recorder.enter("paused" if self._control.waits else "policy_pause" if rests else "training")


def loss_reader(state: TrainState) -> LossReader:
    """Deferred reading on a card that works through a queue and can leave out an update by itself, else immediate."""
    deferred = state.device.type != "cpu" and state.device.type in MASKING_DEVICES
    return DeferredLosses(state.guard) if deferred else ImmediateLosses(state.guard)
