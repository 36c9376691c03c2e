"""When a run held itself back out of regard for who lives with it: when it rested, and what holds now.

Made from the recorded `Restraint` events. One rule holds at a time, the newest that was told; a new session begins
free, since what still holds is told anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.runs.events import Restraint
from babytrain.runs.state import Moment


@dataclass(frozen=True)
class Stretch:
    """From `start` to `end` in seconds of running time, and why in a few words; `ongoing` when it has not ended."""

    start: float
    end: float
    words: str
    ongoing: bool = False


def rests(moment: Moment) -> list[Stretch]:
    """The stretches in which the run stood still for its surroundings, oldest first."""
    found: list[Stretch] = []
    since: tuple[float, str] | None = None
    for t, event in _in_order(moment):
        rests_now = event is not None and event.deed == "paused"
        if event is not None and rests_now and since is None:
            since = (t, event.cause)
        elif since is not None and not rests_now:
            found.append(Stretch(since[0], t, since[1]))
            since = None
    if since is not None:
        ended = moment.ended
        end = moment.t if ended is None else ended.t
        found.append(Stretch(since[0], max(since[0], end), since[1], ongoing=ended is None))
    return found


def holding_now(moment: Moment) -> Restraint | None:
    """What holds the run back at a moment; None when nothing does, or when the run is over."""
    newest = moment.state.restraints.last_until(moment.t)
    if newest is None or newest.deed not in ("paused", "slowed") or moment.ended is not None:
        return None
    sessions = (one.t for one in moment.state.resumes.until(moment.t) if not one.within)
    return None if newest.t < max(sessions, default=newest.t) else newest


def _in_order(moment: Moment) -> list[tuple[float, Restraint | None]]:
    """The restraints so far, and None where a new session began."""
    events: list[tuple[float, Restraint | None]] = [(event.t, event) for event in moment.restraints]
    events += [(one.t, None) for one in moment.state.resumes.until(moment.t) if not one.within]
    return sorted(events, key=lambda entry: (entry[0], entry[1] is not None))
