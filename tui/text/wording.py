"""States, commands, verdicts and times as text. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from babytrain.runs.formatting import format_count, format_factor, format_learning_rate
from babytrain.runs.time_of_day import NO_WINDOWS
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_line

if TYPE_CHECKING:
    from babytrain.runs.events import CommandAction, PhaseName, RunStatus, VerdictName
    from babytrain.runs.state.run_state import RunSnapshot

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_ACTION_LABELS: dict[CommandAction, str] = {
    "lr_release": "lr back to its schedule",
    "pause": "pause",
    "resume": "go on",
    "sample": "sample",
    "evaluate": "evaluate",
    "predict": "what comes next",
    "checkpoint": "checkpoint",
    "note": "note",
    "stop": "stop",
}
# Labels of dials named like a command.
_DIAL_WORDS = {"lr_scale": "lr", "lr_hold": "lr", "lr_release": "lr", "rewarm": "re-warm", "total_steps": "end"}
LEARNING_RATES = frozenset({"lr", "muon_lr"})
_LONGEST_DIAL = 24
_LONGEST_TYPED = 2000  # what a person can type; panes cut it at their edge, and read it in full
_TALK = "talk=1"  # among the sampling options of a reply on the talk screen
_NO_HOURS = NO_WINDOWS[0]
_UNTIL = re.compile(r"until \d{2}:\d{2}")


# Status or phase -> field of Glyphs, word, style.
_STATUS_LABELS: Mapping[str, tuple[str, str, str]] = {
    "done": ("done", "done", "bold $success"),
    "failed": ("failed", "failed", "bold $error"),
    "interrupted": ("stopped", "interrupted", "bold $warning"),
    "training": ("running", "training", "bold $success"),
    "paused": ("paused", "paused", "bold $warning"),
    "policy_pause": ("paused", "resting", "bold $accent"),
    "loading": ("waiting", "loading", "bold $warning"),
    "compiling": ("waiting", "compiling", "bold $warning"),
    "stopping": ("waiting", "stopping", "bold $warning"),
}


CHECKPOINT_REASONS = {
    "cadence": "as planned",
    "best": "the best",
    "requested": "asked for",
    "end": "at the end",
    "before a change": "before a change",
    "taken away": "the one before was taken away",
}


@dataclass(frozen=True)
class StatusLabel:
    """A state as a symbol, a word and a style, so that it is readable without colour."""

    symbol: str
    word: str
    style: str


def run_status_label(snapshot: RunSnapshot, glyphs: Glyphs, *, error: str | None = None) -> StatusLabel:
    """The phase of a run, or how it ended. `error`: why a live session failed."""
    if error is not None:
        return StatusLabel(glyphs.failed, "failed", "bold $error")
    ended = snapshot.ended
    if ended is not None:
        return status_label(ended.status, glyphs)
    label = status_label(snapshot.phase, glyphs)
    return replace(label, word=resting_label(snapshot)) if snapshot.phase == "policy_pause" else label


def resting_label(snapshot: RunSnapshot) -> str:
    """`resting: quiet hours until 07:00`, as far as cause and end are known."""
    # Imported here because it loads the events, which the home screen does not need.
    from babytrain.runs.state.elapsed_time import policy_in_force

    event = policy_in_force(snapshot)
    if event is None:
        return "resting"
    until = _UNTIL.search(event.text)
    return f"resting: {safe_line(event.cause, 24)}" + (f" {until.group()}" if until else "")


def status_label(status: RunStatus | PhaseName, glyphs: Glyphs) -> StatusLabel:
    """The label of a status or phase."""
    symbol, word, style = _STATUS_LABELS.get(status, ("running", status, "bold $accent"))
    return StatusLabel(getattr(glyphs, symbol), word, style)


def format_clock(seconds: float) -> str:
    """Running time: `0:07`, `12:34`, `1:02:03`."""
    whole = max(0, int(seconds))
    if whole < _HOUR:
        return f"{whole // _MINUTE}:{whole % _MINUTE:02d}"
    return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02d}:{whole % _MINUTE:02d}"


def format_ago(seconds: float) -> str:
    """A rough age: `just now`, `3 min ago`, `2 h ago`, `5 days ago`."""
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


def format_steps(steps: int) -> str:
    """`1 step`, `2,000 steps`."""
    return f"{steps:,} step" if steps == 1 else f"{steps:,} steps"


def range_text(low: str, high: str, dash: str) -> str:
    """An estimate from its two ends: `1.42–1.47`, `0.11–0.13 EUR`; `about 1.42` where both read the same."""
    if low == high:
        return f"about {low}"
    number, _, unit = low.rpartition(" ")
    return f"{number}{dash}{high}" if number and high.endswith(f" {unit}") else f"{low}{dash}{high}"


def describe_command(action: CommandAction, value: float | None, text: str, glyphs: Glyphs, dial: str = "") -> str:
    """A command in a few words: `lr ×0.91`, `dropout 0.1`, `undo dropout`, `note: look here`."""
    match action:
        case "lr_scale":
            return f"lr {glyphs.times}{format_factor(value)}"
        case "lr_hold":
            return f"lr held at {format_learning_rate(value)}"
        case "total_steps":
            return f"end at step {format_count(value)}"
        case "set":
            position = format_dial_value(value) if value is not None else safe_line(text, _LONGEST_TYPED)
            return f"{dial_label(dial) or 'dial'} {position}"
        case "rewarm":
            return f"re-warm over {format_count(value)} steps"
        case "undo":
            return f"undo {dial_label(dial)}" if dial else "undo"
        case "rollback":
            return f"back to {'best' if text in ('', 'best') else safe_line(text, _LONGEST_TYPED)}"
        case "advance":
            return "one step" if value is None or value <= 1 else f"{format_count(value)} steps, then pause"
        case "note":
            return f"note: {safe_line(text, _LONGEST_TYPED)}"
        case "sample" | "checkpoint" if text:
            return f'{"talk" if _TALK in dial.split() else action} "{safe_line(text, _LONGEST_TYPED)}"'
    return _ACTION_LABELS[action]


def dial_label(dial: str) -> str:
    """The label of a dial: its setting's name, or a word if it is not a setting."""
    return _DIAL_WORDS.get(dial) or safe_line(dial, _LONGEST_DIAL)


