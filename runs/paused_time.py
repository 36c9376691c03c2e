"""How long a run was held: paused by a person, or resting by a rule of the house. From the recorded phases alone.

A run that is to take so many minutes is meant to train for as long; the time it was held does not count.
"""

from __future__ import annotations

import math

from babytrain.runs.events import Event, Phase
from babytrain.runs.state import RunState

HELD_PHASES = ("paused", "resting")


def held_seconds(state: RunState, until: float = math.inf) -> float:
    """Seconds of running time up to `until` in which the run was held. A new session ends what the old one was at."""
    until = state.last_t if math.isinf(until) else until
    marks: list[Event] = [*state.phases.until(until), *(one for one in state.resumes.until(until) if not one.within)]
    marks.sort(key=lambda event: (event.t, isinstance(event, Phase)))
    held, since = 0.0, None
    for mark in marks:
        if since is not None:
            held += mark.t - since
        since = mark.t if isinstance(mark, Phase) and mark.phase in HELD_PHASES else None
    return held + (until - since if since is not None else 0.0)
