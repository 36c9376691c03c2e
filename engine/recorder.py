"""Everything the engine says goes through here: into the journal, and onto the feed for whoever watches.

Choices: only the training thread writes the journal, so other threads (telemetry) hand their events over and the
training thread files them between steps; losses may stay on the device for a while and are read in batches, so that a
GPU never waits for a number on its way to a sparkline.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

from babytrain.runs.events import AnyEvent, GpuReading, HostReading, Note, NoteLevel, SamplePiece, Step, Vitals
from babytrain.runs.feed import LiveFeed


class EventSink(Protocol):
    """Where events are kept; the journal writer is one."""

    def append(self, event: AnyEvent) -> None:
        """Keep one event."""


class Recorder:
    """The engine's voice. `t` counts seconds of running time on from `start_t`."""

    def __init__(
        self, sink: EventSink, feed: LiveFeed, *, start_t: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sink = sink
        self._feed = feed
        self._clock = clock
        self._origin = clock() - start_t
        self._handed_over: SimpleQueue[AnyEvent] = SimpleQueue()
        self.step = 0  # finished optimizer steps, kept by the trainer

    def now(self) -> float:
        """Seconds of running time."""
        return self._clock() - self._origin

    def emit(self, event: AnyEvent) -> None:
        """Publish an event and file it. Training thread only."""
        self._feed.events.put(event)
        if not isinstance(event, SamplePiece):
            self._sink.append(event)

    def note(self, text: str, level: NoteLevel = "info") -> None:
        """A line for the log pane."""
        self.emit(Note(t=self.now(), step=self.step, level=level, text=text))

    def record_step(self, event: Step) -> None:
        """A finished step: a row in the shared columns and a line in the journal."""
        self._feed.steps.append(
            step=event.step,
            t=event.t,
            loss=event.loss,
            learning_rate=event.learning_rate,
            gradient_norm=event.gradient_norm,
            tokens=event.tokens,
            step_seconds=event.step_seconds,
        )
        self._sink.append(event)

    def publish_vitals(self, host: HostReading, gpus: tuple[GpuReading, ...], gpu_note: str) -> None:
        """Sensor readings from the telemetry thread: shown at once, filed by the training thread's next look."""
        event = Vitals(t=self.now(), step=self.step, host=host, gpus=gpus, gpu_note=gpu_note)
        self._feed.events.put(event)
        self._handed_over.put(event)

    def file_handed_over(self) -> None:
        """Write what other threads handed over. Training thread only."""
        while True:
            try:
                event = self._handed_over.get_nowait()
            except Empty:
                return
            self._sink.append(event)
