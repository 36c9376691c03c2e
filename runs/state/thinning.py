"""Long runs kept small: every k consecutive steps become one line with their mean and range.

A million steps would be a 120 MB journal that takes seconds to open, and no chart has a million columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from babytrain.runs.events import AnyEvent, Command, Resumed, Started, Step, Vitals

MAX_STEP_LINES = 200_000


def steps_per_line(total_steps: float) -> int:
    """How many steps share a line so that a run of `total_steps` keeps at most about `MAX_STEP_LINES` of them."""
    return max(1, math.ceil(total_steps / MAX_STEP_LINES)) if math.isfinite(total_steps) else 1


def planned_steps(event: AnyEvent) -> float | None:
    """The step at which the run will end from here on, if the event says so."""
    match event:
        case Started() | Resumed():
            return event.total_steps
        case Command(dials={"total_steps": int() as total_steps}):  # an undo among them
            return total_steps
        case _:
            return None


class StepThinner:
    """Merges every `stride` consecutive steps into one event; everything else passes through in order.

    An event about the run's progress (evaluation, checkpoint, command, ...) first flushes the steps before it, so that
    a resume always finds a line boundary at its checkpoint. Sensor readings come by the clock and say nothing about a
    step: they pass without a flush, or a slow run would never merge anything.
    """

    def __init__(self, stride: int) -> None:
        if stride < 1:
            raise ValueError(f"a stride is at least 1, not {stride}")
        self.stride = stride
        self._waiting: list[Step] = []
        self._waiting_steps = 0

    def add(self, event: AnyEvent) -> list[AnyEvent]:
        """Take one event; returns the events that are ready to be written, oldest first."""
        if not isinstance(event, Step):
            return [event] if isinstance(event, Vitals) else [*self.flush(), event]
        self._waiting.append(event)
        self._waiting_steps += event.merged
        return list(self.flush()) if self._waiting_steps >= self.stride else []

    def flush(self) -> Sequence[AnyEvent]:
        """The steps still waiting, merged; empty when none wait."""
        if not self._waiting:
            return []
        waiting, self._waiting, self._waiting_steps = self._waiting, [], 0
        return [merge_steps(waiting)]


def merge_steps(steps: Sequence[Step]) -> Step:
    """One event for some consecutive steps: mean loss and its range, seconds summed, the rest from the last.

    A NaN or infinite loss makes the mean non-finite, as it should: it is what one looks for. The range is over the
    finite losses, and over all when there are none.
    """
    last = steps[-1]
    if len(steps) == 1:
        return last
    count = sum(step.merged for step in steps)
    # The mean of merged steps is no extreme of theirs, though rounding may put it a hair outside their range.
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
