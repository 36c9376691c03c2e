"""Running time against the clock: the wall time of a snapshot, and when a run did not train: paused by a person, or by
its power policy (quiet hours, temperature, battery).

Made from the recorded phases and `PolicyEvent` events alone. Several policies may be in force at once, each until
it
is released or overridden; one that pauses goes before one that slows down. A new session begins with none in force.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from babytrain.runs.events import Event, Phase, PolicyEvent
from babytrain.runs.state.run_state import RunSnapshot, RunState


@dataclass(frozen=True)
class Interval:
    """From `start` to `end` in seconds of running time, and why in a few words; `ongoing` when it has not ended."""

    start: float
    end: float
    words: str
    ongoing: bool = False


def policy_pauses(snapshot: RunSnapshot) -> list[Interval]:
    """The stretches in which the run stood still for its surroundings, oldest first; named after what began each."""
    found: list[Interval] = []
    since: tuple[float, str] | None = None
    for t, in_force in _policies_in_force(snapshot):
        pausing = [event for event in in_force if event.action == "paused"]
        if pausing and since is None:
            since = (t, pausing[0].cause)
        elif since is not None and not pausing:
            found.append(Interval(since[0], t, since[1]))
            since = None
    if since is not None:
        ended = snapshot.ended
        end = snapshot.t if ended is None else ended.t
        found.append(Interval(since[0], max(since[0], end), since[1], ongoing=ended is None))
    return found


def policy_in_force(snapshot: RunSnapshot) -> PolicyEvent | None:
    """What holds the run back at a moment, of several rules the newest, one that pauses before one that slows down.

    None when nothing does, or when the run is over.
    """
    if snapshot.ended is not None:
        return None
    told = list(_policies_in_force(snapshot))
    return max(told[-1][1] if told else (), key=lambda event: (event.action == "paused", event.t), default=None)


def _policies_in_force(snapshot: RunSnapshot) -> Iterator[tuple[float, tuple[PolicyEvent, ...]]]:
    """What holds after each thing that was told, oldest rule first."""
    rules: dict[str, PolicyEvent] = {}
    for t, event in _in_order(snapshot):
        if event is None:
            rules.clear()
        else:
            rules.pop(event.cause, None)
            if event.action in ("paused", "slowed"):
                rules[event.cause] = event
        yield t, tuple(rules.values())


def _in_order(snapshot: RunSnapshot) -> list[tuple[float, PolicyEvent | None]]:
    """The restraints so far, and None where a new session began."""
    events: list[tuple[float, PolicyEvent | None]] = [(event.t, event) for event in snapshot.policy_events]
    events += [(one.t, None) for one in snapshot.state.resumes.until(snapshot.t) if not one.rollback]
    return sorted(events, key=lambda entry: (entry[0], entry[1] is not None))


PAUSED_PHASES = ("paused", "policy_pause")


def paused_seconds(state: RunState, until: float = math.inf) -> float:
    """Seconds of running time up to `until` in which the run was held. A new session ends what the old one was at."""
    until = state.last_t if math.isinf(until) else until
    marks: list[Event] = [*state.phases.until(until), *(one for one in state.resumes.until(until) if not one.rollback)]
    marks.sort(key=lambda event: (event.t, isinstance(event, Phase)))
    held, since = 0.0, None
    for mark in marks:
        if since is not None:
            held += mark.t - since
        since = mark.t if isinstance(mark, Phase) and mark.phase in PAUSED_PHASES else None
    return held + (until - since if since is not None else 0.0)


def wall_time_at(snapshot: RunSnapshot) -> float:
    """The Unix time of a moment of running time, as far as the journal tells: sleep is not running time."""
    began_t, began = 0.0, snapshot.started.wall_time if snapshot.started else 0.0
    for resumed in snapshot.state.resumes.until(snapshot.t):
        began_t, began = resumed.t, resumed.wall_time
    return began + snapshot.t - began_t
