"""What happened to a run as marks and shaded intervals on its charts.

Dial changes, rescues, resumes, checkpoints, pauses, policy actions and milestones become marks: rare ones with
words at the top, frequent ones as signs on the axis. Intervals of throttling and resting are shaded; their cost is
worked out every few seconds at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from babytrain.runs.events import Command, PolicyEvent
from babytrain.runs.state.elapsed_time import Interval, policy_pauses
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.state.throttling import ThrottleTracker, interval_clock_text, interval_sentence, tokens_lost
from babytrain.tui.charts.plot import AxisMarks, EventMark, IntervalKind, ShadedInterval
from babytrain.tui.charts.x_axis import XScale
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.formatting import format_count, format_factor, format_learning_rate
from babytrain.tui.text.wording import dial_label, format_dial_value

_MOST_MARKS = 40
_LONGEST_LABEL = 20
_LONGEST_MILESTONE = 60
_RESCUES: dict[str, str] = {
    "noted": "noted",
    "skipped": "left out",
    "rolled back": "went back",
    "halved the batch": "half batch",
    "stopped": "stopped",
}
ChangeDirection: TypeAlias = Literal["up", "down"]


def command_label(command: Command) -> tuple[str, ChangeDirection] | None:
    """What to write beside an applied turn of a dial, and which way it went; None for other commands."""
    value, dial = command.value, dial_label(command.dial)
    raised = command.after >= command.before if command.after is not None and command.before is not None else True
    way: ChangeDirection = "up" if raised else "down"
    match command.action:
        case "lr_scale" if value is not None:
            if command.after is None or command.before is None:
                way = "up" if value >= 1 else "down"
            return f"lr×{format_factor(value)}", way
        case "lr_hold" if value is not None:
            return f"lr={format_learning_rate(value)}", way
        case "lr_release":
            return "lr on schedule", way
        case "rewarm":
            return f"re-warm {format_count(value)}", "up"
        case "undo":
            return f"undo {dial}".rstrip(), way
        case "total_steps" if command.command_id != 0:  # the engine plans anew all the time when it goes by the clock
            return f"end {format_count(value)}", way
        case "set":
            position = format_dial_value(value) if value is not None else safe_line(command.text, _LONGEST_LABEL)
            return f"{dial} {position}", way
    return None


def step_on_current_path(snapshot: RunSnapshot) -> Callable[[int, float], int | None]:
    """Where on the axis of steps something belongs that happened at a step and a time; None if it no longer does.

    A run that went back within a session keeps what was turned: it belongs where the run went on from. A resume from a
    checkpoint takes back what came after it.
    """
    resumes = snapshot.state.resumes.until(snapshot.t)

    def place(step: int, t: float) -> int | None:
        for resumed in resumes:
            if t <= resumed.t and step > resumed.step:
                if not resumed.rollback:
                    return None
                step = resumed.step
        return step

    return place


def policy_mark(restraint: PolicyEvent, at: float) -> EventMark:
    """How the run held itself back, as a mark at `at`."""
    cause = safe_line(restraint.cause, _LONGEST_LABEL)
    match restraint.action:
        case "paused":
            return EventMark(at, "paused", f"rest: {cause}")
        case "slowed":
            return EventMark(at, "down", f"slower: {cause}")
        case "overridden":
            return EventMark(at, "up", f"overruled: {cause}")
        case "stopped":
            return EventMark(at, "bad", f"stopped: {cause}", style="bad")
    return EventMark(at, "resumed", f"goes on: {cause}")


def event_marks(snapshot: RunSnapshot, x: XScale) -> tuple[tuple[EventMark, ...], tuple[AxisMarks, ...]]:
    """Turns of dials, rescues, resumes, restraints and asked-for checkpoints with words; what happens often without."""
    marks: dict[tuple[str, int], tuple[float, EventMark]] = {}
    pauses: list[float] = []
    place = step_on_current_path(snapshot)
    for command in snapshot.state.commands.until(snapshot.t):
        step = place(command.step, command.t) if command.status == "applied" else None
        if step is None:
            continue
        if command.action == "pause":
            pauses.append(x.of(step, command.t))
        elif (found := command_label(command)) is not None:
            # Several taps of a key between two steps are one change.
            kind = "lr" if command.action in ("lr_scale", "lr_hold", "lr_release") else found[0].partition(" ")[0]
            marks[kind, step] = (command.t, EventMark(x.of(step, command.t), found[1], found[0]))
    saved = []
    for checkpoint in snapshot.state.checkpoints.until(snapshot.t):
        if checkpoint.reason == "requested":
            label = safe_line(checkpoint.name, _LONGEST_LABEL) or "saved"
            at = x.of(checkpoint.step, checkpoint.t)
            marks["saved", checkpoint.step] = (checkpoint.t, EventMark(at, "saved", label, style="saved"))
        else:
            saved.append(x.of(checkpoint.step, checkpoint.t))
    for resumed in snapshot.state.resumes.until(snapshot.t):
        step = place(resumed.step, resumed.t)
        if step is not None:
            words = "went back" if resumed.rollback else "resumed"
            marks["resumed", step] = (resumed.t, EventMark(x.of(step, resumed.t), "resumed", words))
    for rescue in snapshot.state.guard_events.until(snapshot.t):
        step = place(rescue.step, rescue.t)
        if step is not None:
            if rescue.action == "rolled back":
                marks.pop(("resumed", step), None)  # the same thing said twice
            words = f"{_RESCUES.get(rescue.action, 'rescue')}: {safe_line(rescue.cause, _LONGEST_LABEL)}"
            marks["rescue", step] = (rescue.t, EventMark(x.of(step, rescue.t), "bad", words, style="bad"))
    eased = []
    for restraint in snapshot.state.policy_events.until(snapshot.t):
        step = place(restraint.step, restraint.t)
        if step is None:
            continue
        at = x.of(step, restraint.t)
        if restraint.action == "released":
            eased.append(at)
        else:
            marks[f"restraint {restraint.cause}", step] = (restraint.t, policy_mark(restraint, at))
    firsts = []
    for milestone in snapshot.milestones[-_MOST_MARKS:]:
        step = place(milestone.step, milestone.t)
        if step is not None:
            words = safe_line(milestone.text, _LONGEST_MILESTONE)
            firsts.append(EventMark(x.of(step, milestone.t), "milestone", words, style="best", quiet=True))
    in_order = sorted(marks.values(), key=lambda entry: entry[0])[-_MOST_MARKS:]
    pins = (
        AxisMarks(np.sort(np.array(saved)), "saved", "saved"),
        AxisMarks(np.sort(np.array(pauses)), "paused", "mark"),
        AxisMarks(np.sort(np.array(eased)), "resumed", "mark"),
    )
    return (*firsts, *(mark for _, mark in in_order)), tuple(pin for pin in pins if len(pin.x))


_MAX_INTERVALS = 400
_REFRESH_SECONDS = 5.0
_MAX_SENTENCE = 60


@dataclass(frozen=True)
class IntervalText:
    """The newest stretch in a sentence, and the same in fewer words."""

    kind: IntervalKind
    full: str
    short: str
    ongoing: bool = False


class IntervalTracker:
    """The stretches of one run."""

    def __init__(self) -> None:
        self._log = ThrottleTracker()
        self._words_key: object = None
        self._words: IntervalText | None = None

    def key(self, snapshot: RunSnapshot) -> tuple[object, ...]:
        """Differs when a chart has another zone to fill: a stretch began, went on, or ended."""
        slow = self._log.until(snapshot)
        newest = slow[-1] if slow else None
        return (len(slow), newest, snapshot.state.policy_events.count_until(snapshot.t))

    def zones(self, snapshot: RunSnapshot, x: XScale) -> tuple[ShadedInterval, ...]:
        """What to fill on an axis; the oldest are left out of a run that has very many."""
        throttled = _shaded_intervals(self._log.until(snapshot), x, "throttled")
        # One without a step in it, or of steps that were given up since, has no place on an axis of steps.
        found = [interval for interval in throttled if interval.x_high > interval.x_low]
        return (*found, *_shaded_intervals(policy_pauses(snapshot), x, "resting"))

    def newest(self, snapshot: RunSnapshot) -> IntervalText | None:
        """The newest stretch in words, None when there was none."""
        slow, rested = self._log.until(snapshot), policy_pauses(snapshot)
        if not slow and not rested:
            return None
        key = (id(snapshot.state), slow[-1:], rested[-1:], snapshot.t // _REFRESH_SECONDS)
        if key != self._words_key:
            self._words_key = key
            slower = slow and (not rested or slow[-1].start >= rested[-1].start)
            self._words = _throttling_text(snapshot, slow) if slower else _resting_text(snapshot, rested[-1])
        return self._words


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
    cause, span = safe_line(rest.words, _MAX_SENTENCE), interval_clock_text(snapshot, rest)
    verb = "resting" if rest.ongoing else "rested"
    return IntervalText("resting", f"{verb} for {cause} {span}", f"{verb} {span}", rest.ongoing)
