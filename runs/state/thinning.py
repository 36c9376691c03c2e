"""Merging of consecutive steps into one line, so that the journal of a long run stays small."""

from __future__ import annotations

import math
from collections.abc import Sequence

from babytrain.runs.events import AnyEvent, Command, Resumed, Started, Step, Vitals

MAX_STEP_LINES = 200_000


def steps_per_line(total_steps: float) -> int:
    """How many steps share a line so that a run of `total_steps` keeps about `MAX_STEP_LINES` at most."""
    return max(1, math.ceil(total_steps / MAX_STEP_LINES)) if math.isfinite(total_steps) else 1


def planned_steps(event: AnyEvent) -> float | None:
    """The step at which the run will end, if the event changes it."""
    match event:
        case Started() | Resumed():
            return event.total_steps
        case Command(dials={"total_steps": int() as total_steps}):  # an undo among them
            return total_steps
        case _:
            return None


class StepThinner:
    """Merges every `stride` consecutive steps into one event; everything else passes through in order.

    An event about progress first flushes the steps before it, so that a resume finds a line boundary at its checkpoint.
    Sensor readings do not flush, or a slow run would never merge anything.
    """

    def __init__(self, stride: int) -> None:
        if stride < 1:
            raise ValueError(f"a stride is at least 1, not {stride}")
        self.stride = stride
        self._waiting: list[Step] = []
        self._waiting_steps = 0

    def add(self, event: AnyEvent) -> list[AnyEvent]:
        """Add an event; returns the events ready to be written, oldest first."""
        if not isinstance(event, Step):
            return [event] if isinstance(event, Vitals) else [*self.flush(), event]
        self._waiting.append(event)
        self._waiting_steps += event.merged
        return list(self.flush()) if self._waiting_steps >= self.stride else []

    def flush(self) -> Sequence[AnyEvent]:
        """The waiting steps, merged."""
        if not self._waiting:
            return []
        waiting, self._waiting, self._waiting_steps = self._waiting, [], 0
        return [merge_steps(waiting)]


def merge_steps(steps: Sequence[Step]) -> Step:
    """One event for consecutive steps: mean loss and its range, seconds summed, the rest from the last.

    A NaN or infinite loss makes the mean non-finite; the range is over the finite losses, if any.
    """
    last = steps[-1]
    if len(steps) == 1:
        return last
    count = sum(step.merged for step in steps)
    # Not the mean of merged steps, which rounding may put just outside their range.
    lows = [step.loss if step.loss_min is None else step.loss_min for step in steps]
    highs = [step.loss if step.loss_max is None else step.loss_max for step in steps]
    extremes = lows + highs
    finite = [bound for bound in extremes if math.isfinite(bound)] or extremes
    return Step(
        t=last.t,
        step=last.step,
        loss=sum(step.loss * step.merged for step in steps) / count,
        learning_rate=last.learning_rate,
        gradient_norm=last.gradient_norm,
        tokens=last.tokens,
        step_seconds=sum(step.step_seconds for step in steps),
        loss_min=min(finite),
        loss_max=max(finite),
        merged=count,
    )
