"""What holds the computer up: heat or power (throttled), or the data that does not come fast enough."""

from __future__ import annotations

import numpy as np

from babytrain.engine.diagnosis.measures import finite
from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.diagnosis.verdicts import Finding
from babytrain.engine.diagnosis.words import percent

THROTTLED_SECONDS = 12.0  # of the last 60: below that a run is not noticeably later
WAITING_SHARE = 0.25  # of the step time: a loader that keeps up waits for nothing, a quarter is a quarter of the run
RELEASE = 0.5  # a verdict once given stays until the share is this far below its threshold
SPEED_ROWS = 64
SPEED_BASE_ROWS = 512


def find_throttling(observation: Observation, *, standing: bool) -> Finding | None:
    """The hardware slows itself down. `standing`: that was the verdict so far."""
    throttled = observation.throttled_seconds
    if not throttled >= THROTTLED_SECONDS * (RELEASE if standing else 1.0):
        return None
    why = f"The hardware slowed itself down for {min(throttled, 60.0):.0f} of the last 60 seconds"
    seconds = finite(observation.tail("step_seconds", SPEED_BASE_ROWS))
    if len(seconds) > 2 * SPEED_ROWS:
        now = float(np.median(seconds[-SPEED_ROWS:]))
        usual = float(np.quantile(seconds[:-SPEED_ROWS], 0.2))
        if now > 1.05 * usual > 0.0:
            why += f"; a step takes {1000 * now:.0f} ms where it took {1000 * usual:.0f}"
    return Finding("throttled", why + ".", "Give it air, plug it in or raise its power limit; learning is not harmed.")


def find_waiting(observation: Observation, *, standing: bool) -> Finding | None:
    """The steps wait for their data. `standing`: that was the verdict so far."""
    share = observation.waiting_share
    if not share >= WAITING_SHARE * (RELEASE if standing else 1.0):
        return None
    return Finding(
        "data-bound",
        f"{percent(share)} of the step time goes by waiting for data.",
        "Put the text on a faster disk or into memory, or stop what else is reading; learning is not harmed.",
    )
