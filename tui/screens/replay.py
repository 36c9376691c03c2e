"""A recorded run, played again: the run screen with the keys of a recorder."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from babytrain.runs.playback import PlaybackClock, quiet_gaps
from babytrain.runs.state import Moment, RunState
from babytrain.tui.charset import CharsetName
from babytrain.tui.engine_client.run_sources import ReplaySource
from babytrain.tui.frame_budget import Due
from babytrain.tui.keymap import MODES, Mode, bindings_in, refusals
from babytrain.tui.screens.run import RunScreen
from babytrain.tui.widgets.transport import Transport, next_timeline_mark
from babytrain.tui.wording import State, status_of

SKIP_SECONDS = 5.0
SKIP_SHARE = 0.01  # of a run so long that seconds lead nowhere
LONGEST_SILENCE_SECONDS = 5.0


class ReplayScreen(RunScreen):
    """Plays `state`; `playing` from the start, otherwise it stands at its end."""

    mode: ClassVar[Mode] = "replay"
    program: ClassVar[str] = "replay"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_in(*MODES["replay"]), *refusals("replay")]

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
        super().__init__(ReplaySource(state, self.clock), title, charset)
        self._folder = folder
        set_speed(self.clock, speed)
        if playing:
            self.clock.play()
        else:
            self.clock.seek(self.clock.duration)
        self._note = ""

    def compose_below(self) -> ComposeResult:
        """The bar with the head."""
        yield Transport(self.clock, self.source.state, self._charset)

    @property
    def run_folder(self) -> Path | None:
        """The recorded run's, if it is here."""
        return self._folder

    def change_token(self, moment: Moment) -> object:
        """The head moves also where nothing happens."""
        return (super().change_token(moment), self.clock.position, self.clock.playing, self.clock.speed)

    def draw(self, moment: Moment, due: Due) -> None:
        """The bar keeps pace with the chart."""
        super().draw(moment, due)
        if due.chart:
            self.query_one(Transport).show(self._note)

    def run_state(self, moment: Moment) -> State:
        """A recording that simply breaks off is of a run that was killed."""
        if moment.ended is None and self.clock.position >= self.clock.duration:
            return status_of("interrupted", self.glyphs)
        return super().run_state(moment)

    def refusal(self) -> str:
        """Why a recording does nothing."""
        return "this is a recording, there is no model to command. esc, then n or r trains."

    def action_toggle_play(self) -> None:
        """Play or hold."""
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
        """By 5 seconds, or by 1% of a long run, `count` times."""
        self._seek(self.clock.position + count * max(SKIP_SECONDS, SKIP_SHARE * self.clock.duration))

    def action_seek_start(self) -> None:
        """To the start."""
        self._seek(0.0)

    def action_seek_end(self) -> None:
        """To the end."""
        self._seek(self.clock.duration)

    def action_seek_event(self, direction: int) -> None:
        """To the next (1) or previous (-1) thing that happened."""
        mark = next_timeline_mark(self.query_one(Transport).marks, self.clock.position, direction)
        if mark is None:
            self._seek(self.clock.duration if direction > 0 else 0.0)
        else:
            self._seek(mark.t, mark.word)

    @on(Transport.Seek)
    def _dragged(self, message: Transport.Seek) -> None:
        self._seek(message.fraction * self.clock.duration)

    def _seek(self, t: float, note: str = "") -> None:
        self._note = note
        self.clock.seek(t)
        self.refresh_now()


def make_clock(state: RunState) -> PlaybackClock:
    """A clock over a recording that jumps over the time in which nothing happened."""
    clock = PlaybackClock(max(0.0, state.at().t))
    timelines = (state.evals, state.samples, state.commands, state.checkpoints, state.notes, state.resumes)
    times = [event.t for timeline in timelines for event in timeline.events]
    times.extend(state.steps.t[: state.steps.count].tolist())
    clock.set_gaps(quiet_gaps(sorted(times), LONGEST_SILENCE_SECONDS))
    return clock


def set_speed(clock: PlaybackClock, wanted: float) -> None:
    """The slowest speed that is not below `wanted`."""
    while (before := clock.speed) > wanted:
        clock.slower()
        if clock.speed == before:
            return
    while (before := clock.speed) < wanted:
        clock.faster()
        if clock.speed == before:
            return
