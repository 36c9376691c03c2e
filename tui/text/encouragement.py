"""A friendly line that fits the state of a run. A pure function of the recorded run.

The line depends on the minute of running time, the run's id, and the state when that minute began or the phase last
changed, so a replay shows the same lines. Two times out of three it is a line that fits the state, if there is one.
"""

from __future__ import annotations

import operator
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import msgspec

from babytrain.runs.events import PhaseName
from babytrain.runs.state.elapsed_time import policy_in_force, wall_time_at
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.state.throttling import trains_on_processor
from babytrain.runs.time_of_day import local_time
from babytrain.tui.text.wording import VERDICTS_NEEDING_ACTION

MINUTE_SECONDS = 60.0
MAX_ENCOURAGEMENT_COLUMNS = 72
_LASTING: tuple[PhaseName, ...] = ("loading", "compiling", "paused", "policy_pause")  # others count as training
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class EncouragementContext:
    """The facts that conditions of lines use."""

    phase: str = "training"
    verdict: str = ""
    status: str = "training"
    held_by: str = ""  # the cause of the power policy in force
    celsius: float | None = None
    fan_percent: float | None = None
    joules: float = 0.0
    hour: int = 12
    share_of_steps: float = 0.0  # done of planned
    minutes: float = 0.0
    rescues: int = 0
    samples: int = 0
    dial_changes: int = 0
    on_card: bool = False
    on_battery: bool = False

    @property
    def trains(self) -> bool:
        """Whether the run trains, including evaluations, samples and checkpoints."""
        return self.phase in ("training", "evaluating", "sampling", "saving") and self.status == "training"

    @property
    def learns(self) -> bool:
        """Whether there is something to praise: a verdict, and none that calls for a person."""
        return self.verdict not in ("", "warming up") and self.verdict not in VERDICTS_NEEDING_ACTION


class EncouragementLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line and its condition; see `encouragement.toml`."""

    text: str
    phase: str = ""
    status: str = "training"
    held_by: str = ""
    verdict: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    praise: bool = False  # only for a run that learns

    def fits(self, context: EncouragementContext) -> bool:
        """Whether the condition holds."""
        if context.status != self.status or (self.praise and not context.learns):
            return False
        if self.status != "training":
            return True
        if self.phase or self.held_by:
            return context.phase == self.phase if self.phase else context.held_by == self.held_by
        if not context.trains:
            return False
        return context.verdict in self.verdict or (bool(self.when) and all(_holds(text, context) for text in self.when))


class EncouragementLines(msgspec.Struct, frozen=True):
    """All lines: those with a condition, those that always fit, and those for a run that learns."""

    fitting: tuple[EncouragementLine, ...]
    always: tuple[str, ...]
    learning: tuple[str, ...]


@cache
def encouragement_lines() -> EncouragementLines:
    """The lines of `encouragement.toml`."""
    document = files("babytrain.tui.text").joinpath("encouragement.toml").read_bytes()
    return msgspec.toml.decode(document, type=EncouragementLines)


def _holds(comparison: str, context: EncouragementContext) -> bool:
    """Whether a comparison holds; False for an unknown number."""
    name, holds, limit = _parsed(comparison)
    value = getattr(context, name)
    return value is not None and holds(value, limit)


@cache
def _parsed(comparison: str) -> tuple[str, Callable[[float, float], bool], float]:
    """A comparison such as `hour < 5` as field name, operator and limit."""
    name, sign, limit = comparison.split()
    return name, _COMPARISONS[sign], float(limit)


def encouragement(snapshot: RunSnapshot, longest: int = MAX_ENCOURAGEMENT_COLUMNS) -> str:
    """The line of the minute; "" when it is switched off, or before the run has started.

    Lines of more than `longest` characters are shown only where no shorter one fits.
    """
    started = snapshot.started
    if started is None or snapshot.settings.get("encouragement", True) is False:
        return ""
    minute = int(max(0.0, snapshot.t) // MINUTE_SECONDS)
    return line_for(_context_of_minute(snapshot, minute), f"{started.run_id}:{minute}", longest)


def _context_of_minute(snapshot: RunSnapshot, minute: int) -> EncouragementContext:
    """The context when the minute began, or when the phase last changed, the later of both."""
    if snapshot.ended is not None:
        return context_at(snapshot)
    phases = snapshot.state.phases.until(snapshot.t)
    now, since = _lasting(phases[-1].phase) if phases else "loading", 0.0
    for phase in reversed(phases):
        if _lasting(phase.phase) != now:
            break
        since = phase.t
    start = minute * MINUTE_SECONDS
    context = context_at(snapshot.state.at(max(start, since)))
    return replace(context, phase=now) if since > start else context


def _lasting(phase: PhaseName) -> PhaseName:
    return phase if phase in _LASTING else "training"


def line_for(context: EncouragementContext, seed: str, longest: int = MAX_ENCOURAGEMENT_COLUMNS) -> str:
    """The line for a context and a seed, of at most `longest` characters if possible."""
    number = zlib.crc32(seed.encode("utf-8", "replace"))
    known = encouragement_lines()
    fitting = [line.text for line in known.fitting if line.fits(context)]
    # The lines without a condition are about learning, so they do not fit a run that rests or has ended.
    others = (*known.always, *(known.learning if context.learns else ()))
    lines: Sequence[str] = fitting if fitting and (number % 3 or not context.trains) else others
    lines = [line for line in lines if len(line) <= longest] or lines
    return lines[number // 3 % len(lines)]


def context_at(snapshot: RunSnapshot) -> EncouragementContext:
    """The context of a snapshot."""
    vitals, verdict, held, energy = snapshot.vitals, snapshot.verdict, policy_in_force(snapshot), snapshot.energy
    card = vitals.training_gpu if vitals is not None else None
    host = vitals.host if vitals is not None else None
    on_card = snapshot.started is not None and not trains_on_processor(snapshot)
    simulated = snapshot.settings.get("sensors") == "scripted"
    total = snapshot.total_steps
    return EncouragementContext(
        phase=snapshot.phase,
        verdict=verdict.verdict if verdict is not None else "",
        status=snapshot.status,
        held_by=held.cause if held is not None else "",
        celsius=card.temperature_celsius if card else host.temperature_celsius if host and not on_card else None,
        fan_percent=card.fan_percent if card is not None else None,
        joules=energy.joules if energy is not None and not simulated else 0.0,
        hour=local_time(wall_time_at(snapshot)).tm_hour,
        share_of_steps=snapshot.step / total if total else 0.0,
        minutes=snapshot.t / 60,
        rescues=snapshot.state.guard_events.count_until(snapshot.t),
        samples=snapshot.state.samples.count_until(snapshot.t),
        dial_changes=sum(
            command.status == "applied" and command.command_id != 0
            for command in snapshot.state.commands.until(snapshot.t)[-20:]
        ),
        on_card=on_card,
        on_battery=host is not None and host.plugged_in is False,
    )
