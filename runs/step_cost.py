"""What a training step costs, as a range: from the newest steps, and from how much the speed of the run has varied.

- The speed is that of the newest steps by the run's own clock, less what was spent on anything else, pauses included.
  On a GPU the recorded seconds of a step are those of handing it over, so the clock is the only witness.
- The width of the range is how much the speed varied, as far back as the run has yet to go.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from babytrain.runs.events import Checkpoint, Eval, Event, Sample
from babytrain.runs.state import Moment, Timeline

RECENT_STEPS = 400
FEWEST_WINDOW_STEPS = 60
FEWEST_STEPS = 10
SHORTEST_OBSERVATION_SECONDS = 1.0
BLOCKS = 8
DRIFT_BLOCKS = 5
MOST_DRIFT = 0.3
LONGEST_STEP_SECONDS = 1e6
SMALLEST_SPREAD = 0.04  # of the speed: clocks and turbo modes alone vary by this
SPREADS = 1.2  # standard deviations on either side
DRIFTS = 1.3  # how much further than it has drifted already a speed may go
STALL_RATIO, STALL_SECONDS = 20.0, 5.0  # an interval this many times the usual one and this long: a machine asleep

Array = npt.NDArray[np.float64]
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Cost:
    """What one thing costs, in seconds, from `low` to `high`."""

    low: float
    high: float

    def times(self, count: float) -> Cost:
        """The cost of `count` of them."""
        return Cost(self.low * count, self.high * count)

    def plus(self, other: Cost) -> Cost:
        """Both."""
        return Cost(self.low + other.low, self.high + other.high)


NOTHING = Cost(0.0, 0.0)


def step_cost(moment: Moment) -> Cost | None:
    """What a training step costs, from the newest ones; None while there are too few to tell."""
    first = first_row(moment)
    steps, t = moment.column("step")[first:], moment.column("t")[first:].astype(np.float64)
    if len(steps) - 1 < FEWEST_STEPS or not np.isfinite(t).all():
        return None
    counts = np.diff(steps).astype(np.float64)
    seconds = np.diff(t) - np.diff(_seconds_away(moment, t))
    each = seconds / np.maximum(counts, 1.0)
    awake = seconds < np.maximum(STALL_RATIO * np.median(each) * counts, STALL_SECONDS)
    counts, seconds = counts[awake], seconds[awake]
    total, done = float(seconds.sum()), float(counts.sum())
    if not math.isfinite(total) or total < SHORTEST_OBSERVATION_SECONDS or done < FEWEST_STEPS:
        return None
    mean = total / done
    varied = max(SPREADS * _block_spread(seconds, counts), DRIFTS * _drift(moment) * mean)
    spread = max(varied, SMALLEST_SPREAD * mean)
    return Cost(max(mean - spread, 0.2 * mean), mean + spread)


def first_row(moment: Moment) -> int:
    """The row before the newest steps that tell the speed."""
    return max(0, moment.rows - _window(moment) - 1, _first_row_of_this_size(moment))


def _seconds_away(moment: Moment, t: Array) -> Array:
    """Seconds spent on anything but training from `t[0]` up to each of the times `t` [N]."""
    spans = sorted(span for span in _spans_away(moment, float(t[0])) if span[1] > span[0])
    edges, away, total = [float(t[0])], [0.0], 0.0
    for low, high in spans:
        start = max(low, edges[-1])
        if high <= start:
            continue
        edges += [start, high]
        away += [total, total + high - start]
        total += high - start
    seconds: Array = np.interp(t, edges, away)
    return seconds


def _spans_away(moment: Moment, since: float) -> Iterator[tuple[float, float]]:
    """When, since a time, the engine was not training: by its phases, and by what it did if it did not say so."""
    until = moment.t
    for event in newest(moment.state.phases, until):
        if event.phase != "training":
            yield event.t, until
        until = event.t
        if event.t < since:
            break
    state, now = moment.state, moment.t
    for timeline in (newest(state.evals, now), newest(state.samples, now), newest(state.checkpoints, now)):
        yield from _durations(timeline, since)
    yield from _spans_given_up(moment, since)


def _spans_given_up(moment: Moment, since: float) -> Iterator[tuple[float, float]]:
    """When it made steps that are on record no more, because the run went back or was killed before a checkpoint."""
    steps, t = moment.column("step"), moment.column("t")
    for resumed in takewhile(lambda event: event.t >= since, newest(moment.state.resumes, moment.t)):
        kept = int(np.searchsorted(steps, resumed.step, side="right"))
        if kept:
            yield float(t[kept - 1]), resumed.t


def _durations(done: Iterable[Eval | Sample | Checkpoint], since: float) -> Iterator[tuple[float, float]]:
    for event in takewhile(lambda event: event.t >= since, done):
        if 0.0 <= event.seconds < math.inf:
            yield event.t - event.seconds, event.t


def _block_spread(seconds: Array, counts: Array) -> float:
    """How much the seconds of a step vary between some blocks of neighbours."""
    blocks = max(1, min(BLOCKS, len(seconds) // 5))
    edges = [round(index * len(seconds) / blocks) for index in range(blocks + 1)]
    speeds = [float(seconds[a:b].sum()) / max(1.0, float(counts[a:b].sum())) for a, b in pairwise(edges)]
    return _deviation(speeds)


def _drift(moment: Moment) -> float:
    """How far the speed was from what it is now, as far back as the run has yet to go, as a share.

    What has been seen for a short while only may go on to change, like a walk: with the square root of the time.
    """
    ahead = max(0, moment.total_steps - moment.step)  # a run told to be shorter may stand past its end
    first = int(np.searchsorted(moment.column("step"), moment.step - max(RECENT_STEPS, ahead)))
    first = max(1, first, _first_row_of_this_size(moment) + 1)
    steps, seconds = moment.column("step")[first - 1 :], moment.column("step_seconds")[first:]
    if len(seconds) < DRIFT_BLOCKS * FEWEST_STEPS or not np.all((seconds > 0) & (seconds < LONGEST_STEP_SECONDS)):
        return 0.0
    each = seconds / np.maximum(np.diff(steps), 1)
    # Medians, because a machine that slept once is no reason to doubt the rest.
    usual = np.array([np.median(block) for block in np.array_split(each, DRIFT_BLOCKS)])
    away = float(np.mean((usual / np.median(each[-_window(moment) :]) - 1.0) ** 2))
    further = 1.0 + ahead / max(1, int(steps[-1] - steps[0]))
    return min(MOST_DRIFT, math.sqrt(away * further))


def _first_row_of_this_size(moment: Moment) -> int:
    """The row since which steps have been of the size they are: another batch is another speed."""
    resized = moment.state.dials.at(moment.t).resized_step
    return int(np.searchsorted(moment.column("step"), resized)) if resized else 0


def _window(moment: Moment) -> int:
    """How many of the newest rows tell the speed: few enough to follow a machine that slows down."""
    return min(RECENT_STEPS, max(FEWEST_WINDOW_STEPS, moment.rows // 3))


def newest(timeline: Timeline[E], t: float) -> Iterator[E]:
    """Events up to `t`, the newest first."""
    return (timeline.events[index] for index in range(timeline.count_until(t) - 1, -1, -1))


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
