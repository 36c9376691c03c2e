"""Where a run on the screen comes from: a live engine, a recorded journal, or the journal of another process."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from babytrain.runs.events import Command, CommandAction, Request
from babytrain.runs.journal import JournalTail
from babytrain.runs.playback.clock import PlaybackClock
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.run_list import find_moved_run
from babytrain.runs.store.summary import run_id_in_journal

SourceKind = Literal["live", "replay", "watch"]

LOOK_SECONDS = 1.0  # between looks at whether a watched run has moved


class RunSource(Protocol):
    """A run as the screens see it."""

    kind: SourceKind
    state: RunState

    def poll(self) -> None:
        """Apply new events. Called by the screen's timer; never blocks."""

    def snapshot(self) -> RunSnapshot:
        """The run to show now."""


@dataclass(frozen=True)
class SentRequest:
    """A request to the engine. An earlier session of the run may have used the same id."""

    request: Request
    commands_before: int  # in the journal when it was sent
    sent_at: float  # seconds of the monotonic clock

    def answer(self, state: RunState) -> Command | None:
        """Its `command` event, None before the engine has applied or refused it."""
        newer = state.commands.events[self.commands_before :]
        return next((command for command in newer if command.command_id == self.request.command_id), None)


class LiveSource:
    """A run that this process is training."""

    kind: SourceKind = "live"

    def __init__(self, feed: LiveFeed, state: RunState | None = None) -> None:
        self.feed = feed
        self.thread_ended = False  # requests are not answered any more
        self.state = state or RunState(steps=feed.steps, shares_steps=True)

    def poll(self) -> None:
        """Apply what the engine published since the last call."""
        self.state.apply_all(self.feed.drain_events())

    def snapshot(self) -> RunSnapshot:
        """The newest state."""
        return self.state.at(math.inf)

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> SentRequest:
        """Put a request on the engine's queue."""
        return SentRequest(self.feed.ask(action, value, text, dial), len(self.state.commands), time.monotonic())


class ReplaySource:
    """A recorded run, shown at the time of its clock."""

    kind: SourceKind = "replay"

    def __init__(self, state: RunState, clock: PlaybackClock) -> None:
        self.state = state
        self.clock = clock

    def poll(self) -> None:
        """Advance the clock by one frame."""
        self.clock.advance()

    def snapshot(self) -> RunSnapshot:
        """The run at the clock's position."""
        return self.state.at(self.clock.position)


class WatchSource:
    """A run that another process trains: its journal, read as it grows, also in another folder if the run moves."""

    kind: SourceKind = "watch"

    def __init__(self, journal: Path) -> None:
        self.state = RunState()
        self.folder = RunFolder(journal.parent)
        self._tail = JournalTail(journal)
        self._looked_at = time.monotonic()

    def poll(self) -> None:
        """Read what was appended since the last call."""
        if self.state.started is not None and time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._follow(self.state.started.run_id)
            self._looked_at = time.monotonic()
        events = self._tail.poll()
        if self._tail.restarted:  # the file was replaced
            self.state = RunState()
        self.state.apply_all(events)
        self.state.bad_lines = self._tail.bad_lines
        self.state.unknown_lines = self._tail.unknown_lines

    def _follow(self, run_id: str) -> None:
        """If the journal is gone or is that of another run, go on with the folder to which this run was moved."""
        if run_id_in_journal(self._tail.path) == run_id:
            return
        moved = find_moved_run(self.folder.path.parent, run_id)
        if moved is not None and moved.journal != self._tail.path:
            self.folder, self._tail, self.state = moved, JournalTail(moved.journal), RunState()

    def snapshot(self) -> RunSnapshot:
        """The newest state on disk."""
        return self.state.at(math.inf)
