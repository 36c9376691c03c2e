"""Where the dials of a run stand at a moment: the starting config, and every turn that still holds on top of it.

Made from the recorded events alone, because a replayed or watched run has no engine to ask. Turns are put back the way
the engine puts them back (`engine/control.py`): an undo restores what the newest turn of a person changed, and a resume
from a checkpoint takes back what was turned after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from babytrain.runs.day_times import NO_WINDOWS
from babytrain.runs.events import Command
from babytrain.runs.planned_rate import applied_turns
from babytrain.runs.state import Moment

Position: TypeAlias = float | int | str | None
MOST_UNDOS = 50  # as many as the engine remembers
NO_HOURS = (None, "", *NO_WINDOWS)  # no quiet hours: as older and newer configs have them, and as people type them
_SCALE, _HOLD, _REWARM_STEP, _REWARM_STEPS = "lr_scale", "lr_hold", "rewarm_step", "rewarm_steps"


@dataclass(frozen=True)
class DialPositions:
    """`now` and `start` by name of the dial; of the learning rate a factor, a held value and a second warm-up."""

    start: Mapping[str, Position]
    now: Mapping[str, Position]
    lr_scale: float = 1.0
    lr_hold: float | None = None
    rewarm_step: int = 0
    rewarm_steps: int = 0

    def of(self, name: str) -> Position:
        """Where a dial stands, None when the run does not say."""
        return self.now.get(name)

    def is_turned(self, name: str) -> bool:
        """Whether a dial stands somewhere else than at the start."""
        now, start = self.now.get(name), self.start.get(name)
        return now != start and not (now in NO_HOURS and start in NO_HOURS)


def dial_positions(moment: Moment) -> DialPositions:
    """Where every dial stands at a moment."""
    start = _settings(moment.started.config if moment.started else {})
    changes = [(one.t, _settings(one.changes)) for one in moment.state.resumes.until(moment.t) if one.changes]
    return replay_turns(start, applied_turns(moment), changes)


def replay_turns(
    start: Mapping[str, Position],
    turns: Sequence[Command],
    changes: Sequence[tuple[float, Mapping[str, Position]]] = (),
) -> DialPositions:
    """The positions after some applied turns, oldest first; `changes` are settings that resumes changed, and when."""
    fields: dict[str, Position] = {**start, _SCALE: 1.0, _HOLD: None, _REWARM_STEP: 0, _REWARM_STEPS: 0}
    undos: list[dict[str, Position]] = []
    waiting = list(changes)
    for command in turns:
        while waiting and waiting[0][0] < command.t:
            fields |= _changed(waiting.pop(0)[1])
        if command.action == "undo":
            fields |= undos.pop() if undos else {}
            continue
        changed = {name: value for name, value in _turn(command).items() if fields.get(name) != value}
        if changed and command.command_id != 0:  # what the engine does by itself no undo takes back
            undos.append({name: fields.get(name) for name in changed})
            del undos[:-MOST_UNDOS]
        fields |= changed
    for _, settings in waiting:
        fields |= _changed(settings)
    scale, hold = fields.pop(_SCALE), fields.pop(_HOLD)
    rewarm_step, rewarm_steps = fields.pop(_REWARM_STEP), fields.pop(_REWARM_STEPS)
    return DialPositions(
        start=start,
        now=fields,
        lr_scale=float(scale) if isinstance(scale, (int, float)) else 1.0,
        lr_hold=float(hold) if isinstance(hold, (int, float)) else None,
        rewarm_step=int(rewarm_step) if isinstance(rewarm_step, (int, float)) else 0,
        rewarm_steps=int(rewarm_steps) if isinstance(rewarm_steps, (int, float)) else 0,
    )


def _settings(config: Mapping[str, object]) -> dict[str, Position]:
    """The settings of a recorded config that a dial can show."""
    return {name: value for name, value in config.items() if isinstance(value, (int, float, str)) or value is None}


def _changed(settings: Mapping[str, Position]) -> dict[str, Position]:
    """What a resume with other settings turns: a new learning rate or schedule starts from its own place."""
    afresh = {"lr", "schedule"} & set(settings)
    return {**settings, **({_SCALE: 1.0, _HOLD: None} if afresh else {})}


def _turn(command: Command) -> dict[str, Position]:
    """What a command turns, and where to; nothing when it says no number where there must be one."""
    value = command.value if command.value is not None and math.isfinite(command.value) else None
    if command.action == "lr_release":
        return {_HOLD: None}
    if command.action == "set" and command.dial and (value is not None or command.text):
        return {command.dial: _number(command.text) if value is None else _plain(value)}
    if value is None:
        return {}
    match command.action:
        case "lr_scale":
            return {_SCALE: value, _HOLD: None}
        case "lr_hold":
            return {_HOLD: value}
        case "rewarm":
            return {_REWARM_STEP: command.step, _REWARM_STEPS: int(value)}
        case "total_steps":
            return {"steps": int(value)}
    return {}


def _number(text: str) -> Position:
    """A position that was typed: a number if it is one, else the word."""
    try:
        value = float(text)
    except ValueError:
        return text
    return _plain(value) if math.isfinite(value) else text


def _plain(value: float) -> Position:
    return int(value) if value == int(value) else value
