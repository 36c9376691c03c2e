"""The connection between a training engine and the screen that shows it, in one process.

Steps go into shared columns, rarer events onto a queue, and requests come back on another; the training step takes no
lock. Like the journal, the columns merge the steps of a very long run, so memory is bounded.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from babytrain.runs.events import AnyEvent, Command, CommandAction, Phase, Request, Resumed, SamplePiece, Step
from babytrain.runs.state.columns import StepColumns
from babytrain.runs.state.thinning import MAX_STEP_LINES, StepThinner, planned_steps, steps_per_line

# A row of merged steps is published incomplete after a second or this share of the running time, so that the screen
# moves in a run with slow steps.
MAX_ROW_WAIT_SECONDS = 1.0
MAX_ROW_WAIT_SHARE = 1 / 20_000
SPARE_ROWS = 1.1  # evaluations, samples and checkpoints end rows early


class LiveFeed:
    """One run being trained: the engine writes `steps` and `events`, the screen reads them and sends requests."""

    def __init__(self) -> None:
        self.steps = StepColumns()
        self.events: SimpleQueue[AnyEvent] = SimpleQueue()
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.cancelled: set[int] = set()  # cancelled requests; read between two tokens
        self.history_t = -1.0  # events up to this running time, in seconds, are of earlier sessions of the run
        self.stop_requested = threading.Event()  # read at every step: stops without a request
        self.on_answer: Callable[[], None] = lambda: None  # called in the engine's thread after a command or a phase
        self._ids = itertools.count(1)
        self._thinner = StepThinner(1)
        self._last_row_t = 0.0

    def publish_step(self, event: Step) -> None:
        """Publish a finished step. Engine's thread only."""
        if self._thinner.stride == 1:
            self.steps.append_step(event)
            return
        self._append_rows(self._thinner.add(event))
        if event.t - self._last_row_t >= max(MAX_ROW_WAIT_SECONDS, event.t * MAX_ROW_WAIT_SHARE):
            self._append_rows(self._thinner.flush())

    def publish(self, event: AnyEvent) -> None:
        """Publish any other event, after all steps before it. Engine's thread only."""
        if not isinstance(event, SamplePiece):
            self._append_rows(self._thinner.flush())
            if isinstance(event, Resumed):
                self.steps.drop_after(event.step)  # after the flush, which may add some of these steps
            elif isinstance(event, Command):  # requests are answered in order, so all up to this one are done
                self.cancelled.difference_update(
                    [request_id for request_id in tuple(self.cancelled) if request_id <= event.command_id]
                )
            self._plan(event)
        self.events.put(event)
        if isinstance(event, Phase) or (isinstance(event, Command) and event.action != "predict"):
            self.on_answer()

    def _plan(self, event: AnyEvent) -> None:
        """Set how many steps make a row for a run of this length, and allocate all rows."""
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
        """Send a request to the engine, which applies it between two steps."""
        request = Request(command_id=next(self._ids), action=action, dial=dial, value=value, text=text)
        self.requests.put(request)
        return request

    def cancel(self, request: Request) -> None:
        """Cancel a request: a text being written ends where it is."""
        self.cancelled.add(request.command_id)

    def drain_events(self) -> list[AnyEvent]:
        """Every event published since the last call, in order."""
        return [self.events.get_nowait() for _ in range(self.events.qsize())]
