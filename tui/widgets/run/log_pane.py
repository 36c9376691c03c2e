"""The log pane: the newest events of a run and captured output, one line each, newest at the bottom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, TypeAlias

from textual.binding import BindingType
from textual.content import Content

from babytrain.runs.events import (
    Checkpoint,
    Command,
    Ended,
    Eval,
    Event,
    GuardEvent,
    LogMessage,
    Milestone,
    PolicyEvent,
    Resumed,
    Verdict,
)
from babytrain.runs.events.timeline import Timeline
from babytrain.runs.formatting import format_count, format_loss, format_seconds
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.tui.notifications import milestones_by_step
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_content
from babytrain.tui.text.wording import CHECKPOINT_REASONS, describe_command, format_clock, status_label, verdict_label
from babytrain.tui.widgets.common.full_text import READ_BINDING, wrap_hanging
from babytrain.tui.widgets.common.line_widget import DIM
from babytrain.tui.widgets.common.text_pane import TextPane

MAX_LOG_LINES = 400


@dataclass(frozen=True)
class PrintedLine:
    """A line of captured output or a message of the program, at running time `t` in seconds."""

    t: float
    step: int
    text: str


LogEvent: TypeAlias = Event | PrintedLine


def log_key(snapshot: RunSnapshot, printed: int) -> tuple[int, ...]:
    """Changes whenever the log does; `printed` counts the printed lines."""
    timelines = (*_logged(snapshot.state), snapshot.state.commands)
    return (*(timeline.count_until(snapshot.t) for timeline in timelines), printed)


def _logged(state: RunState) -> tuple[Timeline[Any], ...]:
    """The event timelines that are logged, in the order used for events of the same time."""
    often = (state.evals, state.checkpoints, state.log_messages)
    rare = (state.guard_events, state.policy_events, state.milestones, state.verdicts)
    # A resume begins at the very time at which the session before it ended.
    return (*often, *rare, state.session_ends, state.resumes)


def recent_events(snapshot: RunSnapshot, printed: Sequence[PrintedLine], limit: int = MAX_LOG_LINES) -> list[LogEvent]:
    """The newest events that are logged, oldest first."""
    state, t = snapshot.state, snapshot.t
    events: list[LogEvent] = []
    for timeline in _logged(state):
        end = timeline.count_until(t)
        newest = timeline.events[max(0, end - limit) : end]
        events.extend(milestones_by_step(newest) if timeline is state.milestones else newest)
    # Commands are logged when answered; the dials pane shows pending ones. Predictions are requested with every letter
    # typed in the chat, so they are not logged.
    events += [
        command
        for command in state.commands.until(t)[-2 * limit :]
        if command.status == "refused" or (command.status == "applied" and command.action != "predict")
    ]
    events.extend(line for line in printed if line.t <= t)
    events.sort(key=attrgetter("t"))
    return events[-limit:]


def log_line(event: LogEvent, glyphs: Glyphs, clock_width: int = 7, step_width: int = 8) -> Content:
    """One event as one line: time, step, sign, words."""
    symbol, style, words = _words(event, glyphs)
    return Content.assemble(
        (f"{format_clock(event.t):>{clock_width}} ", DIM),
        (f"{'@' + format_count(event.step):<{step_width}} ", "$foreground 40%"),
        (f"{symbol} ", style),
        words,
    )


def log_lines(events: Sequence[LogEvent], glyphs: Glyphs) -> list[Content]:
    """All events, with columns as wide as the widest entry."""
    return [log_line(event, glyphs, *column_widths(events)) for event in events]


def column_widths(events: Sequence[LogEvent]) -> tuple[int, int]:
    """Columns of time and of step."""
    clock_width = max((len(format_clock(event.t)) for event in events), default=0)
    return clock_width, max((len(format_count(event.step)) + 1 for event in events), default=0)


def _words(event: LogEvent, glyphs: Glyphs) -> tuple[str, str, Content]:
    match event:
        case Eval():
            text = f"val {format_loss(event.val_loss)} {glyphs.dot} train {format_loss(event.train_loss)}"
            best = f" {glyphs.dot} best" if event.best else ""
            return (glyphs.best if event.best else glyphs.dot), "bold $accent", Content(text + best)
        case Checkpoint():
            reason = CHECKPOINT_REASONS[event.reason]
            took = format_seconds(event.seconds)
            return glyphs.stopped, "bold $primary", Content(f"checkpoint, {reason}, {took}")
        case Command():
            text = describe_command(event.action, event.value, event.text, glyphs, event.dial)
            if event.command_id == 0:
                text += f" {glyphs.dot} by itself"
            if event.status == "refused":
                return glyphs.failed, "bold $error", safe_content(f"{text}: {event.reason}", one_line=True)
            return glyphs.arrow, "bold $secondary", safe_content(text, one_line=True)
        case Milestone():
            symbol, style = glyphs.milestone, "bold $success"
        case LogMessage():
            styles = {"info": DIM, "warning": "bold $warning", "error": "bold $error"}
            symbols = {"info": glyphs.dot, "warning": "!", "error": glyphs.failed}
            symbol, style = symbols[event.level], styles[event.level]
        case GuardEvent():
            symbol, style = "!", "bold $error"
        case PolicyEvent():
            symbol = {"paused": glyphs.paused, "stopped": "!"}.get(event.action, glyphs.arrow)
            style = "bold $error" if event.action == "stopped" else "bold $accent"
        case Verdict():
            state = verdict_label(event.verdict, glyphs)
            return state.symbol, state.style, safe_content(f"{state.word}: {event.why}", one_line=True)
        case Resumed() if event.rollback:
            words = f"went back to step {format_count(event.step)}" + (f": {event.reason}" if event.reason else "")
            return glyphs.arrow, "bold $warning", safe_content(words, one_line=True)
        case Resumed():
            return glyphs.arrow, "bold $primary", Content(f"resumed from step {format_count(event.step)}")
        case Ended():
            state = status_label(event.status, glyphs)
            return state.symbol, state.style, safe_content(f"{state.word}: {event.reason}", one_line=True)
        case PrintedLine():
            return "|", DIM, safe_content(event.text, DIM, one_line=True)
        case _:
            raise TypeError(f"The log has no line for {type(event).__name__}.")
    return symbol, style, safe_content(event.text, one_line=True)


class LogPane(TextPane):
    """Pane 5. Follows its end unless it was scrolled up."""

    BINDINGS: ClassVar[list[BindingType]] = [READ_BINDING]

    def __init__(self, charset: CharsetName) -> None:
        self._key: tuple[int, ...] = ()
        self._events: list[LogEvent] = []
        self._event_of_line: list[int] = []
        self._follows = True
        super().__init__("5 log", id="log", charset=charset, classes="pane")

    def show(self, snapshot: RunSnapshot, printed: Sequence[PrintedLine], printed_count: int) -> None:
        """Show the newest events; does nothing without new ones."""
        key = log_key(snapshot, printed_count)
        if key != self._key:
            self._key, self._events = key, recent_events(snapshot, printed)
            self.rebuild()

    def rebuild(self) -> None:
        """Build the lines again and stay at the end."""
        super().rebuild()
        if self._follows:
            self.scroll_end(animate=False, force=True, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end only while it is visible."""
        super().watch_scroll_y(old_value, new_value)
        self._follows = self.at_end

    def build(self, width: int) -> list[Content]:
        """One line per event, cut at the edge; refusals whole, and the newest others as far as there is room."""
        indent, lines = self._indented_lines()
        spare = math.inf if self.has_class("-maximised") else self.scrollable_content_region.height - len(lines)
        rows: list[tuple[int, Content]] = []  # from the last one to the first
        for number, (event, line) in reversed(list(enumerate(zip(self._events, lines, strict=True)))):
            parts = wrap_hanging(line, indent, width)
            refused = isinstance(event, Command) and event.status == "refused"
            if len(parts) - 1 > spare and not refused:
                parts = [line.truncate(width, ellipsis=True)]
            spare -= len(parts) - 1
            rows += [(number, part) for part in reversed(parts)]
        rows.reverse()
        self._event_of_line = [number for number, _ in rows]
        return [part for _, part in rows]

    def in_full(self) -> list[Content]:
        """Every event, whole."""
        return self._indented_lines()[1]

    def line_number(self, y: int) -> int:
        """The number of the event that is shown in row `y`."""
        row = self.scroll_offset.y + y
        return self._event_of_line[row] if 0 <= row < len(self._event_of_line) else -1

    def _indented_lines(self) -> tuple[int, list[Content]]:
        """The columns before the words, and the lines."""
        clocks, steps = column_widths(self._events)
        return clocks + steps + 4, [log_line(event, self.glyphs, clocks, steps) for event in self._events]
