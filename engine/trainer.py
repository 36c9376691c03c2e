"""The training loop: a step, then whatever is due, with every request obeyed at a step boundary.

Choices:
- The data of a step is a pure function of the seed and the number of windows seen, dropout noise of the seed and the
  step; so a resumed run equals one that never stopped, to the bit.
- On a CPU the loss is read every step (it is there anyway); on a GPU steps are queued and read a few times a second.
- A loss or gradient that is not finite is caught before it reaches the weights (CPU) or the next checkpoint (GPU).
- The loop's thread owns the journal, the model and the optimizer; nobody else touches them.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from queue import Empty
from typing import Literal

import torch
from torch import Tensor

from babytrain.engine.corpus.windows import EpochWindows
from babytrain.engine.dials import learning_rate, turn_dial
from babytrain.engine.workbench import Workbench, evaluate, save, write_sample
from babytrain.runs.events import Command, Ended, Request, Step

PAUSE_POLL_SECONDS = 0.05
READ_LOSSES_SECONDS = 0.1  # on a GPU


@dataclass(frozen=True)
class _Queued:
    """A step whose loss may still be on the device."""

    step: int
    t: float
    loss: Tensor
    gradient_norm: Tensor
    learning_rate: float
    tokens: int
    step_seconds: float


class NonFiniteLossError(Exception):
    """The loss or the gradient stopped being a number; the message says where and at which learning rate."""


class Trainer:
    """Trains what lies on the workbench until the plan is done, a person stops it, or it fails."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        config = bench.config
        self._windows = EpochWindows(len(bench.train), config.context, config.seed)
        self._offsets = torch.arange(config.context + 1, device=bench.device)
        self._loss = bench.model.loss
        if config.compile == "on":
            self._loss = torch.compile(bench.model.loss, dynamic=False)
        self._queued: deque[_Queued] = deque()
        self._last_read = 0.0
        self._paused = False
        self._advance = 0  # steps to take before pausing again
        self._stopping = False
        self._deadline_t: float | None = None

    def run(self) -> Ended:
        """Train to the end and leave everything saved. Returns the event that closed the journal."""
        bench = self._bench
        bench.model.train()
        self._plan_by_clock()
        status: Literal["done", "interrupted", "failed"] = "done"
        reason = "the plan is done"
        try:
            if bench.progress.step == 0:
                evaluate(bench)
                if bench.config.sample_every:
                    write_sample(bench, bench.config.prompt, asked=False)
            if bench.config.compile == "on":
                bench.enter("compiling")  # until the first step has made its kernels
            else:
                self._go_on()
            while not self._finished():
                self._obey_requests()
                if self._stopping:
                    status, reason = "interrupted", "stopped by hand"
                    break
                if self._paused and not self._advance:
                    bench.enter("paused")
                    self._wait_paused()
                    continue
                self._step()
                if bench.phase == "compiling":
                    self._go_on()
                self._do_what_is_due()
            self._read_losses()
            bench.enter("stopping")
            if status == "done" and bench.evaluated_step != bench.progress.step:
                evaluate(bench)
            save(bench, "end")
        except NonFiniteLossError as error:
            status, reason = "failed", str(error)
            if bench.device.type == "cpu":  # elsewhere the bad step may already stand in the weights
                save(bench, "end")
        return self._end(status, reason)

    def _finished(self) -> bool:
        if self._deadline_t is not None and self._bench.recorder.now() >= self._deadline_t:
            return True
        return self._bench.progress.step >= self._bench.dials.total_steps

    # -- one step ----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """One optimizer step: `accumulate` batches, clip, update."""
        bench = self._bench
        config, progress, optimizer = bench.config, bench.progress, bench.optimizer
        began = time.perf_counter()
        rate = learning_rate(config, bench.dials, progress.step)
        optimizer.set_learning_rates(rate, config.muon_lr * rate / config.lr)
        optimizer.zero_grad()
        loss_sum: Tensor | None = None
        for micro in range(config.accumulate):
            inputs, targets = self._next_batch(micro)
            if config.dropout > 0.0:
                torch.manual_seed(dropout_seed(config.seed, progress.step, micro))
            loss = self._loss(inputs, targets)
            (loss if config.accumulate == 1 else loss / config.accumulate).backward()  # type: ignore[no-untyped-call]
            loss_sum = loss.detach() if loss_sum is None else loss_sum + loss.detach()
        assert loss_sum is not None
        mean_loss = loss_sum / config.accumulate if config.accumulate > 1 else loss_sum
        gradient_norm = optimizer.gradient_norm(config.clip)
        if bench.device.type == "cpu" and not math.isfinite(float(mean_loss) + float(gradient_norm)):
            self._queue(mean_loss, gradient_norm, rate, progress.step + 1, began)
            self._read_losses()
        optimizer.step()
        windows = config.batch_size * config.accumulate
        progress.windows_seen += windows
        progress.tokens += windows * config.context
        progress.step += 1
        bench.recorder.step = progress.step
        progress.training_seconds += self._queue(mean_loss, gradient_norm, rate, progress.step, began)
        if bench.device.type == "cpu" or time.monotonic() - self._last_read >= READ_LOSSES_SECONDS:
            self._read_losses()
        if self._advance:
            self._advance -= 1

    def _next_batch(self, micro: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets [batch, context], int64, of the next windows in epoch order."""
        bench = self._bench
        first = bench.progress.windows_seen + micro * bench.config.batch_size
        starts = torch.from_numpy(self._windows.starts(first, bench.config.batch_size)).to(bench.device)
        rows = bench.train[starts[:, None] + self._offsets].long()
        return rows[:, :-1], rows[:, 1:]

    def _queue(self, loss: Tensor, norm: Tensor, rate: float, step: int, began: float) -> float:
        """Line a step up for the record; returns the seconds it took."""
        seconds = time.perf_counter() - began
        tokens = self._bench.progress.tokens
        self._queued.append(_Queued(step, self._bench.recorder.now(), loss, norm, rate, tokens, seconds))
        return seconds

    def _read_losses(self) -> None:
        """Bring queued losses over from the device and record them. Raises NonFiniteLossError."""
        recorder = self._bench.recorder
        self._last_read = time.monotonic()
        while self._queued:
            queued = self._queued.popleft()
            loss, norm = float(queued.loss), float(queued.gradient_norm)
            recorder.record_step(
                Step(
                    t=queued.t,
                    step=queued.step,
                    loss=loss,
                    learning_rate=queued.learning_rate,
                    gradient_norm=norm,
                    tokens=queued.tokens,
                    step_seconds=queued.step_seconds,
                )
            )
            if not math.isfinite(loss + norm):
                self._queued.clear()
                rate = queued.learning_rate
                raise NonFiniteLossError(
                    f"the loss stopped being a number at step {queued.step:,} with lr {rate:.2g}: "
                    f"try again with a lower learning rate, for instance lr={rate / 4:.1g}"
                )
        recorder.file_handed_over()

    # -- between steps -----------------------------------------------------------------------------------------

    def _do_what_is_due(self) -> None:
        bench = self._bench
        config, step = bench.config, bench.progress.step
        due_evaluation = step % config.eval_every == 0
        due_sample = bool(config.sample_every) and step % config.sample_every == 0
        due_checkpoint = bool(config.checkpoint_every) and step % config.checkpoint_every == 0
        if not (due_evaluation or due_sample or due_checkpoint):
            return
        self._read_losses()
        if due_evaluation:
            evaluate(bench)
        if due_sample:
            write_sample(bench, config.prompt, asked=False)
        if due_checkpoint:
            save(bench, "cadence")
        self._plan_by_clock()
        self._go_on()

    def _plan_by_clock(self) -> None:
        """With `minutes` set, plan as many steps as will fit at the speed measured so far."""
        bench = self._bench
        if bench.config.minutes <= 0:
            return
        self._deadline_t = bench.config.minutes * 60.0
        now, step = bench.recorder.now(), bench.progress.step
        if step < 10 or now >= self._deadline_t:
            return
        # Seconds of running time a step costs, evaluations and samples included.
        planned = step + max(1, int((self._deadline_t - now) * step / now))
        if abs(planned - bench.dials.total_steps) > 0.01 * planned:
            self._apply(Request(command_id=0, action="total_steps", value=float(planned)))

    def _go_on(self) -> None:
        self._bench.enter("paused" if self._paused and not self._advance else "training")

    # -- requests ----------------------------------------------------------------------------------------------

    def _obey_requests(self, waiting: list[Request] | None = None) -> None:
        """Apply what was asked since the last step; of several requests for one dial only the newest counts."""
        if self._bench.feed.stop_requested.is_set():
            self._stopping = True
        waiting = waiting or []
        while True:
            try:
                waiting.append(self._bench.feed.requests.get_nowait())
            except Empty:
                break
        newest: dict[str, Request] = {
            request.action: request for request in waiting if request.action in ("lr_scale", "lr_hold")
        }
        for request in waiting:
            if newest.get(request.action, request) is request:
                self._apply(request)

    def _wait_paused(self) -> None:
        """Idle until the next request, filing what the sensors say meanwhile."""
        try:
            request = self._bench.feed.requests.get(timeout=PAUSE_POLL_SECONDS)
        except Empty:
            self._bench.recorder.file_handed_over()
            return
        self._obey_requests([request])

    def _apply(self, request: Request) -> None:
        """Obey one request and put on record what became of it."""
        bench = self._bench
        self._read_losses()
        before = after = None
        refusal = ""
        match request.action:
            case "pause" | "resume":
                self._paused, self._advance = request.action == "pause", 0
            case "advance":
                self._paused, self._advance = True, max(1, int(request.value or 1))
            case "sample":
                write_sample(bench, request.text or bench.config.prompt, asked=True)
            case "evaluate":
                evaluate(bench)
            case "checkpoint":
                save(bench, "asked")
            case "stop":
                self._stopping = True
            case "note":
                pass  # the command itself, with its text, is the record
            case _:
                turn = turn_dial(bench.config, bench.dials, request, bench.progress.step)
                bench.dials, before, after, refusal = turn.dials, turn.before, turn.after, turn.refusal
        bench.recorder.emit(
            Command(
                t=bench.recorder.now(),
                step=bench.progress.step,
                command_id=request.command_id,
                action=request.action,
                status="refused" if refusal else "applied",
                value=request.value,
                text=request.text,
                before=before,
                after=after,
                reason=refusal,
            )
        )
        self._go_on()

    def _end(self, status: Literal["done", "interrupted", "failed"], reason: str) -> Ended:
        progress, recorder = self._bench.progress, self._bench.recorder
        recorder.file_handed_over()
        ended = Ended(
            t=recorder.now(),
            step=progress.step,
            status=status,
            reason=reason,
            tokens=progress.tokens,
            tokens_per_second=progress.tokens / progress.training_seconds if progress.training_seconds else 0.0,
            val_loss=progress.val_loss,
            best_val_loss=progress.best_val_loss,
            best_step=progress.best_step,
        )
        recorder.emit(ended)
        return ended


def dropout_seed(seed: int, step: int, micro: int) -> int:
    """A 63-bit seed for the noise of one forward pass: a splitmix64 finaliser over the three numbers."""
    mask = (1 << 64) - 1
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + micro * 0x94D049BB133111EB) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return (value ^ (value >> 31)) >> 1
