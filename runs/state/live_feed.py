"""The connection between a training engine and the screen that shows it, in one process.

Steps go into shared columns, everything rarer onto a queue, commands come back on another. Nothing here blocks and
nothing here takes a lock in the training step. The columns hold what the journal would: of a run too long to keep every
step, several make one row, so that a week needs no more memory than an hour.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from queue import SimpleQueue

from babytrain.runs.events import AnyEvent, Command, CommandAction, Request, Resumed, SamplePiece, Step
from babytrain.runs.state.columns import StepColumns
from babytrain.runs.state.thinning import MAX_STEP_LINES, StepThinner, planned_steps, steps_per_line

# Steps that are slow as well as many do not wait for their row to be complete for longer than a second or this share of
# the time the run has taken, or else the screen would not move.
MAX_ROW_WAIT_SECONDS = 1.0
MAX_ROW_WAIT_SHARE = 1 / 20_000
SPARE_ROWS = 1.1  # evaluations, samples and checkpoints each end a row before its time


class LiveFeed:
    """One run being trained: the engine writes `steps` and `events`, the screen reads them and sends requests."""

    def __init__(self) -> None:
        self.steps = StepColumns()
        self.events: SimpleQueue[AnyEvent] = SimpleQueue()
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.cancelled: set[int] = set()  # cancelled requests; read between two tokens
        self.stop_requested = threading.Event()  # read at every step: stops without a request
        self._ids = itertools.count(1)
        self._thinner = StepThinner(1)
        self._last_row_t = 0.0

    def publish_step(self, event: Step) -> None:
        """A finished step. Engine's thread only."""
        if self._thinner.stride == 1:
            self.steps.append_step(event)
            return
        self._append_rows(self._thinner.add(event))
        if event.t - self._last_row_t >= max(MAX_ROW_WAIT_SECONDS, event.t * MAX_ROW_WAIT_SHARE):
            self._append_rows(self._thinner.flush())

    def publish(self, event: AnyEvent) -> None:
        """Anything but a step, after all the steps before it. Engine's thread only."""
        if not isinstance(event, SamplePiece):
            self._append_rows(self._thinner.flush())
            if isinstance(event, Resumed):
                self.steps.drop_after(event.step)  # after the flush: steps that waited for their row may be among them
            elif isinstance(event, Command):  # requests are answered in order: this one and all before it are done
                self.cancelled.difference_update(
                    [request_id for request_id in tuple(self.cancelled) if request_id <= event.command_id]
                )
            self._plan(event)
        self.events.put(event)

    def _plan(self, event: AnyEvent) -> None:
        """Settle how many steps make a row for a run of this length, and take the memory for all of them."""
        total_steps = planned_steps(event)
        if total_steps is not None:
            self._thinner.stride = steps_per_line(total_steps)
            rows = max(0.0, total_steps - event.step) / self._thinner.stride
            if self.steps.capacity - self.steps.count < rows <= MAX_STEP_LINES:
                self.steps.reserve(self.steps.count + int(SPARE_ROWS * rows))

    def _append_rows(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            if isinstance(event, Step):
                self.steps.append_step(event)
                self._last_row_t = event.t

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> Request:
        """Send a command to the engine; it is applied at the next step boundary."""
        request = Request(command_id=next(self._ids), action=action, dial=dial, value=value, text=text)
        self.requests.put(request)
        return request

    def cancel(self, request: Request) -> None:
        """Give up on a request: a text being written ends where it is."""
        self.cancelled.add(request.command_id)

    def drain_events(self) -> list[AnyEvent]:
        """Every event published since the last call, in order."""
        return [self.events.get_nowait() for _ in range(self.events.qsize())]
