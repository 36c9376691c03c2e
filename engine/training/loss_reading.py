"""Reads the loss of a step for the guard: before its update, or a fixed number of steps later.

Reading waits for the device, so on CUDA it happens later, and the device itself voids an update whose loss or gradient
is NaN or infinite. The delay is counted in steps, not by the clock, so a repeated run decides the same.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import msgspec
import torch
from torch import Tensor

from babytrain.engine.optim.adamw import MASKING_DEVICES
from babytrain.engine.training.guard import Guard, GuardDecision
from babytrain.runs.events import Step

StepResult: TypeAlias = tuple[float, float, GuardDecision]  # loss, gradient norm, what the guard decided
DELAY_STEPS = 8  # queued behind the step that is read: enough to hide short delays of the processor
UNREAD = math.nan  # loss and gradient norm of a step until they are read


@dataclass(frozen=True)
class ReadStep:
    """A step whose loss was read, with the guard's decision; its windows begin at `first_window` of the run."""

    event: Step
    first_window: int
    windows_seen: int
    decision: GuardDecision


class LossReader:
    """Reads each loss `delay_steps` steps later, or with 0 before its update. Per step: `check`, `add`, `read`."""

    def __init__(self, guard: Guard, delay_steps: int = 0) -> None:
        self.delay_steps = delay_steps
        self._guard = guard
        self._checked: Callable[[], StepResult] | None = None  # the step of the newest `check`
        self._unread: deque[tuple[Step, int, int, Callable[[], StepResult]]] = deque()

    def check(self, step: int, loss: Tensor, gradient_norm: Tensor) -> bool | Tensor:
        """Whether step number `step` may update the weights: a bool, or with a delay a 0-D bool tensor on the device.

        With a delay it does not wait for the device: the numbers are copied after the work of the step.
        """
        if not self.delay_steps:
            numbers = float(loss), float(gradient_norm)
            decision = self._guard.decide(step, *numbers)
            self._checked = lambda: (*numbers, decision)
            return decision.action in ("go on", "note")
        on_device = torch.stack((loss.float(), gradient_norm.float()))
        self._checked = partial(self._decide_late, step, *_copy_to_host(on_device))
        return torch.isfinite(on_device).all()

    def add(self, event: Step, first_window: int, windows_seen: int) -> None:
        """Queue the step that was just checked; the numbers of `event` are `UNREAD`."""
        assert self._checked is not None
        self._unread.append((event, first_window, windows_seen, self._checked))

    def read(self, *, everything: bool = False) -> Iterator[ReadStep]:
        """The steps that are due, oldest first; with `everything` all of them, which waits for the device."""
        while self._unread and (everything or self._unread[-1][0].step - self._unread[0][0].step >= self.delay_steps):
            event, first_window, windows_seen, result = self._unread.popleft()
            loss, gradient_norm, decision = result()
            event = msgspec.structs.replace(event, loss=loss, gradient_norm=gradient_norm)
            yield ReadStep(event, first_window, windows_seen, decision)

    def clear(self) -> None:
        """Drop the steps that are not read yet, after a rollback."""
        self._unread.clear()

    def _decide_late(self, step: int, numbers: Tensor, copied: torch.cuda.Event | None) -> StepResult:
        if copied is not None:
            copied.synchronize()
        loss, gradient_norm = numbers.tolist()
        decision = self._guard.decide(step, loss, gradient_norm)
        if decision.action == "skip" and decision.cause == "spike":
            decision = GuardDecision("note", "spike")  # its update was made
        return loss, gradient_norm, decision


def build_loss_reader(guard: Guard, device: torch.device) -> LossReader:
    """Deferred reading on a GPU that can void an update by itself, else immediate reading."""
    deferred = device.type != "cpu" and device.type in MASKING_DEVICES
    return LossReader(guard, DELAY_STEPS if deferred else 0)


def _copy_to_host(numbers: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Start a copy to the host; returns it and, on CUDA, the event after which it is complete."""
    if numbers.device.type != "cuda":
        return numbers, None
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    on_host = numbers.to("cpu", non_blocking=True)  # into pinned memory
    copied.record()
    return on_host, copied
