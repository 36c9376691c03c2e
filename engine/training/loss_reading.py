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

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from babytrain.engine.training.guard import Guard, GuardDecision
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
