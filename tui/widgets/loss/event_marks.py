"""Events of a run as marks and shaded intervals on its charts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from babytrain.runs.events import Command, Event, PolicyEvent
from babytrain.runs.formatting import format_count, format_factor, format_learning_rate
from babytrain.runs.state.elapsed_time import Interval, policy_pauses
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.state.throttling import ThrottleTracker, interval_clock_text, interval_sentence, tokens_lost
from babytrain.tui.charts.plot import AxisMarks, EventMark, IntervalKind, ShadedInterval, SignName
from babytrain.tui.charts.x_axis import XScale
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.wording import dial_label, format_dial_value

_MOST_MARKS = 40
_LONGEST_LABEL = 20
_RECOVERIES: dict[str, str] = {
    "noted": "noted",
    "skipped": "left out",
    "rolled back": "went back",
    "halved the batch": "half batch",
    "stopped": "stopped",
}
_POLICY_MARKS: dict[str, tuple[SignName, str]] = {
    "paused": ("paused", "rest"),
    "slowed": ("down", "slower"),
    "overridden": ("up", "overruled"),
    "stopped": ("bad", "stopped"),
}
ChangeDirection: TypeAlias = Literal["up", "down"]
MarkedEvent = TypeVar("MarkedEvent", bound=Event)


def command_label(command: Command) -> tuple[str, ChangeDirection] | None:
    """The label of an applied dial change and its direction; None for other commands."""
    value, dial = command.value, dial_label(command.dial)
    raised = command.after >= command.before if command.after is not None and command.before is not None else True
    direction: ChangeDirection = "up" if raised else "down"
    match command.action:
        case "lr_scale" if value is not None:
            if command.after is None or command.before is None:
                direction = "up" if value >= 1 else "down"
            return f"lr×{format_factor(value)}", direction
        case "lr_hold" if value is not None:
            return f"lr={format_learning_rate(value)}", direction
        case "lr_release":
            return "lr on schedule", direction
        case "rewarm":
            return f"re-warm {format_count(value)}", "up"
        case "undo":
            return f"undo {dial}".rstrip(), direction
        case "total_steps" if command.command_id != 0:  # 0 is the engine's own replanning of a run limited by time
            return f"end {format_count(value)}", direction
        case "set":
            position = format_dial_value(value) if value is not None else safe_line(command.text, _LONGEST_LABEL)
            return f"{dial} {position}", direction
    return None


def step_on_current_path(snapshot: RunSnapshot) -> Callable[[int, float], int | None]:
    """The step on the axis of an event at a step and a time; None if it was discarded. A rollback within a session
    keeps its dial changes, moved to the step it went back to. A resume from a checkpoint discards what came after
    it."""
    resumes = snapshot.state.resumes.until(snapshot.t)

    def current_step(step: int, t: float) -> int | None:
        for resumed in resumes:
            if t <= resumed.t and step > resumed.step:
                if not resumed.rollback:
                    return None
                step = resumed.step
        return step

    return current_step


def policy_mark(event: PolicyEvent, x: float) -> EventMark:
    """A slowdown, pause or stop by the power policy as a mark at `x`."""
    cause = safe_line(event.cause, _LONGEST_LABEL)
    sign, words = _POLICY_MARKS.get(event.action, ("resumed", "goes on"))
    return EventMark(x, sign, f"{words}: {cause}", style="bad" if event.action == "stopped" else "mark")


def event_marks(snapshot: RunSnapshot, x: XScale) -> tuple[tuple[EventMark, ...], tuple[AxisMarks, ...]]:
    """Labelled marks (dials, recoveries, resumes, policy, requested checkpoints), and signs of frequent events."""
    marks: dict[tuple[str, int], tuple[float, EventMark]] = {}
    signs: dict[SignName, list[float]] = {"saved": [], "paused": [], "resumed": []}
    current_step = step_on_current_path(snapshot)
    state, t = snapshot.state, snapshot.t

    def placed(events: Iterable[MarkedEvent]) -> Iterator[tuple[MarkedEvent, int, float]]:
        """The events on the current path, each with its step and its x."""
        for event in events:
            step = current_step(event.step, event.t)
            if step is not None:
                yield event, step, x.of(step, event.t)

    for command, step, at in placed(command for command in state.commands.until(t) if command.status == "applied"):
        if command.action == "pause":
            signs["paused"].append(at)
        elif (found := command_label(command)) is not None:
            # Several changes of a dial between two steps are one mark.
            kind = "lr" if command.action in ("lr_scale", "lr_hold", "lr_release") else found[0].partition(" ")[0]
            marks[kind, step] = (command.t, EventMark(at, found[1], found[0]))
    for checkpoint in state.checkpoints.until(t):
        at = x.of(checkpoint.step, checkpoint.t)
        if checkpoint.reason == "requested":
            label = safe_line(checkpoint.name, _LONGEST_LABEL) or "saved"
            marks["saved", checkpoint.step] = (checkpoint.t, EventMark(at, "saved", label, style="saved"))
        else:
            signs["saved"].append(at)
    for resumed, step, at in placed(state.resumes.until(t)):
        marks["resumed", step] = (resumed.t, EventMark(at, "resumed", "went back" if resumed.rollback else "resumed"))
    for rescue, step, at in placed(state.guard_events.until(t)):
        if rescue.action == "rolled back":
            marks.pop(("resumed", step), None)  # the same event reported twice
        words = f"{_RECOVERIES.get(rescue.action, 'rescue')}: {safe_line(rescue.cause, _LONGEST_LABEL)}"
        marks["rescue", step] = (rescue.t, EventMark(at, "bad", words, style="bad"))
    for event, step, at in placed(state.policy_events.until(t)):
        if event.action == "released":
            signs["resumed"].append(at)
        else:
            marks[f"policy {event.cause}", step] = (event.t, policy_mark(event, at))
    milestones = [
        EventMark(at, "milestone", safe_line(milestone.text, 60), style="best", quiet=True)
        for milestone, _, at in placed(snapshot.milestones[-_MOST_MARKS:])
    ]
    in_order = sorted(marks.values(), key=lambda entry: entry[0])[-_MOST_MARKS:]
    axis_marks = tuple(
        AxisMarks(np.sort(np.array(found)), sign, "saved" if sign == "saved" else "mark")
        for sign, found in signs.items()
        if found
    )
    return (*milestones, *(mark for _, mark in in_order)), axis_marks


_MAX_INTERVALS = 400
_REFRESH_SECONDS = 5.0
_MAX_SENTENCE = 60


@dataclass(frozen=True)
class IntervalText:
    """The newest interval of throttling or resting as a sentence, in a long and a short form."""

    kind: IntervalKind
    full: str
    short: str
    ongoing: bool = False


class IntervalTracker:
    """The intervals of throttling and resting of one run."""

    def __init__(self) -> None:
        self._log = ThrottleTracker()
        self._text_key: object = None
        self._text: IntervalText | None = None

    def key(self, snapshot: RunSnapshot) -> tuple[object, ...]:
        """Changes when an interval begins, continues or ends."""
        slow = self._log.until(snapshot)
        newest = slow[-1] if slow else None
        return (len(slow), newest, snapshot.state.policy_events.count_until(snapshot.t))

    def shaded_intervals(self, snapshot: RunSnapshot, x: XScale) -> tuple[ShadedInterval, ...]:
        """What to shade on an axis; of very many intervals the oldest are omitted."""
        throttled = _shaded_intervals(self._log.until(snapshot), x, "throttled")
        # An interval without a step, or of discarded steps, is not on an axis of steps.
        found = [interval for interval in throttled if interval.x_high > interval.x_low]
        return (*found, *_shaded_intervals(policy_pauses(snapshot), x, "resting"))

    def newest(self, snapshot: RunSnapshot) -> IntervalText | None:
        """The newest interval in words, None when there was none."""
        slow, rested = self._log.until(snapshot), policy_pauses(snapshot)
        if not slow and not rested:
            return None
        key = (id(snapshot.state), slow[-1:], rested[-1:], snapshot.t // _REFRESH_SECONDS)
        if key != self._text_key:
            self._text_key = key
            slower = slow and (not rested or slow[-1].start >= rested[-1].start)
            self._text = _throttling_text(snapshot, slow) if slower else _resting_text(snapshot, rested[-1])
        return self._text


def _shaded_intervals(intervals: Sequence[Interval], x: XScale, kind: IntervalKind) -> list[ShadedInterval]:
    newest = intervals[-_MAX_INTERVALS:]
    ends = x.of_times(np.array([(interval.start, interval.end) for interval in newest]).reshape(-1))
    return [ShadedInterval(low, high, kind) for low, high in ends.reshape(-1, 2).tolist()]


def _throttling_text(snapshot: RunSnapshot, intervals: Sequence[Interval]) -> IntervalText:
    newest = intervals[-1]
    lost = tokens_lost(snapshot, newest, intervals)
    full, short = (safe_line(interval_sentence(snapshot, newest, share), 2 * _MAX_SENTENCE) for share in (lost, None))
    return IntervalText("throttled", full, short, newest.ongoing)


def _resting_text(snapshot: RunSnapshot, rest: Interval) -> IntervalText:
    cause, span = safe_line(rest.cause, _MAX_SENTENCE), interval_clock_text(snapshot, rest)
    verb = "resting" if rest.ongoing else "rested"
    return IntervalText("resting", f"{verb} for {cause} {span}", f"{verb} {span}", rest.ongoing)
