"""Two ways to read the loss of a step, now and later, behind one contract.

On a processor the loss is there when the step is: the guard sees it before the update. A CUDA card works through a
queue of steps, which reading a loss at once would empty. So each loss travels to the host behind its step and is read
`DELAY_STEPS` steps later: always so many, never by the clock.

- What must not reach the weights is decided on the card, before the update: a loss or gradient that is NaN or infinite
  makes the whole update void (decay, averages and momentum too).
- A run that goes back forgets the steps made since the one at fault, and is where immediate reading would have left it.
- Two things differ. A spike that follows closely on another is noted and not left out, and a run that the guard stops
  has made up to `DELAY_STEPS` steps more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from babytrain.engine.training.guard import GO_ON, Guard, GuardDecision
from babytrain.runs.events import Step

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


class LossReader(Protocol):
    """Used in this order at every step: `check`, `add`, `read`."""

    can_skip_spikes: bool

    def check(self, step: int, loss: Tensor, gradient_norm: Tensor) -> bool | Tensor:
        """Whether step number `step` may update the weights: a bool, or a 0-D bool tensor on the device."""

    def add(self, pending: PendingStep) -> None:
        """The step that was just checked is made."""

    def read(self, *, everything: bool = False) -> Iterator[ReadStep]:
        """The steps that are due to be read, oldest first; with `everything` all, which waits for the device."""

    def clear(self) -> None:
        """Forget the steps that are not read yet: the run went back."""


class ImmediateLosses:
    """Reads each loss before the update of its step."""

    can_skip_spikes = True

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._numbers = (0.0, 0.0)
        self._decision = GO_ON
        self._made: deque[ReadStep] = deque()

    def check(self, step: int, loss: Tensor, gradient_norm: Tensor) -> bool:
        """See `LossReader`. Waits for the device."""
        self._numbers = float(loss), float(gradient_norm)
        self._decision = self._guard.judge(step, *self._numbers)
        return self._decision.action in ("go on", "note")

    def add(self, pending: PendingStep) -> None:
        """See `LossReader`."""
        self._made.append(ReadStep(pending, pending.event(*self._numbers), self._decision))

    def read(self, *, everything: bool = False) -> Iterator[ReadStep]:
        """See `LossReader`. Every step is due at once."""
        while self._made:
            yield self._made.popleft()

    def clear(self) -> None:
        """See `LossReader`."""
        self._made.clear()


class DeferredLosses:
    """Reads each loss `DELAY_STEPS` steps after its own, by when the device has it."""

    can_skip_spikes = False

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._numbers: Tensor | None = None  # [2], loss and gradient norm
        self._made: deque[tuple[PendingStep, Tensor, torch.cuda.Event | None]] = deque()

    def check(self, step: int, loss: Tensor, gradient_norm: Tensor) -> Tensor:
        """See `LossReader`. Never waits for the device."""
        self._numbers = torch.stack((loss.float(), gradient_norm.float()))
        return torch.isfinite(self._numbers.sum())

    def add(self, pending: PendingStep) -> None:
        """See `LossReader`. The numbers set out for the host, behind the work of their step."""
        numbers, arrived = self._numbers, None
        assert numbers is not None
        if numbers.device.type == "cuda":
            numbers = numbers.to("cpu", non_blocking=True)  # into pinned memory
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        self._made.append((pending, numbers, arrived))

    def read(self, *, everything: bool = False) -> Iterator[ReadStep]:
        """See `LossReader`."""
        while self._made and (everything or self._made[-1][0].step - self._made[0][0].step >= DELAY_STEPS):
            pending, numbers, arrived = self._made.popleft()
            if arrived is not None:
                arrived.synchronize()
            loss, gradient_norm = numbers.tolist()
            decision = self._guard.judge(pending.step, loss, gradient_norm)
            if decision.action == "skip" and decision.cause == "spike":
                decision = GuardDecision("note", "spike")  # its update was made
            yield ReadStep(pending, pending.event(loss, gradient_norm), decision)

    def clear(self) -> None:
        """See `LossReader`."""
        self._made.clear()
