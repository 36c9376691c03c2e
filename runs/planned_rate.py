"""The learning rate of every step of a run: as recorded so far, and as planned from here to the end.

Read from the recorded configuration and the commands alone, because a replayed or watched run has no engine to ask.
The shapes are those of the engine (`engine/optim/schedule.py`); a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from babytrain.runs.events import Command, Resumed
from babytrain.runs.state import Moment

Array = npt.NDArray[np.float64]
SCHEDULES = ("linear", "cosine", "wsd", "constant")


TURNS = ("lr_scale", "lr_hold", "lr_release", "rewarm", "set", "total_steps")
# Dials that change no loss: how often one looks, and how the run behaves in the house it stands in.
CADENCES = ("eval_every", "sample_every")
HOUSE = ("quiet_hours", "quiet_duty", "temperature_ceiling", "power_budget", "on_battery")
HARMLESS = (*CADENCES, *HOUSE)


@dataclass(frozen=True)
class RateDial:
    """What a person has done to the schedule: a factor on it, a rate or a shape in its place, a second warm-up.

    `turned_at_step` is when something last changed that a loss may show.
    """

    scale: float = 1.0
    hold: float | None = None
    schedule: str = ""
    rewarm_step: int = 0
    rewarm_steps: int = 0
    turned_at_step: int = 0


def planned_learning_rates(moment: Moment, steps: npt.ArrayLike, total_steps: int | None = None) -> Array | None:
    """Learning rates [N] planned for the steps numbered `steps` [N] (the first is 1), or None: no plan on record.

    `total_steps` is where the run ends, as planned at this moment unless given.
    """
    started = moment.started
    if started is None:
        return None
    peak, dial = _number(started.config, "lr"), rate_dial(moment)
    config = {**started.config, "schedule": dial.schedule} if dial.schedule else started.config
    finished = np.asarray(steps, dtype=np.float64) - 1.0
    factors = schedule_factors(config, finished, moment.total_steps if total_steps is None else total_steps)
    if peak is None or peak <= 0 or factors is None:
        return None
    rates = np.full_like(factors, dial.hold) if dial.hold is not None else factors * (peak * dial.scale)
    climbed = finished - dial.rewarm_step
    climbing = (climbed >= 0) & (climbed < dial.rewarm_steps)
    return np.where(climbing, rates * (climbed + 1.0) / (dial.rewarm_steps + 1.0), rates)


def schedule_factors(config: Mapping[str, Any], finished_steps: Array, total_steps: int) -> Array | None:
    """Shares of the peak rate [N], in [0, 1], for the steps that follow `finished_steps` [N] finished ones.

    None if the configuration does not say which schedule, or says it in a way that no run does.
    """
    schedule = config.get("schedule")
    warmup, decay, min_rate = _number(config, "warmup"), _number(config, "decay", 0.2), _number(config, "min_lr", 0.0)
    if schedule not in SCHEDULES or warmup is None or decay is None or min_rate is None or total_steps <= 0:
        return None
    warmup_steps = max(0, min(int(warmup), total_steps // 2))
    rising = (finished_steps + 1.0) / (warmup_steps + 1.0)
    if schedule == "constant":
        return np.where(finished_steps < warmup_steps, rising, 1.0)
    start = warmup_steps
    if schedule == "wsd":
        start = max(warmup_steps, total_steps - max(1, round(decay * total_steps)))
    progress = np.clip((finished_steps - start) / max(1, total_steps - start), 0.0, 1.0)
    shape = 0.5 * (1.0 + np.cos(np.pi * progress)) if schedule == "cosine" else 1.0 - progress
    return np.where(finished_steps < warmup_steps, rising, min_rate + (1.0 - min_rate) * shape)


def rate_dial(moment: Moment) -> RateDial:
    """Where the dial stands. A resume from a checkpoint takes back what was turned after it."""
    turns = [("", RateDial())]
    for command in applied_turns(moment):
        name, now = turns[-1]
        if command.action == "undo":
            while len(turns) > 1 and turns.pop()[0] != command.dial:
                pass
            if command.dial not in HARMLESS:
                turns[-1] = (turns[-1][0], replace(turns[-1][1], turned_at_step=command.step))
        elif command.command_id == 0:  # the engine's own, which no undo takes back
            turns[-1] = (name, _turned(now, command))
        else:
            turns.append((command.dial or command.action, _turned(now, command)))
    return turns[-1][1]


def cadence(moment: Moment, dial: str) -> int:
    """Every how many steps something is due, 0 for never: as configured, or as a person has set it since."""
    position = dial_position(moment, dial)
    number = _as_number(position) if isinstance(position, str) else position
    return max(0, int(number or 0))


def dial_position(moment: Moment, dial: str) -> float | str | None:
    """Where a dial named like a setting stands: as configured, as a resume changed it, or as a person set it since.

    A number that is none counts as None, and so does what is no position at all.
    """
    positions = [_position(moment.started.config if moment.started else {}, dial)]
    told: list[Command | Resumed] = [one for one in moment.state.resumes.until(moment.t) if dial in one.changes]
    for event in sorted([*told, *applied_turns(moment)], key=attrgetter("t")):
        if isinstance(event, Resumed):
            positions.append(_position(event.changes, dial))
        elif event.dial != dial:
            continue
        elif event.action == "undo":
            positions = positions[: max(1, len(positions) - 1)]
        else:
            positions.append(_finite(event.value) if event.value is not None else event.text)
    return positions[-1]


def applied_turns(moment: Moment) -> list[Command]:
    """The turns of dials that hold, oldest first, `undo` among them."""
    resumes = [resumed for resumed in moment.state.resumes.until(moment.t) if not resumed.within]
    return [
        command
        for command in moment.commands
        if command.status == "applied"
        and (command.action in TURNS or command.action == "undo")
        and not any(command.t <= resumed.t and command.step > resumed.step for resumed in resumes)
    ]


def _turned(dial: RateDial, command: Command) -> RateDial:
    """The dial after one turn."""
    value = _finite(command.value)
    if command.action == "total_steps" or (command.action == "set" and command.dial in HARMLESS):
        return dial
    dial = replace(dial, turned_at_step=command.step)
    if command.action == "lr_scale" and value is not None:
        return replace(dial, scale=value, hold=None)
    if command.action == "lr_hold" and value is not None:
        return replace(dial, hold=value)
    if command.action == "lr_release":
        return replace(dial, hold=None)
    if command.action == "rewarm" and value is not None:
        return replace(dial, rewarm_step=command.step, rewarm_steps=max(0, int(value)))
    if command.action == "set" and command.dial == "schedule":
        return replace(dial, schedule=command.text)
    return dial


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _as_number(text: str) -> float | None:
    try:
        return _finite(float(text))
    except ValueError:
        return None


def _position(settings: Mapping[str, Any], dial: str) -> float | str | None:
    value = settings.get(dial)
    return value if isinstance(value, str) else _number(settings, dial)


def _number(config: Mapping[str, Any], key: str, default: float | None = None) -> float | None:
    """A finite number from a recorded configuration, which a person may have edited."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
