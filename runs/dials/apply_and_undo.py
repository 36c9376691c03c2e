"""What a command does to the dials: the new positions, or a refusal with the allowed range."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from babytrain.runs.dials.dial_state import DialState, Undo
from babytrain.runs.dials.learning_rate_schedule import RateSettings, learning_rate
from babytrain.runs.dials.spec import BATCH_DIALS, LARGEST_SCALE, LONGEST_REWARM, SETTABLE, SMALLEST_SCALE, Position
from babytrain.runs.events import Command, Request

MAX_UNDOS = 50
RATE_ACTIONS = ("lr_scale", "lr_hold", "lr_release", "rewarm")
DIAL_ACTIONS = (*RATE_ACTIONS, "set", "total_steps", "undo")
_SETTINGS = {"lr_hold": "lr", "total_steps": "steps"}  # the settings whose limits apply
# Takes the name of a setting and a raw value, returns the value; raises ValueError with the allowed range.
CheckSetting: TypeAlias = Callable[[str, object], Any]


@dataclass(frozen=True)
class DialChange:
    """The effect of a command: the new dials with the changed `positions`, or a `refusal`."""

    dials: DialState
    positions: Mapping[str, Position] = field(default_factory=dict)
    before: float | None = None  # in the unit of the dial; for the learning rate's dials, the learning rate
    after: float | None = None
    dial: str = ""  # that an undo restored
    refusal: str = ""


def apply_command(
    settings: RateSettings,
    dials: DialState,
    request: Request,
    step: int,
    check: CheckSetting,
    most_windows: int | None = None,
) -> DialChange:
    """The effect of a request after `step` finished steps.

    A person may not ask for a step of more than `most_windows`, an epoch. The engine may, because a preset's batch may
    be larger than a tiny text.
    """
    if request.action == "undo":
        return undo_newest(dials)
    by_person = request.command_id != 0
    try:
        value = checked_request(request, step, check)
    except ValueError as error:
        return DialChange(dials, refusal=str(error).rstrip("."))
    new = _changed(dials, request, value, step)
    if by_person and most_windows is not None and request.dial in BATCH_DIALS and new.windows_per_step > most_windows:
        return DialChange(dials, refusal=too_large_a_step(new, request.dial, most_windows))
    before: float | None
    after: float | None
    if request.action in RATE_ACTIONS:
        before, after = learning_rate(settings, dials, step), learning_rate(settings, new, step)
    else:
        name = request.dial or request.action
        before, after = _number(getattr(dials, name)), _number(getattr(new, name))
    return DialChange(new, new.changed_from(dials), before, after)


def undo_newest(dials: DialState) -> DialChange:
    """Take back the newest change that a person made."""
    if not dials.undos:
        return DialChange(dials, refusal="no dial has been turned")
    newest = dials.undos[-1]
    new = replace(dials.with_positions(newest.positions), undos=dials.undos[:-1])
    name = next(iter(newest.positions), "total_steps")
    before, after = _number(getattr(dials, name)), _number(getattr(new, name))
    if before is None or after is None:
        before = after = None
    return DialChange(new, new.changed_from(dials), before, after, dial=newest.dial)


def replay_command(dials: DialState, command: Command) -> DialState:
    """The dials after a recorded command. Version 0.2.0 did not record positions: there it is applied once more."""
    if command.dials is not None:
        return dials.with_positions(command.dials)
    if command.action == "undo":
        return undo_newest(dials).dials
    value: object = command.text if command.value is None else command.value
    if command.action == "total_steps" and command.after is not None:
        value = command.after
    return _changed(dials, command, value, command.step)


def too_large_a_step(dials: DialState, name: str, most_windows: int) -> str:
    """The refusal of a step with so many windows, with the limit of `name` (batch_size or accumulate)."""
    most = most_windows * getattr(dials, name) // dials.windows_per_step
    allowed = f": {name} must lie between 1 and {most:,}" if most else ""
    return f"a step of {dials.windows_per_step:,} windows is more than the {most_windows:,} the text has{allowed}"


def checked_request(request: Request, step: int, check: CheckSetting) -> Any:
    """The value of a request. Raises ValueError with the allowed range."""
    raw = request.text if request.value is None else request.value
    match request.action:
        case "lr_release":
            return None
        case "lr_scale":
            return _number_between("lr_scale", raw, SMALLEST_SCALE, LARGEST_SCALE)
        case "rewarm":
            return int(_number_between("rewarm", raw, 1, LONGEST_REWARM, whole=True))
        case "set":
            if request.dial not in SETTABLE:
                raise ValueError(f"there is no dial {request.dial!r}; there are {', '.join(SETTABLE)}")
            return check(request.dial, raw)
        case "lr_hold" | "total_steps":
            value = check(_SETTINGS[request.action], raw)
            if request.action == "total_steps" and value < step:
                raise ValueError(f"the run can end at step {step:,} or later, not at {value:,}")
            return value
    raise ValueError(f"{request.action} is not a dial")


def _number_between(name: str, raw: object, low: float, high: float, *, whole: bool = False) -> float:
    between = f"between {low:g} and {high:,.0f}"
    try:
        number = float(str(raw).replace("_", ""))
    except ValueError:
        number = None
    if number is None or (whole and math.isfinite(number) and number % 1):
        raise ValueError(f"{name} is a {'whole ' if whole else ''}number {between}, not {raw!r}.")
    if not low <= number <= high:
        raise ValueError(f"{name} must lie {between}; it is {number:g}.")
    return number


def _changed(dials: DialState, command: Request | Command, value: object, step: int) -> DialState:
    """The dials after a valid command; if a person sent it, with what an undo restores."""
    positions: dict[str, object] = {}
    match command.action:
        case "lr_release":
            positions = {"lr_hold": None}
        case "lr_scale" if isinstance(value, float) and math.isfinite(value):
            positions = {"lr_scale": value, "lr_hold": None}
        case "rewarm":
            positions = {"rewarm_step": step, "rewarm_steps": value}
        case "lr_hold" | "total_steps":
            positions = {command.action: value}
        case "set" if command.dial in SETTABLE:
            positions = {command.dial: value}
    new = dials.with_positions(positions)
    if command.dial == "beta2":
        new = replace(new, beta2_windows=new.windows_per_step)
    replaced = {name: getattr(dials, name) for name in new.changed_from(dials)}
    if not replaced or not command.command_id:
        return new
    return replace(new, undos=(*dials.undos, Undo(command.dial or command.action, replaced))[-MAX_UNDOS:])


def _number(position: Position) -> float | None:
    return float(position) if isinstance(position, int | float) else None
