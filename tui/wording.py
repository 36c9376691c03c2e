"""How the screen says things: states, commands and times in words, the same everywhere. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babytrain.tui.glyphs import Glyphs
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.units import format_count, format_factor, format_learning_rate

if TYPE_CHECKING:
    from babytrain.runs.events import Command, CommandAction, PhaseName, Status
    from babytrain.runs.state import Moment

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

ACTION_WORDS: dict[CommandAction, str] = {
    "lr_release": "lr back to its schedule",
    "pause": "pause",
    "resume": "go on",
    "advance": "one step",
    "sample": "sample",
    "evaluate": "evaluate",
    "checkpoint": "checkpoint",
    "note": "note",
    "stop": "stop",
}
ENDINGS: dict[Status, str] = {"done": "done", "interrupted": "interrupted", "failed": "failed"}


@dataclass(frozen=True)
class State:
    """A state as a sign, a word and a style, so that colour never carries it alone."""

    symbol: str
    word: str
    style: str


def state_of(moment: Moment, glyphs: Glyphs, *, error: str | None = None) -> State:
    """What a run is doing, or how it ended. `error` is why a live session is over."""
    if error is not None:
        return State(glyphs.failed, "failed", "bold $error")
    ended = moment.ended
    if ended is not None:
        return status_of(ended.status, glyphs)
    return _phase_state(moment.phase, glyphs)


def status_of(status: Status, glyphs: Glyphs) -> State:
    """How a run stands, for a list of runs."""
    if status == "done":
        return State(glyphs.done, "done", "bold $success")
    if status == "failed":
        return State(glyphs.failed, "failed", "bold $error")
    if status == "interrupted":
        return State(glyphs.stopped, "interrupted", "bold $warning")
    return State(glyphs.running, "training", "bold $success")


def _phase_state(phase: PhaseName, glyphs: Glyphs) -> State:
    if phase == "training":
        return State(glyphs.running, "training", "bold $success")
    if phase == "paused":
        return State(glyphs.paused, "paused", "bold $warning")
    if phase in ("loading", "compiling", "stopping"):
        return State(glyphs.waiting, phase, "bold $warning")
    return State(glyphs.running, phase, "bold $accent")


def format_clock(seconds: float) -> str:
    """Running time as a clock shows it: `0:07`, `12:34`, `1:02:03`."""
    whole = max(0, int(seconds))
    if whole < _HOUR:
        return f"{whole // _MINUTE}:{whole % _MINUTE:02d}"
    return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02d}:{whole % _MINUTE:02d}"


def format_ago(seconds: float) -> str:
    """How long ago something was, roughly: `just now`, `3 min ago`, `2 h ago`, `5 days ago`."""
    if seconds < 45:
        return "just now"
    if seconds < 45 * _MINUTE:
        return f"{max(1, round(seconds / _MINUTE))} min ago"
    if seconds < 22 * _HOUR:
        return f"{max(1, round(seconds / _HOUR))} h ago"
    days = max(1, round(seconds / _DAY))
    if days == 1:
        return "yesterday"
    if days < 60:
        return f"{days} days ago"
    return f"{round(days / 30)} months ago" if days < 700 else f"{round(days / 365)} years ago"


def describe_command(action: CommandAction, value: float | None, text: str, glyphs: Glyphs) -> str:
    """A command in a few words: `lr ×0.91`, `lr held at 1.0e-3`, `note: look here`."""
    if action == "lr_scale":
        return f"lr {glyphs.times}{format_factor(value)}"
    if action == "lr_hold":
        return f"lr held at {format_learning_rate(value)}"
    if action == "total_steps":
        return f"end at step {format_count(value)}"
    if action == "note":
        return f"note: {safe_line(text, 300)}"
    if action == "sample" and text:
        return f'sample "{safe_line(text, 60)}"'
    return ACTION_WORDS[action]


@dataclass(frozen=True)
class LearningRateDial:
    """What people did to the learning rate: a factor on the schedule, and a fixed value that overrules it."""

    factor: float = 1.0
    held: float | None = None


def learning_rate_dial(commands: Sequence[Command]) -> LearningRateDial:
    """The dial after some commands, from those that were applied."""
    factor: float | None = None
    held: float | None = None
    held_known = False
    for command in reversed(commands):
        if command.status != "applied":
            continue
        if command.action in ("lr_scale", "lr_hold", "lr_release") and not held_known:
            # A new factor is of use on the schedule only, so it ends a hold.
            held = command.value if command.action == "lr_hold" else None
            held_known = True
        if command.action == "lr_scale" and factor is None:
            factor = command.value
        if factor is not None and held_known:
            break
    return LearningRateDial(1.0 if factor is None else factor, held)
