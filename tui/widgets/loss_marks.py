"""What happened to a run, as marks on its chart: turns of dials, rescues, resumes, checkpoints, pauses, restraints,
milestones.

Pure functions. What is worth words gets a sign with words at the top, what happens often a sign on the axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from babytrain.runs.events import Command, Restraint
from babytrain.runs.state import Moment
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.plot import Mark, Pins
from babytrain.tui.widgets.units import format_count, format_factor, format_learning_rate
from babytrain.tui.widgets.x_scale import XScale
from babytrain.tui.wording import dial_words, format_position

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

Direction: TypeAlias = Literal["up", "down"]


def command_label(command: Command) -> tuple[str, Direction] | None:
    """What to write beside an applied turn of a dial, and which way it went; None for other commands."""
    value, dial = command.value, dial_words(command.dial)
    raised = command.after >= command.before if command.after is not None and command.before is not None else True
    way: Direction = "up" if raised else "down"
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
            position = format_position(value) if value is not None else safe_line(command.text, _LONGEST_LABEL)
            return f"{dial} {position}", way
    return None


def place_in_time(moment: Moment) -> Callable[[int, float], int | None]:
    """Where on the axis of steps something belongs that happened at a step and a time; None if it no longer does.

    A run that went back within a session keeps what was turned: it belongs where the run went on from. A resume from a
    checkpoint takes back what came after it.
    """
    resumes = moment.state.resumes.until(moment.t)

    def place(step: int, t: float) -> int | None:
        for resumed in resumes:
            if t <= resumed.t and step > resumed.step:
                if not resumed.within:
                    return None
                step = resumed.step
        return step

    return place


def restraint_mark(restraint: Restraint, at: float) -> Mark:
    """How the run held itself back, as a mark at `at`."""
    cause = safe_line(restraint.cause, _LONGEST_LABEL)
    match restraint.deed:
        case "paused":
            return Mark(at, "paused", f"rest: {cause}")
        case "slowed":
            return Mark(at, "down", f"slower: {cause}")
        case "overruled":
            return Mark(at, "up", f"overruled: {cause}")
        case "stopped":
            return Mark(at, "bad", f"stopped: {cause}", style="bad")
    return Mark(at, "resumed", f"goes on: {cause}")


def rare_marks(moment: Moment, x: XScale) -> tuple[tuple[Mark, ...], tuple[Pins, ...]]:
    """Turns of dials, rescues, resumes, restraints and asked-for checkpoints with words; what happens often without."""
    marks: dict[tuple[str, int], tuple[float, Mark]] = {}
    pauses: list[float] = []
    place = place_in_time(moment)
    for command in moment.commands:
        step = place(command.step, command.t) if command.status == "applied" else None
        if step is None:
            continue
        if command.action == "pause":
            pauses.append(x.of(step, command.t))
        elif (found := command_label(command)) is not None:
            # Several taps of a key between two steps are one change.
            kind = "lr" if command.action in ("lr_scale", "lr_hold", "lr_release") else found[0].partition(" ")[0]
            marks[kind, step] = (command.t, Mark(x.of(step, command.t), found[1], found[0]))
    saved = []
    for checkpoint in moment.checkpoints:
        if checkpoint.reason == "asked":
            label = safe_line(checkpoint.name, _LONGEST_LABEL) or "saved"
            at = x.of(checkpoint.step, checkpoint.t)
            marks["saved", checkpoint.step] = (checkpoint.t, Mark(at, "saved", label, style="saved"))
        else:
            saved.append(x.of(checkpoint.step, checkpoint.t))
    for resumed in moment.state.resumes.until(moment.t):
        step = place(resumed.step, resumed.t)
        if step is not None:
            words = "went back" if resumed.within else "resumed"
            marks["resumed", step] = (resumed.t, Mark(x.of(step, resumed.t), "resumed", words))
    for rescue in moment.rescues:
        step = place(rescue.step, rescue.t)
        if step is not None:
            if rescue.deed == "rolled back":
                marks.pop(("resumed", step), None)  # the same thing said twice
            words = f"{_RESCUES.get(rescue.deed, 'rescue')}: {safe_line(rescue.cause, _LONGEST_LABEL)}"
            marks["rescue", step] = (rescue.t, Mark(x.of(step, rescue.t), "bad", words, style="bad"))
    eased = []
    for restraint in moment.restraints:
        step = place(restraint.step, restraint.t)
        if step is None:
            continue
        at = x.of(step, restraint.t)
        if restraint.deed == "released":
            eased.append(at)
        else:
            marks[f"restraint {restraint.cause}", step] = (restraint.t, restraint_mark(restraint, at))
    firsts = []
    for milestone in moment.milestones[-_MOST_MARKS:]:
        step = place(milestone.step, milestone.t)
        if step is not None:
            words = safe_line(milestone.text, _LONGEST_MILESTONE)
            firsts.append(Mark(x.of(step, milestone.t), "milestone", words, style="best", quiet=True))
    in_order = sorted(marks.values(), key=lambda entry: entry[0])[-_MOST_MARKS:]
    pins = (
        Pins(np.sort(np.array(saved)), "saved", "saved"),
        Pins(np.sort(np.array(pauses)), "paused", "mark"),
        Pins(np.sort(np.array(eased)), "resumed", "mark"),
    )
    return (*firsts, *(mark for _, mark in in_order)), tuple(pin for pin in pins if len(pin.x))
