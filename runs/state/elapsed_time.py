"""Wall time, and when a run was paused by a person or by its power policy, from recorded events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from babytrain.runs.events import PolicyEvent
from babytrain.runs.state.run_state import RunSnapshot, RunState


@dataclass(frozen=True)
class Interval:
    """Seconds of running time with a short cause; `ongoing` when it has not ended."""

    start: float
    end: float
    cause: str
    ongoing: bool = False


def policy_pauses(snapshot: RunSnapshot) -> list[Interval]:
    """When policies paused the run, oldest first; each interval is named after the cause that began it."""
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
    """The policy in force at a moment, None when there is none or the run is over; pauses first, then the newest."""
    if snapshot.ended is not None:
        return None
    history = list(_policies_in_force(snapshot))
    return max(history[-1][1] if history else (), key=lambda event: (event.action == "paused", event.t), default=None)


def _policies_in_force(snapshot: RunSnapshot) -> Iterator[tuple[float, tuple[PolicyEvent, ...]]]:
    """The policies in force, until released or overridden, after each policy event and session start, oldest first."""
    events: list[tuple[float, PolicyEvent | None]] = [
        (event.t, event) for event in snapshot.state.policy_events.until(snapshot.t)
    ]
    events += [(t, None) for t in snapshot.later_session_starts]
    in_force: dict[str, PolicyEvent] = {}
    for t, event in sorted(events, key=lambda entry: (entry[0], entry[1] is not None)):
        if event is None:
            in_force.clear()
        else:
            in_force.pop(event.cause, None)
            if event.action in ("paused", "slowed"):
                in_force[event.cause] = event
        yield t, tuple(in_force.values())


PAUSED_PHASES = ("paused", "policy_pause")


def paused_seconds(state: RunState, until: float = math.inf) -> float:
    """Seconds of running time up to `until` in which the run was paused. A new session ends a pause."""
    snapshot = state.at(state.last_t if math.isinf(until) else until)
    changes = [(t, False) for t in snapshot.later_session_starts]
    changes += [(event.t, event.phase in PAUSED_PHASES) for event in state.phases.until(snapshot.t)]
    paused, since = 0.0, None
    for t, pauses in sorted(changes, key=itemgetter(0)):
        if since is not None:
            paused += t - since
        since = t if pauses else None
    return paused + (snapshot.t - since if since is not None else 0.0)


def wall_time_at(snapshot: RunSnapshot) -> float:
    """The Unix time of a moment of running time; sleep is not running time."""
    began_t, began = 0.0, snapshot.started.wall_time if snapshot.started else 0.0
    for resumed in snapshot.state.resumes.until(snapshot.t):
        began_t, began = resumed.t, resumed.wall_time
    return began + snapshot.t - began_t
