"""Where a run on the screen comes from: a live engine, a recorded journal, or one that somebody else is writing.

The screens see only this protocol, so live, watched and replayed runs are the same screen fed by the same events.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, Protocol

from babytrain.runs.events import CommandAction, Request
from babytrain.runs.journal import JournalTail
from babytrain.runs.playback.clock import PlaybackClock
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunSnapshot, RunState

SourceKind = Literal["live", "replay", "watch"]


class RunSource(Protocol):
    """A run as the screens see it."""

    kind: SourceKind
    state: RunState

    def poll(self) -> None:
        """Take in whatever is new. Called by the screen's timer; never blocks."""

    def snapshot(self) -> RunSnapshot:
        """The run as it should be shown now."""

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> Request | None:
        """Send a command to the engine; None where nobody is there to obey it."""


class LiveSource:
    """A run that this process is training."""

    kind: SourceKind = "live"

    def __init__(self, feed: LiveFeed, state: RunState | None = None) -> None:
        self.feed = feed
        self.thread_ended = False  # nobody answers any more, whether or not the end of the run is on record
        self.state = state or RunState(steps=feed.steps, shares_steps=True)

    def poll(self) -> None:
        """Apply what the engine published since the last call."""
        self.state.apply_all(self.feed.drain_events())

    def snapshot(self) -> RunSnapshot:
        """The newest state."""
        return self.state.at(math.inf)

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> Request | None:
        """Put a request on the engine's queue."""
        return self.feed.ask(action, value, text, dial)


class ReplaySource:
    """A recorded run, shown at the time its clock says."""

    kind: SourceKind = "replay"

    def __init__(self, state: RunState, clock: PlaybackClock) -> None:
        self.state = state
        self.clock = clock

    def poll(self) -> None:
        """Move the clock on by one frame."""
        self.clock.advance()

    def snapshot(self) -> RunSnapshot:
        """The run as it stood at the clock's position."""
        return self.state.at(self.clock.position)

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> Request | None:
        """A recording obeys nobody."""
        return None


class WatchSource:
    """A run that another process is training: its journal, followed as it grows."""

    kind: SourceKind = "watch"

    def __init__(self, journal: Path) -> None:
        self.state = RunState()
        self._tail = JournalTail(journal)

    def poll(self) -> None:
        """Read what was appended since the last call."""
        events = self._tail.poll()
        if self._tail.restarted:  # another file in its place: what was seen so far is not this run's
            self.state = RunState()
        self.state.apply_all(events)
        self.state.bad_lines = self._tail.bad_lines
        self.state.unknown_lines = self._tail.unknown_lines

    def snapshot(self) -> RunSnapshot:
        """The newest state on disk."""
        return self.state.at(math.inf)

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> Request | None:
        """The run belongs to another process; it takes no commands from here."""
        return None
