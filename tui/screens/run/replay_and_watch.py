"""Run screens that take no commands: a replay, and a run that another process trains."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from babytrain.runs.playback.clock import PlaybackClock, quiet_gaps
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.runs.store.lock import lock_owner
from babytrain.tui.engine_client.run_sources import ReplaySource, WatchSource
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in, refusal_bindings
from babytrain.tui.notifications import NewMilestones
from babytrain.tui.screens.run.frame_budget import DueParts
from babytrain.tui.screens.run.run_screen import RunScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.text.wording import StatusLabel, status_label
from babytrain.tui.widgets.run.playback_bar import PlaybackBar, next_timeline_mark

SKIP_SECONDS = 5.0
SKIP_SHARE = 0.01  # of a long run, where 5 seconds would be too little
_MAX_IDLE_SECONDS = 5.0
_LOOK_SECONDS = 2.0  # between two looks at who trains a watched run


class ReplayScreen(RunScreen):
    """Replays `state`: from the start with `playing`, otherwise paused at its end."""

    mode: ClassVar[KeyMode] = "replay"
    program: ClassVar[str] = "replay"
    refusal: ClassVar[str] = "this is a recording, there is no model to command. esc, then n or r trains."
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_in(*SCOPES_BY_MODE["replay"]), *refusal_bindings("replay")]

    def __init__(
        self,
        state: RunState,
        title: str,
        charset: CharsetName,
        *,
        playing: bool = True,
        speed: float = 1.0,
        folder: Path | None = None,
    ) -> None:
        self.clock = make_clock(state)
        super().__init__(ReplaySource(state, self.clock), title, charset, lambda: folder)
        self.clock.set_speed(speed)
        if playing:
            self.clock.play()
        else:
            self.clock.seek(self.clock.duration)
        self._note = ""

    def compose_below(self) -> ComposeResult:
        """The playback bar."""
        yield PlaybackBar(self.clock, self.source.state, self.charset)

    def change_token(self, snapshot: RunSnapshot) -> object:
        """Includes the clock, which moves without events."""
        return (super().change_token(snapshot), self.clock.position, self.clock.playing, self.clock.speed)

    def draw(self, snapshot: RunSnapshot, due: DueParts) -> None:
        """Draw the bar with the chart."""
        super().draw(snapshot, due)
        if due.chart:
            self.query_one(PlaybackBar).show(self._note)

    def is_under_way(self, snapshot: RunSnapshot) -> bool:
        """Never: the end is on record, and the bar shows the duration."""
        return False

    def run_status(self, snapshot: RunSnapshot) -> StatusLabel:
        """A recording without an end event is of a run that was killed."""
        if snapshot.ended is None and self.clock.position >= self.clock.duration:
            return status_label("interrupted", self.glyphs)
        return super().run_status(snapshot)

    def action_toggle_play(self) -> None:
        """Play or pause."""
        self._note = ""
        self.clock.toggle()
        self.refresh_now()

    def action_change_speed(self, direction: int) -> None:
        """Faster (1) or slower (-1)."""
        if direction > 0:
            self.clock.faster()
        else:
            self.clock.slower()
        self.refresh_now()

    def action_skip(self, count: int) -> None:
        """Skip `count` times 5 seconds, or 1% of a long run."""
        self._seek(self.clock.position + count * max(SKIP_SECONDS, SKIP_SHARE * self.clock.duration))

    def action_seek(self, fraction: float) -> None:
        """Seek to a share of the recording, 0 to 1."""
        self._seek(fraction * self.clock.duration)

    def action_seek_event(self, direction: int) -> None:
        """Seek to the next (1) or previous (-1) event."""
        mark = next_timeline_mark(self.query_one(PlaybackBar).marks, self.clock.position, direction)
        if mark is None:
            self.action_seek(1 if direction > 0 else 0)
        else:
            self._seek(mark.t, mark.label)

    @on(PlaybackBar.Seek)
    def _dragged(self, message: PlaybackBar.Seek) -> None:
        self.action_seek(message.fraction)

    def _seek(self, t: float, note: str = "") -> None:
        self._note = note
        self.clock.seek(t)
        self.refresh_now()


def make_clock(state: RunState) -> PlaybackClock:
    """A clock over a recording that skips idle time."""
    clock = PlaybackClock(max(0.0, state.at().t))
    timelines = (state.evals, state.samples, state.commands, state.checkpoints, state.log_messages, state.resumes)
    times = [event.t for timeline in timelines for event in timeline.events]
    times.extend(state.steps.t[: state.steps.count].tolist())
    clock.set_gaps(quiet_gaps(sorted(times), _MAX_IDLE_SECONDS))
    return clock


class WatchScreen(RunScreen):
    """A read-only view of a run."""

    mode: ClassVar[KeyMode] = "watch"
    program: ClassVar[str] = "watching"
    refusal: ClassVar[str] = "another process trains this run; steer it there."
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_in(*SCOPES_BY_MODE["watch"]), *refusal_bindings("watch")]

    def __init__(self, journal: Path, title: str, charset: CharsetName) -> None:
        self._watched = WatchSource(journal)
        super().__init__(self._watched, title, charset, lambda: self._watched.folder.path)
        self._new_milestones = NewMilestones(from_now=True)
        self._was_trained = self._is_abandoned = False
        self._looked_at = -math.inf

    def is_under_way(self, snapshot: RunSnapshot) -> bool:
        """Not when the process that trained it is gone."""
        return not self._is_abandoned and super().is_under_way(snapshot)

    def change_token(self, snapshot: RunSnapshot) -> object:
        """Includes whether the run is still trained, which no event tells."""
        if (now := time.monotonic()) - self._looked_at >= _LOOK_SECONDS:
            is_trained = lock_owner(self._watched.folder) is not None
            self._was_trained |= is_trained
            self._is_abandoned, self._looked_at = self._was_trained and not is_trained, now
        return (super().change_token(snapshot), self._is_abandoned)

    def run_status(self, snapshot: RunSnapshot) -> StatusLabel:
        """A run whose process is gone without an end event was killed."""
        if self._is_abandoned and snapshot.ended is None:
            return status_label("interrupted", self.glyphs)
        return super().run_status(snapshot)
