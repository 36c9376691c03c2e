"""What happened, one line each: the newest events of a run and everything printed while it ran. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias, TypeVar

from textual.content import Content

from babytrain.runs.events import Checkpoint, Command, Ended, Eval, Milestone, Note, Rescue, Restraint, Resumed, Verdict
from babytrain.runs.state import Moment, Timeline
from babytrain.tui.glyphs import Glyphs
from babytrain.tui.safe_text import safe_content
from babytrain.tui.verdict_words import verdict_state
from babytrain.tui.widgets.units import format_count, format_loss, format_seconds
from babytrain.tui.wording import describe_command, format_clock, status_of

LONGEST_LOG = 400
_CHECKPOINT_REASONS = {"cadence": "as planned", "best": "the best", "asked": "asked for", "end": "at the end"}


@dataclass(frozen=True)
class PrintedLine:
    """A line that something printed or that the program itself has to say, filed at the run's time `t`."""

    t: float
    step: int
    text: str


_Taken = TypeVar("_Taken", Eval, Checkpoint, Milestone, Note, Rescue, Restraint, Verdict, Resumed)
LogEvent: TypeAlias = (
    Eval | Checkpoint | Command | Milestone | Note | Rescue | Restraint | Verdict | Resumed | Ended | PrintedLine
)


def log_key(moment: Moment, printed: int) -> tuple[int, ...]:
    """Changes whenever the log does: how many events of each kind there are; `printed` counts the printed lines."""
    state, t = moment.state, moment.t
    often = (state.evals, state.checkpoints, state.commands, state.notes, state.verdicts)
    rare = (state.rescues, state.restraints, state.milestones, state.resumes, state.endings)
    counts = [timeline.count_until(t) for timeline in (*often, *rare)]
    return (*counts, printed)


def recent_events(moment: Moment, printed: Sequence[PrintedLine], limit: int = LONGEST_LOG) -> list[LogEvent]:
    """The newest events that deserve a line, oldest first."""
    state = moment.state
    events: list[LogEvent] = []

    def take(timeline: Timeline[_Taken]) -> None:
        end = timeline.count_until(moment.t)
        events.extend(timeline.events[max(0, end - limit) : end])

    take(state.evals)
    take(state.checkpoints)
    take(state.notes)
    take(state.rescues)
    take(state.restraints)
    take(state.milestones)
    take(state.verdicts)
    events.extend(state.endings.until(moment.t))
    take(state.resumes)  # a resume begins at the very time at which the session before it ended
    # A command is news when it is answered; the dials pane shows the ones still on their way. What comes next is asked
    # with every letter typed to the model.
    answered = [
        command
        for command in moment.commands[-2 * limit :]
        if command.status == "refused" or (command.status == "applied" and command.action != "predict")
    ]
    events.extend(answered)
    events.extend(line for line in printed if line.t <= moment.t)
    events.sort(key=attrgetter("t"))
    return events[-limit:]


def log_line(event: LogEvent, glyphs: Glyphs, clock_width: int = 7, step_width: int = 8) -> Content:
    """One event as one line: time, step, sign, words."""
    symbol, style, words = _words(event, glyphs)
    return Content.assemble(
        (f"{format_clock(event.t):>{clock_width}} ", "$foreground 60%"),
        (f"{'@' + format_count(event.step):<{step_width}} ", "$foreground 40%"),
        (f"{symbol} ", style),
        words,
    )


def log_lines(events: Sequence[LogEvent], glyphs: Glyphs) -> list[Content]:
    """All of them, their columns as wide as the widest entry."""
    clock_width = max((len(format_clock(event.t)) for event in events), default=0)
    step_width = max((len(format_count(event.step)) + 1 for event in events), default=0)
    return [log_line(event, glyphs, clock_width, step_width) for event in events]


def _words(event: LogEvent, glyphs: Glyphs) -> tuple[str, str, Content]:
    match event:
        case Eval():
            text = f"val {format_loss(event.val_loss)} {glyphs.dot} train {format_loss(event.train_loss)}"
            best = f" {glyphs.dot} best" if event.best else ""
            return (glyphs.best if event.best else glyphs.dot), "bold $accent", Content(text + best)
        case Checkpoint():
            reason = _CHECKPOINT_REASONS[event.reason]
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
            return glyphs.milestone, "bold $success", safe_content(event.text, one_line=True)
        case Note():
            styles = {"info": "$foreground 60%", "warning": "bold $warning", "error": "bold $error"}
            symbols = {"info": glyphs.dot, "warning": "!", "error": glyphs.failed}
            return symbols[event.level], styles[event.level], safe_content(event.text, one_line=True)
        case Rescue():
            return "!", "bold $error", safe_content(event.text, one_line=True)
        case Restraint():
            sign = {"paused": glyphs.paused, "stopped": "!"}.get(event.deed, glyphs.arrow)
            style = "bold $error" if event.deed == "stopped" else "bold $accent"
            return sign, style, safe_content(event.text, one_line=True)
        case Verdict():
            state = verdict_state(event.verdict, glyphs)
            return state.symbol, state.style, safe_content(f"{state.word}: {event.why}", one_line=True)
        case Resumed() if event.within:
            words = f"went back to step {format_count(event.step)}" + (f": {event.reason}" if event.reason else "")
            return glyphs.arrow, "bold $warning", safe_content(words, one_line=True)
        case Resumed():
            return glyphs.arrow, "bold $primary", Content(f"resumed from step {format_count(event.step)}")
        case Ended():
            state = status_of(event.status, glyphs)
            return state.symbol, state.style, safe_content(f"{state.word}: {event.reason}", one_line=True)
        case PrintedLine():
            return "|", "$foreground 60%", safe_content(event.text, "$foreground 60%", one_line=True)
