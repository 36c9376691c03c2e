"""The wire between a training engine and whoever watches it, in one process.

Steps go into shared columns, everything rarer onto a queue, commands come back on another. Nothing here blocks and
nothing here takes a lock in the training step.
"""

from __future__ import annotations

import itertools
import threading
from queue import Empty, SimpleQueue

from babytrain.runs.columns import StepColumns
from babytrain.runs.events import AnyEvent, CommandAction, Request


class LiveFeed:
    """One run being trained: the engine writes `steps` and `events`, the watcher reads them and sends requests."""

    def __init__(self) -> None:
        self.steps = StepColumns()
        self.events: SimpleQueue[AnyEvent] = SimpleQueue()
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.stop_requested = threading.Event()  # looked at every step: the way out when there is no time to ask
        self._ids = itertools.count(1)

    def ask(self, action: CommandAction, value: float | None = None, text: str = "") -> Request:
        """Send a command to the engine; it is applied at the next step boundary."""
        request = Request(command_id=next(self._ids), action=action, value=value, text=text)
        self.requests.put(request)
        return request

    def drain_events(self) -> list[AnyEvent]:
        """Every event published since the last call, in order."""
        events: list[AnyEvent] = []
        while True:
            try:
                events.append(self.events.get_nowait())
            except Empty:
                return events