def format_dial_value(value: object) -> str:
    """The position of a dial: `0.1`, `2,000`, `cosine`; `off` for no quiet hours."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return format_count(value) if abs(value) >= 1000 else f"{value:g}".replace("e-0", "e-")
    return safe_line(str(value), _LONGEST_TYPED) or _NO_HOURS


def format_setting(name: str, value: object) -> str:
    """The value of a setting: `3e-3` for a learning rate, `2,000` for a count; a seed and text are kept as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) or name == "seed":
        return str(value)
    if name in LEARNING_RATES and isinstance(value, int | float):
        return format_learning_rate(value)
    return format_dial_value(value)


GROWN_UP = "of the way from pure guessing to the entropy of the text, below which no model gets"
FINE_VERDICTS: frozenset[str] = frozenset({"learning", "done"})
# The run gets worse, or no better, without a change.
VERDICTS_NEEDING_ACTION: frozenset[str] = frozenset(
    {"plateau", "lr too high", "lr too low", "not learning", "overfitting", "memorising", "diverging"}
)
_ALARMING: frozenset[str] = frozenset({"diverging", "not learning", "overfitting", "memorising"})
_LONGEST_VERDICT = 20


def verdict_label(verdict: VerdictName, glyphs: Glyphs) -> StatusLabel:
    """The label of a verdict."""
    word = safe_line(verdict, _LONGEST_VERDICT)
    if verdict in FINE_VERDICTS:
        return StatusLabel(glyphs.done, word, "bold $success")
    if verdict == "warming up":
        return StatusLabel(glyphs.waiting, word, "bold $accent")
    if verdict in _ALARMING:
        return StatusLabel(glyphs.failed, word, "bold $error")
    return StatusLabel("!", word, "bold $warning")
