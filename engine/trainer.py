"""The training loop: a step, then whatever is due, with every request obeyed at a step boundary.

Choices:
- The data of a step is a pure function of the seed and the number of windows seen, dropout noise of the seed and the
  step; so a resumed run equals one that never stopped, to the bit.
- On a CPU the loss is read every step (it is there anyway); on a GPU steps are queued and read a few times a second.
- A loss or gradient that is not finite never reaches the weights: on a CPU the guard sees it before the update, on a
  GPU such gradients are zeroed and the guard acts when it reads of them.
- The loop's thread owns the journal, the model and the optimizer; nobody else touches them.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Literal

import torch
from torch import Tensor

from babytrain.engine.batches import Batches
from babytrain.engine.control import Control
from babytrain.engine.ending import put_end_on_record, save_last
from babytrain.engine.execution.passes import build_pass
from babytrain.engine.guard import GO_ON, Answer
from babytrain.engine.learned.finals import hold_finals
from babytrain.engine.noise_seed import dropout_seed
from babytrain.engine.out_of_memory import is_out_of_memory
from babytrain.engine.queued_step import QueuedStep
from babytrain.engine.rescue import OrderlyStopError, halve_batch, rescue
from babytrain.engine.restraint.lost_card import PATIENCE_SECONDS, LostCardError, stop_for_lost_card
from babytrain.engine.time_limit import steps_that_fit
from babytrain.engine.watch import Watch
from babytrain.engine.workbench import Workbench, evaluate, save
from babytrain.engine.writing import write_due_samples
from babytrain.runs.dials.schedule import learning_rate
from babytrain.runs.events import Ended, Request

READ_LOSSES_SECONDS = 0.1  # on a GPU
NEWEST_SHARE = 1 / 32  # of a running mean over steps


class Trainer:
    """Trains what lies on the workbench until the plan is done, a person stops it, or it fails."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        config = bench.config
        self._batches = Batches(
            bench.train, context=config.context, seed=config.seed, vocabulary_size=bench.model.vocabulary_size
        )
        self._pass = build_pass(
            bench.model,
            compiled=config.compile == "on",
            note=lambda sentence: bench.recorder.note(sentence, "warning"),
        )
        self._control = Control(bench, self._batches.windows_per_epoch)
        self._watch = Watch(bench)
        self._queued: deque[QueuedStep] = deque()
        self._last_read = 0.0
        self._fetching_seconds = 0.0  # of the step that is being made
        self._worked_seconds = 0.0  # since the housekeeper last heard of it
        self._limit_seconds = config.minutes * 60.0  # of running time without pauses and rests; 0 = none

    def run(self) -> Ended:
        """Train to the end and leave everything saved. Returns the event that closed the journal."""
        bench = self._bench
        bench.model.train()
        self._plan_by_clock()
        status: Literal["done", "interrupted", "failed"] = "done"
        reason = "the plan is done"
        try:
            if self._owes_evaluation():
                evaluate(bench)
            if bench.progress.step == 0 and bench.config.sample_every:
                write_due_samples(bench)
            if bench.config.compile == "on":
                bench.enter("compiling")  # until the first step has made its kernels
            else:
                self._go_on()
            if not self._train():
                status, reason = "interrupted", "stopped by hand"
            self._read_losses()
            bench.enter("stopping")
            if status == "done" and bench.evaluated_step != bench.progress.step:
                evaluate(bench)
            if status == "done" and bench.dials.sample_every and bench.progress.step % bench.dials.sample_every:
                write_due_samples(bench)  # how it writes in the end is what everybody wants to see
            self._watch.look(finished=status == "done")
            if unsaved := save_last(bench):
                status, reason = ("failed" if status == "done" else status), f"{reason}, but {unsaved}"
            if status == "done":
                hold_finals(bench)
        except OrderlyStopError as error:
            status, reason = error.status, str(error)
            if unsaved := save_last(bench):
                reason += f" And {unsaved}."
        except LostCardError as error:
            status, reason = "failed", stop_for_lost_card(bench, str(error), broken=False)
        except RuntimeError:  # of which a device's errors are a kind
            card = bench.housekeeper.lost_card(PATIENCE_SECONDS)
            if not card:
                raise
            status, reason = "failed", stop_for_lost_card(bench, card, broken=True)
        bench.examiner.finish()
        return put_end_on_record(bench.recorder, bench.progress, status, reason)

    def _train(self) -> bool:
        """Step until the plan is done, or False when a person stopped it. Raises OrderlyStopError, LostCardError."""
        bench, control = self._bench, self._control
        while not self._finished():
            if card := bench.housekeeper.lost_card():
                raise LostCardError(card)
            self._obey()
            if control.stopping:
                return False
            if self._script_is_done():
                continue
            if control.waits:
                bench.enter("paused")
                control.wait_for_request()
                self._after_commands()
                continue
            if self._rests():
                continue
            began = time.monotonic()
            self._step()
            if bench.phase == "compiling":
                self._go_on()
            self._do_what_is_due()
            self._worked_seconds += time.monotonic() - began
        return True

    def _owes_evaluation(self) -> bool:
        """Before the first step of a run; or one was due where it was stopped, and the stop cut it short."""
        progress = self._bench.progress
        if progress.val_loss is None:
            return True
        return progress.step % self._bench.dials.eval_every == 0 and progress.val_step != progress.step

    def _finished(self) -> bool:
        if self._script_is_done():
            return True
        if self._limit_seconds and self._bench.working_seconds() >= self._limit_seconds:
            return True
        return self._bench.progress.step >= self._bench.dials.total_steps

    # -- one step ----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """One optimizer step: batches forward and backward, clip, the guard, update."""
        bench = self._bench
        dials, progress, optimizer = bench.dials, bench.progress, bench.optimizer
        began = time.perf_counter()
        rate = learning_rate(bench.config, dials, progress.step)
        optimizer.set_learning_rates(rate, bench.config.muon_lr * rate / bench.config.lr)
        try:
            loss = self._gradients()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            self._make_room(error)
            return
        gradient_norm = optimizer.gradient_norm(dials.clip)
        if bench.device.type == "cpu":
            answer = bench.guard.judge(progress.step + 1, float(loss), float(gradient_norm))
            if answer.deed in ("go on", "note"):
                optimizer.step()
            queued = self._count(loss, gradient_norm, rate, began)
            self._read_losses()
            if answer is not GO_ON:
                self._rescue(answer, queued)
        else:
            optimizer.step()
            self._count(loss, gradient_norm, rate, began)
            if time.monotonic() - self._last_read >= READ_LOSSES_SECONDS:
                self._read_losses()
        if self._control.advance:
            self._control.advance -= 1

    def _gradients(self) -> Tensor:
        """The mean loss of a step's batches, a scalar on the device, their gradients summed up in the optimizer."""
        bench = self._bench
        dials, progress = bench.dials, bench.progress
        bench.optimizer.zero_grad()
        loss_sum: Tensor | None = None
        for micro in range(dials.accumulate):
            fetching = time.perf_counter()
            inputs, targets = self._batches.take(progress.windows_seen + micro * dials.batch_size, dials)
            self._fetching_seconds += time.perf_counter() - fetching
            seed = dropout_seed(bench.config.seed, progress.step, micro) if dials.dropout > 0.0 else None
            loss = self._pass(inputs, targets, accumulate=dials.accumulate, seed=seed)
            loss_sum = loss if loss_sum is None else loss_sum + loss
        assert loss_sum is not None
        return loss_sum / dials.accumulate if dials.accumulate > 1 else loss_sum

    def _count(self, loss: Tensor, gradient_norm: Tensor, rate: float, began: float) -> QueuedStep:
        """The step is made: move on and line it up for the record."""
        bench = self._bench
        progress, windows = bench.progress, bench.dials.windows_per_step
        first_window = progress.windows_seen
        progress.windows_seen += windows
        progress.tokens += windows * bench.config.context
        progress.step += 1
        bench.recorder.step = progress.step
        seconds = time.perf_counter() - began
        progress.training_seconds += seconds
        bench.waiting_share += NEWEST_SHARE * (self._fetching_seconds / seconds - bench.waiting_share)
        self._fetching_seconds = 0.0
        queued = QueuedStep(
            progress.step, bench.recorder.now(), loss, gradient_norm, rate, progress.tokens, seconds, first_window
        )
        self._queued.append(queued)
        return queued

    def _read_losses(self) -> None:
        """Bring queued losses over from the device and record them. Off the CPU the guard hears of them here."""
        bench = self._bench
        self._last_read = time.monotonic()
        while self._queued:
            queued = self._queued.popleft()
            event = queued.event()
            bench.recorder.record_step(event)
            if bench.device.type != "cpu":
                answer = bench.guard.judge(event.step, event.loss, event.gradient_norm)
                if answer is not GO_ON:
                    self._rescue(answer, queued)
        bench.recorder.file_handed_over()

    # -- when something goes wrong -----------------------------------------------------------------------------

    def _rescue(self, answer: Answer, queued: QueuedStep) -> None:
        """Do what the guard says. Raises OrderlyStopError."""
        went_back = rescue(
            self._bench,
            answer,
            loss=float(queued.loss),
            gradient_norm=float(queued.gradient_norm),
            learning_rate=queued.learning_rate,
            first_window=queued.first_window,
            turn=self._turn,
        )
        if went_back:
            self._queued.clear()  # what was under way on a GPU belongs to the past that was left
            self._watch.gone_back()

    def _make_room(self, error: BaseException) -> None:
        """Half the batch, twice as often. Raises OrderlyStopError when a batch of one does not fit."""
        self._bench.optimizer.zero_grad()
        if self._bench.device.type == "cuda":
            torch.cuda.empty_cache()
        halve_batch(self._bench, error, turn=self._turn)

    # -- between steps -----------------------------------------------------------------------------------------

    def _rests(self) -> bool:
        """Rest if a rule of the house says so. True when requests come before the next step."""
        bench, control, housekeeper = self._bench, self._control, self._bench.housekeeper
        worked, self._worked_seconds = self._worked_seconds, 0.0
        if housekeeper.judge(bench.dials).pauses and not control.advance:  # steps that are asked for are made
            self._read_losses()
            bench.enter("resting")
            control.wait_for_request()
            self._after_commands()
            return True
        if bench.phase == "resting":
            self._go_on()
        return housekeeper.hold_back(bench.dials, worked)

    def _turn(self, request: Request) -> None:
        """Turn a dial by itself. Settled at once: not at the next command, whenever that comes."""
        self._control.apply(request)
        self._settle()

    def _obey(self) -> None:
        """Apply what was asked since the last step, and what a script has for here."""
        self._follow_script()
        feed = self._bench.feed
        if feed.requests.empty() and not feed.stop_requested.is_set():
            return
        self._read_losses()
        self._control.obey_waiting()
        self._after_commands()

    def _follow_script(self) -> None:
        bench, script = self._bench, self._bench.script
        if script is None:
            return
        while (request := script.next_due(bench.progress.step)) is not None:
            self._read_losses()
            self._control.apply(request)
            self._after_commands()
        if script.over(bench.progress.step) and not script.finished:
            self._control.stopping = True

    def _script_is_done(self) -> bool:
        script = self._bench.script
        return script is not None and script.finished and script.over(self._bench.progress.step)

    def _after_commands(self) -> None:
        self._settle()
        self._go_on()

    def _settle(self) -> None:
        if self._control.turned:
            self._control.turned = False
            self._bench.guard.turned()
            self._watch.turned()

    def _do_what_is_due(self) -> None:
        bench = self._bench
        config, dials, step = bench.config, bench.dials, bench.progress.step
        due_evaluation = step % dials.eval_every == 0
        due_sample = bool(dials.sample_every) and step % dials.sample_every == 0
        due_checkpoint = bool(config.checkpoint_every) and step % config.checkpoint_every == 0
        self._watch.glance()
        if not (due_evaluation or due_sample or due_checkpoint):
            return
        self._read_losses()
        if due_evaluation:
            evaluate(bench)
            self._watch.look(turn=self._turn)
        if due_sample:
            write_due_samples(bench)
        if due_checkpoint:
            save(bench, "cadence")
        self._plan_by_clock()
        self._go_on()

    def _plan_by_clock(self) -> None:
        """With `minutes` set, plan as many steps as will fit at the speed measured so far."""
        bench, step = self._bench, self._bench.progress.step
        planned = steps_that_fit(
            self._limit_seconds,
            bench.working_seconds(),
            made=step - bench.begun_step,
            step=step,
            total_steps=bench.dials.total_steps,
        )
        if planned is not None:
            self._turn(Request(command_id=0, action="total_steps", value=float(planned)))

    def _go_on(self) -> None:
        if self._control.waits:
            self._bench.enter("paused")
        else:
            rests = self._bench.housekeeper.pausing and not self._control.advance
            self._bench.enter("resting" if rests else "training")
