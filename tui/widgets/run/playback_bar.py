"""The bar of a replay: state, speed, position, and ticks where events happened. A click seeks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message

from babytrain.runs.playback.clock import PlaybackClock
from babytrain.runs.state.run_state import RunState
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.wording import format_clock
from babytrain.tui.widgets.common.line_widget import DIM, LineWidget, fit_columns

_MIN_BAR_COLUMNS = 6
_MAX_TICK_SHARE = 0.4  # of the columns; above it routine events are not marked
_ROUTINE_EVENTS = frozenset({"evaluation", "sample", "checkpoint"})


@dataclass(frozen=True)
class TimelineMark:
    """An event at `t` seconds that can be sought to."""

    t: float
    label: str
    style: str


def timeline_marks(state: RunState) -> list[TimelineMark]:
    """Every event worth seeking to, in order of time."""
    found = [
        *(TimelineMark(event.t, "evaluation", "$accent") for event in state.evals.events),
        *(TimelineMark(event.t, "sample", "$secondary") for event in state.samples.events),
        *(TimelineMark(event.t, "checkpoint", "$primary") for event in state.checkpoints.events),
        *(TimelineMark(event.t, "command", "$warning") for event in state.commands.events),
        *(TimelineMark(event.t, event.level, "$error") for event in state.log_messages.events if event.level != "info"),
        *(TimelineMark(event.t, "rescue", "$error") for event in state.guard_events.events),
        *(TimelineMark(event.t, f"{event.action}: {event.cause}", "$accent") for event in state.policy_events.events),
        *(TimelineMark(event.t, event.verdict, "$primary") for event in state.verdicts.events),
        *(TimelineMark(event.t, safe_line(event.text, 32), "$success") for event in state.milestones.events),
        *(TimelineMark(event.t, "resume", "$warning") for event in state.resumes.events),
        *(TimelineMark(event.t, "end", "$success") for event in state.session_ends.events),
    ]
    return sorted(found, key=lambda mark: mark.t)


def next_timeline_mark(marks: Sequence[TimelineMark], t: float, direction: int) -> TimelineMark | None:
    """The nearest mark after (`direction` 1) or before (-1) time `t`."""
    if direction > 0:
        return next((mark for mark in marks if mark.t > t + 1e-6), None)
    return next((mark for mark in reversed(marks) if mark.t < t - 1e-6), None)


class PlaybackBar(LineWidget):
    """One line; `show` draws it for the position of the clock."""

    @dataclass
    class Seek(Message):
        """A click or drag to `fraction` (0 to 1) of the recording."""

        fraction: float

    def __init__(self, clock: PlaybackClock, state: RunState, charset: CharsetName) -> None:
        super().__init__("playback-bar", charset)
        self.marks = timeline_marks(state)
        self._clock = clock
        self._bar = (0, 0)  # first column and width
        self._note = ""

    def show(self, note: str = "") -> None:
        """Redraw if it changed. `note` is the event at the position of the clock."""
        self._note = note
        self.redraw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Start dragging."""
        self.capture_mouse()
        self._seek(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Stop dragging."""
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Seek while dragging."""
        if self.app.mouse_captured is self:
            self._seek(event.x)

    def _seek(self, x: int) -> None:
        first, width = self._bar
        if width > 1 and (first <= x < first + width or self.app.mouse_captured is self):
            self.post_message(self.Seek(min(1.0, max(0.0, (x - first) / (width - 1)))))

    def build(self, width: int, height: int) -> list[Content]:
        """The line."""
        clock, glyphs = self._clock, self.glyphs
        symbol = glyphs.playing if clock.playing else glyphs.paused
        style = "bold $success" if clock.playing else "bold $warning"
        left = Content.assemble(" ", (symbol, style), " ", (f"{clock.speed_label:<4}", "bold"))
        position = f"{format_clock(clock.position)} / {format_clock(clock.duration)} "
        if self._note:
            position = f"{self._note}  {position}"
        room = width - left.cell_length - cell_len(position) - 2
        if room < _MIN_BAR_COLUMNS:
            self._bar = (0, 0)
            return [fit_columns(Content.assemble(left, " ", position), width)]
        self._bar = (left.cell_length + 1, room)
        bar = playback_track(clock.position, clock.duration, self.marks, room, glyphs)
        return [Content.assemble(left, " ", bar, " ", (position, DIM))]


def playback_track(t: float, duration: float, marks: Sequence[TimelineMark], width: int, glyphs: Glyphs) -> Content:
    """A line of `width` columns with the position at `t` and a tick in columns with events."""
    share = t / duration if duration > 0 else 1.0
    head = round(min(1.0, max(0.0, share)) * (width - 1))
    ticks = _ticks(marks, duration, width)
    if len(ticks) > width * _MAX_TICK_SHARE:
        ticks = _ticks([mark for mark in marks if mark.label not in _ROUTINE_EVENTS], duration, width)
    cells = [(glyphs.bar_full, "$primary")] * head + [(glyphs.bar_rest, "$foreground 20%")] * (width - head)
    for column, style in ticks.items():
        cells[column] = (glyphs.tick, style if column < head else "$foreground 40%")
    cells[head] = (glyphs.head, "bold $primary")
    # Neighbours of one style are one piece: fewer pieces to draw.
    pieces = groupby(cells, key=itemgetter(1))
    return Content.assemble(*(("".join(glyph for glyph, _ in piece), style) for style, piece in pieces))


def _ticks(marks: Sequence[TimelineMark], duration: float, width: int) -> dict[int, str]:
    last = width - 1
    known = [mark for mark in marks if math.isfinite(mark.t)] if duration > 0 else []
    return {round(min(1.0, max(0.0, mark.t / duration)) * last): mark.style for mark in known}
