"""When a run held itself back out of regard for who lives with it: when it rested, and what holds now.

Made from the recorded `Restraint` events. Several rules may hold at once, each until it is released or overruled; one
that pauses goes before one that slows down. A new session begins free, since what still holds is told anew.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    """The stretches in which the run stood still for its surroundings, oldest first; named after what began each."""
    found: list[Stretch] = []
    since: tuple[float, str] | None = None
    for t, in_force in _in_force(moment):
        pausing = [event for event in in_force if event.deed == "paused"]
        if pausing and since is None:
            since = (t, pausing[0].cause)
        elif since is not None and not pausing:
            found.append(Stretch(since[0], t, since[1]))
            since = None
    if since is not None:
        ended = moment.ended
        end = moment.t if ended is None else ended.t
        found.append(Stretch(since[0], max(since[0], end), since[1], ongoing=ended is None))
    return found


def holding_now(moment: Moment) -> Restraint | None:
    """What holds the run back at a moment, of several rules the newest, one that pauses before one that slows down.

    None when nothing does, or when the run is over.
    """
    if moment.ended is not None:
        return None
    told = list(_in_force(moment))
    return max(told[-1][1] if told else (), key=lambda event: (event.deed == "paused", event.t), default=None)


def _in_force(moment: Moment) -> Iterator[tuple[float, tuple[Restraint, ...]]]:
    """What holds after each thing that was told, oldest rule first."""
    rules: dict[str, Restraint] = {}
    for t, event in _in_order(moment):
        if event is None:
            rules.clear()
        else:
            rules.pop(event.cause, None)
            if event.deed in ("paused", "slowed"):
                rules[event.cause] = event
        yield t, tuple(rules.values())


def _in_order(moment: Moment) -> list[tuple[float, Restraint | None]]:
    """The restraints so far, and None where a new session began."""
    events: list[tuple[float, Restraint | None]] = [(event.t, event) for event in moment.restraints]
    events += [(one.t, None) for one in moment.state.resumes.until(moment.t) if not one.within]
    return sorted(events, key=lambda entry: (entry[0], entry[1] is not None))
