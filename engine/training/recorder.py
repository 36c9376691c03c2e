"""Writes every event of a session into the journal and publishes it on the feed for the screens of this process.

Only the training thread writes the journal; it writes the events of other threads between steps.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

from babytrain.runs.events import (
    AnyEvent,
    Ended,
    Energy,
    GpuReading,
    GuardEvent,
    HostReading,
    LogLevel,
    LogMessage,
    Phase,
    PhaseName,
    SamplePiece,
    Step,
    Storage,
    Vitals,
)
from babytrain.runs.journal import JournalWriter
from babytrain.runs.state.elapsed_time import PAUSED_PHASES
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.throttling import MAX_SENSOR_GAP_SECONDS, slowdown_reasons
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.training_folder import TrainingFolder

# Sensor readings are written every second for this long, then at intervals of age / this: a week takes a few megabytes.
DENSE_VITALS_SECONDS = 3600.0
THROTTLING_WINDOW_SECONDS = 60.0
# Energy is a running total: a line every ten seconds is enough, and later one every few minutes.
ENERGY_SECONDS, DENSE_ENERGY_SECONDS = 10.0, 1000.0
LOOK_SECONDS = 1.0  # between looks at the files of the run


class Recorder:
    """Writes the events of a session into `journal` and publishes them on `feed`; `folder` is that of the run.

    `files` watches over the folder; when the run moves to a new one, `on_folder` gets it.
    Running time starts at `start_t` seconds, of which earlier sessions paused and rested for `held_before`.
    """

    def __init__(
        self,
        journal: JournalWriter,
        feed: LiveFeed,
        folder: RunFolder,
        *,
        start_t: float = 0.0,
        held_before: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        listener: Callable[[AnyEvent], None] | None = None,
        files: TrainingFolder | None = None,
        on_folder: Callable[[RunFolder], None] | None = None,
    ) -> None:
        self.feed, self.folder = feed, folder
        self._files, self._on_folder = files, on_folder
        self._looked_at = -math.inf  # by the clock
        self.looks = 0  # at the files so far
        self._journal, self._clock = journal, clock
        self._origin = clock() - start_t
        self._listener = listener  # gets every step and event, in order, before anything is merged
        self._handed_over: SimpleQueue[AnyEvent] = SimpleQueue()
        self._journal_failed = False
        self._dropped = 0  # lines dropped by the journal that were reported
        self._vitals_written_t = self._energy_written_t = -math.inf
        self._energy: Energy | None = None  # the newest that is not written yet
        self._ended = False
        self._divergence_t = start_t  # plus the time the run was held since
        self._held_since: float | None = None
        self._held_seconds = 0.0  # in pauses and rests that are over
        self._held_before = held_before
        self._throttled: deque[tuple[float, float]] = deque(
            maxlen=int(THROTTLING_WINDOW_SECONDS)
        )  # from when until when
        self._newest_reading = (0.0, False)  # time of the reading, and whether the card was throttled
        self.step = 0  # finished optimizer steps, kept by the trainer
        self.phase: PhaseName = "loading"

    def now(self) -> float:
        """Seconds of running time."""
        return self._clock() - self._origin

    def enter(self, phase: PhaseName) -> None:
        """Record a new phase of the engine."""
        if phase != self.phase:
            self.emit(Phase(t=self.now(), step=self.step, phase=phase))

    def emit(self, event: AnyEvent) -> None:
        """Publish an event and write it. Training thread only."""
        match event:
            case Phase():
                self._enter_phase(event)
            case Ended():
                self._ended = True
            case GuardEvent(cause="diverging" | "not finite"):
                self._divergence_t = event.t
        self.feed.publish(event)
        if not isinstance(event, SamplePiece):
            self._journal.append(event)
        if self._listener is not None:
            self._listener(event)

    def note(self, text: str, level: LogLevel = "info") -> None:
        """A line for the log pane."""
        self.emit(self._message(text, level))

    def record_step(self, event: Step) -> None:
        """A finished step: a row in the shared columns and a line in the journal."""
        self.feed.publish_step(event)
        self._journal.append(event)
        if self._listener is not None:
            self._listener(event)

    def publish_vitals(self, host: HostReading, gpus: tuple[GpuReading, ...], gpu_note: str) -> None:
        """Sensor readings from the telemetry thread: shown at once, written later by the training thread."""
        event = Vitals(t=self.now(), step=self.step, host=host, gpus=gpus, gpu_note=gpu_note)
        read_t, throttled = self._newest_reading
        self._newest_reading = (event.t, bool(slowdown_reasons(event)))
        if throttled:
            self._throttled.append((read_t, min(event.t, read_t + MAX_SENSOR_GAP_SECONDS)))
        self.feed.events.put(event)
        self._handed_over.put(event)

    def publish(self, event: AnyEvent) -> None:
        """An event of another thread: shown at once, written later by the training thread."""
        self.feed.events.put(event)
        self._handed_over.put(event)

    def seconds_since_divergence(self) -> float:
        """Seconds since the run last diverged or a loss was not finite, without pauses and rests."""
        return (self.now() if self._held_since is None else self._held_since) - self._divergence_t

    def held_seconds(self) -> float:
        """Seconds of this session in pauses and policy pauses, without rests between two steps."""
        since = self._held_since
        return self._held_seconds + (self.now() - since if since is not None else 0.0)

    def working_seconds(self) -> float:
        """Running time of all sessions so far, in seconds, without pauses and rests."""
        return self.now() - self._held_before - self.held_seconds()

    def throttled_seconds(self) -> float:
        """How many of the last sixty seconds the card was throttled. A reading is valid until the next."""
        now = self.now()
        read_t, throttled = self._newest_reading
        newest = [(read_t, min(now, read_t + MAX_SENSOR_GAP_SECONDS))] if throttled else []
        since = now - THROTTLING_WINDOW_SECONDS
        return sum(max(0.0, end - max(start, since)) for start, end in (*tuple(self._throttled), *newest))

    def write_handed_over(self, *, last: bool = False) -> None:
        """Write the events of other threads, and report when the journal fails or works again. Training thread only.

        Energy is written at intervals, with `last` in any case. Nothing is written after an `Ended`.
        """
        failed = self._journal.failing_since is not None
        if failed != self._journal_failed:
            self._journal_failed = failed
            reason = self._journal.last_error if failed else ""
            self.emit(Storage(t=self.now(), step=self.step, what="journal", failing=failed, reason=reason))
            if failed:
                self.note(
                    f"The journal cannot be written ({reason}). Training goes on and the lines wait in "
                    "memory: make room and they will be written.",
                    "error",
                )
            else:
                dropped = self._journal.dropped - self._dropped
                self._dropped += dropped
                missing = f"{dropped:,} lines of it are missing" if dropped else "nothing of it is missing"
                self.note(f"The journal is being written again; {missing}.")
        self._take_handed_over()
        self.look_at_files()
        energy = self._energy
        if energy is None or self._ended:
            return
        if last or energy.t - self._energy_written_t >= max(ENERGY_SECONDS, energy.t / DENSE_ENERGY_SECONDS):
            self._energy, self._energy_written_t = None, energy.t
            self._journal.append(energy)

    def look_at_files(self, *, now: bool = False) -> str:
        """About once a second, or `now`: see that the run's files are still there, and mend what is not.

        Returns why the run has no folder at the moment, or "". Training thread only.
        """
        if self._files is None or not (now or self._clock() - self._looked_at >= LOOK_SECONDS):
            return ""
        self._looked_at = self._clock()
        self.looks += 1
        problem = self._files.problem
        for sentence in self._files.look(lambda text: self._message(text, "error")):
            self._say_of_files(sentence)
        if self._files.folder != self.folder:
            self.folder = self._files.folder
            if self._on_folder is not None:
                self._on_folder(self.folder)
        if bool(problem) != bool(self._files.problem) and not self._ended:
            problem = self._files.problem
            self.emit(Storage(t=self.now(), step=self.step, what="folder", failing=bool(problem), reason=problem))
        return self._files.problem

    def is_stopping(self) -> bool:
        """Whether a stop was requested; long work asks often, so the files are looked at too. Training thread only."""
        self.look_at_files()
        return self.feed.stop_requested.is_set()

    def _say_of_files(self, sentence: str) -> None:
        """Log what became of the files; nothing is written into the journal after an `Ended`."""
        message = self._message(sentence, "error")
        if self._ended:
            self.feed.publish(message)
        else:
            self.emit(message)

    def _message(self, text: str, level: LogLevel) -> LogMessage:
        return LogMessage(t=self.now(), step=self.step, level=level, text=text)

    def _enter_phase(self, event: Phase) -> None:
        self.phase = event.phase
        if self._held_since is not None:
            self._divergence_t += event.t - self._held_since
            self._held_seconds += event.t - self._held_since
        self._held_since = event.t if event.phase in PAUSED_PHASES else None

    def _take_handed_over(self) -> None:
        while True:
            try:
                event = self._handed_over.get_nowait()
            except Empty:
                return
            if isinstance(event, Energy):
                self._energy = event
            elif not self._ended and not (isinstance(event, Vitals) and self._is_dense(event)):
                self._journal.append(event)

    def _is_dense(self, event: Vitals) -> bool:
        """Whether the last written reading is recent enough to leave this one out."""
        if event.t - self._vitals_written_t < event.t / DENSE_VITALS_SECONDS:
            return True
        self._vitals_written_t = event.t
        return False
