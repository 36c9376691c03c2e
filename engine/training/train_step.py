"""One optimizer step, whole: batch, forward, backward, clip, guard, update; and when its loss is read, now or later."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from babytrain.engine.execution.devices import is_out_of_memory
from babytrain.engine.execution.forward_backward import Pass
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.guard import Guard, GuardDecision
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.dials.schedule import learning_rate
from babytrain.runs.events import Step

Numbers: TypeAlias = tuple[float, float, GuardDecision]  # loss, gradient norm, and what follows from them
DELAY_STEPS = 8  # queued behind the step that is read: enough to hide a hiccup of the processor


@dataclass(frozen=True)
class PendingStep:
    """A step that was made and is not read yet. `t` and `step_seconds` in seconds; windows as counted by the run."""

    step: int
    t: float
    learning_rate: float
    tokens: int
    step_seconds: float
    first_window: int
    windows_seen: int

    def event(self, loss: float, gradient_norm: float) -> Step:
        """The step as it is recorded."""
        return Step(
            t=self.t,
            step=self.step,
            loss=loss,
            learning_rate=self.learning_rate,
            gradient_norm=gradient_norm,
            tokens=self.tokens,
            step_seconds=self.step_seconds,
        )


@dataclass(frozen=True)
class ReadStep:
    """A step with its numbers, and what the guard decided about it."""

    pending: PendingStep
    event: Step
    decision: GuardDecision


class LossReader(ABC):
    """Used in this order at every step: `check`, `add`, `read`."""

    can_skip_spikes: bool
    delay_steps: int

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._numbers: Callable[[], Numbers] | None = None  # of the step that was checked last
        self._made: deque[tuple[PendingStep, Callable[[], Numbers]]] = deque()

    @abstractmethod
    def check(self, step: int, loss: Tensor, gradient_norm: Tensor) -> bool | Tensor:
        """Whether step number `step` may update the weights: a bool, or a 0-D bool tensor on the device."""

    def add(self, pending: PendingStep) -> None:
        """The step that was just checked is made."""
        assert self._numbers is not None
        self._made.append((pending, self._numbers))

    def read(self, *, everything: bool = False) -> Iterator[ReadStep]:
        """The steps that are due to be read, oldest first; with `everything` all, which waits for the device."""
        while self._made and (everything or self._made[-1][0].step - self._made[0][0].step >= self.delay_steps):
            pending, numbers = self._made.popleft()
            loss, gradient_norm, decision = numbers()
            yield ReadStep(pending, pending.event(loss, gradient_norm), decision)

    def clear(self) -> None:
        """Forget the steps that are not read yet: the run went back."""
        self._made.clear()


class ImmediateLosses(LossReader):
    """Reads each loss before the update of its step."""

    can_skip_spikes, delay_steps = True, 0

    def check(self, step: int, loss: Tensor, gradient_norm: Tensor) -> bool:
        """See `LossReader`. Waits for the device."""
        numbers = float(loss), float(gradient_norm)
        decision = self._guard.judge(step, *numbers)
        self._numbers = lambda: (*numbers, decision)
        return decision.action in ("go on", "note")


class DeferredLosses(LossReader):
    """Reads each loss `DELAY_STEPS` steps after its own, by when the device has it."""

    can_skip_spikes, delay_steps = False, DELAY_STEPS

    def check(self, step: int, loss: Tensor, gradient_norm: Tensor) -> Tensor:
        """See `LossReader`. Never waits for the device: the numbers travel to the host behind the work of the step."""
        on_device = torch.stack((loss.float(), gradient_norm.float()))
        self._numbers = partial(self._judge, step, *_to_host(on_device))
        return torch.isfinite(on_device).all()

    def _judge(self, step: int, numbers: Tensor, arrived: torch.cuda.Event | None) -> Numbers:
        if arrived is not None:
            arrived.synchronize()
        loss, gradient_norm = numbers.tolist()
        decision = self._guard.judge(step, loss, gradient_norm)
        if decision.action == "skip" and decision.cause == "spike":
            decision = GuardDecision("note", "spike")  # its update was made
        return loss, gradient_norm, decision


def _to_host(numbers: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Numbers on their way to the host, and the event after which they are there; at once where they stay."""
    if numbers.device.type != "cuda":
        return numbers, None
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    on_host = numbers.to("cpu", non_blocking=True)  # into pinned memory
    arrived.record()
    return on_host, arrived


class BatchOutOfMemory(Exception):
    """There was not enough memory for the forward and backward pass of a batch. Nothing was updated."""


def train_step(
    state: TrainState, batches: Batches, forward_backward: Pass, losses: LossReader, now: Callable[[], float]
) -> float:
    """Make one step and hand it to `losses`. Returns the share of its time that was spent on fetching batches.

    `now` is seconds of running time. Raises BatchOutOfMemory; the step can be made again with a smaller batch.
    """
    config, dials, progress, optimizer = state.config, state.dials, state.progress, state.optimizer
    began, fetching = time.perf_counter(), 0.0
    rate = learning_rate(config, dials, progress.step)
    optimizer.set_learning_rates(rate, config.muon_lr * rate / config.lr)

    optimizer.zero_grad()
    loss: Tensor | None = None
    try:
        for micro in range(dials.accumulate):
            asked = time.perf_counter()
            inputs, targets = batches.next_batch(progress.windows_seen + micro * dials.batch_size, dials)
            fetching += time.perf_counter() - asked
            seed = dropout_seed(config.seed, progress.step, micro) if dials.dropout > 0.0 else None
            micro_loss = forward_backward(inputs, targets, accumulate=dials.accumulate, seed=seed)
            loss = micro_loss if loss is None else loss + micro_loss
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise BatchOutOfMemory from error
        raise
    assert loss is not None
    if dials.accumulate > 1:
        loss = loss / dials.accumulate

    gradient_norm = optimizer.gradient_norm(dials.clip)  # of before clipping
    allowed = losses.check(progress.step + 1, loss, gradient_norm)  # the guard, before the update
    if allowed is not False:
        optimizer.step(only_if=None if allowed is True else allowed)

    first_window = progress.windows_seen
    progress.step += 1
    progress.windows_seen += dials.windows_per_step
    progress.tokens += dials.windows_per_step * config.context
    seconds = time.perf_counter() - began
    progress.training_seconds += seconds
    losses.add(PendingStep(progress.step, now(), rate, progress.tokens, seconds, first_window, progress.windows_seen))
    return fetching / seconds


def dropout_seed(seed: int, step: int, micro: int) -> int:
    """A 63-bit seed for the dropout noise of one forward pass: a splitmix64 finaliser over the three numbers."""
    mask = (1 << 64) - 1
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + micro * 0x94D049BB133111EB) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return (value ^ (value >> 31)) >> 1
