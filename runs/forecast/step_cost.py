"""The seconds of a training step, as a range, from the newest steps and from how much the speed has varied.

The fewer steps were timed, the wider the range; steps far slower than the others count as often as they came.

Taken from the run's clock, less what was spent on anything else: on a GPU the recorded seconds are those of queueing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise, takewhile

import numpy as np
import numpy.typing as npt

from babytrain.runs.events import Checkpoint, Eval, Sample
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.run_state import RunSnapshot

RECENT_STEPS = 400
MIN_WINDOW_STEPS = 60
MIN_TIMED_STEPS = 10  # fewer say nothing of how the speed varies
FEW_STEPS_SPREAD = 2.5  # of the mean of n steps, as a share, times n
FIRST_STEP_LOW, FIRST_STEP_HIGH = 0.01, 1.5  # of the first step, in which everything is loaded for the first time
SLOW_RATIO = 10.0  # an interval this many times the usual one counts by itself
SPEED_BLOCKS = 8
DRIFT_BLOCKS = 5
MOST_DRIFT = 0.3
LONGEST_STEP_SECONDS = 1e6
SMALLEST_SPREAD = 0.04  # of the speed, from clocks and turbo modes alone
SPREAD_DEVIATIONS = 1.2  # standard deviations on either side
DRIFT_MARGIN = 1.3  # possible drift relative to the drift so far
STALL_RATIO, STALL_SECONDS = 20.0, 5.0  # an interval this many times the usual one and this long is sleep

StepArray = npt.NDArray[np.float64]


def step_cost(snapshot: RunSnapshot) -> ValueRange | None:
    """Seconds of a training step, from the newest ones; None before the first."""
    first = first_row(snapshot)
    steps, t = snapshot.column("step")[first:], snapshot.column("t")[first:].astype(np.float64)
    if not len(t) or not np.isfinite(t).all():
        return None
    if len(t) == 1:
        return _cost_of_first_step(snapshot, float(t[0]))
    counts = np.maximum(np.diff(steps).astype(np.float64), 1.0)
    seconds = np.maximum(np.diff(t) - np.diff(_seconds_not_training(snapshot, t)), 0.0)
    usual = float(np.median(seconds / counts))
    awake = seconds <= np.maximum(STALL_RATIO * usual * counts, STALL_SECONDS)
    slow = awake & (seconds > SLOW_RATIO * usual * counts)
    alike = awake & ~slow
    done = float(counts[alike].sum())
    mean = float(seconds[alike].sum()) / done
    if not 0.0 <= mean < math.inf:
        return None
    spread = max(SMALLEST_SPREAD, FEW_STEPS_SPREAD / done) * mean
    if len(t) > MIN_TIMED_STEPS:
        spread = max(
            spread,
            SPREAD_DEVIATIONS * _block_spread(seconds[alike], counts[alike]),
            DRIFT_MARGIN * _drift(snapshot) * mean,
        )
    # Of n slow steps the next ones may be fewer or more by the square root of n.
    extra, count = float((seconds[slow] - usual * counts[slow]).sum()) / done, max(1.0, float(slow.sum()))
    likely = ValueRange(1.0 - 1.0 / math.sqrt(count), 1.0 + 1.0 / math.sqrt(count)).times(extra)
    return ValueRange(max(mean - spread, 0.2 * mean), mean + spread).plus(likely)


def _cost_of_first_step(snapshot: RunSnapshot, t: float) -> ValueRange | None:
    begun = [event.t for event in snapshot.state.phases.until(t) if event.phase in ("training", "compiling")]
    seconds = max(t - begun[-1] if begun else t, float(snapshot.column("step_seconds")[-1]))
    return ValueRange(FIRST_STEP_LOW * seconds, FIRST_STEP_HIGH * seconds) if 0.0 <= seconds < math.inf else None


def is_briefly_timed(snapshot: RunSnapshot) -> bool:
    """Whether the speed is that of a few steps: at the start, after a resume, with another batch size."""
    return snapshot.rows - first_row(snapshot) <= MIN_WINDOW_STEPS


def first_row(snapshot: RunSnapshot) -> int:
    """The row before the newest steps, from which the speed is taken."""
    return max(0, snapshot.rows - _window(snapshot) - 1, _first_alike_row(snapshot))


def _seconds_not_training(snapshot: RunSnapshot, t: StepArray) -> StepArray:
    """Seconds not spent on training from `t[0]` up to each of the times `t` [N]."""
    spans = sorted(span for span in _intervals_not_training(snapshot, float(t[0])) if span[1] > span[0])
    edges, away, total = [float(t[0])], [0.0], 0.0
    for low, high in spans:
        start = max(low, edges[-1])
        if high <= start:
            continue
        edges += [start, high]
        away += [total, total + high - start]
        total += high - start
    seconds: StepArray = np.interp(t, edges, away)
    return seconds


def _intervals_not_training(snapshot: RunSnapshot, since: float) -> Iterator[tuple[float, float]]:
    """Intervals since a time without training, from phases and from the durations of events."""
    until = snapshot.t
    for event in snapshot.state.phases.newest_first(until):
        if event.phase != "training":
            yield event.t, until
        until = event.t
        if event.t < since:
            break
    state = snapshot.state
    yield from _durations(state.evals.newest_first(snapshot.t), since)
    yield from _durations(state.samples.newest_first(snapshot.t), since)
    yield from _durations(state.checkpoints.newest_first(snapshot.t), since)
    yield from _intervals_superseded(snapshot, since)


def _intervals_superseded(snapshot: RunSnapshot, since: float) -> Iterator[tuple[float, float]]:
    """Intervals with steps that a resume superseded after a rollback or a kill."""
    steps, t = snapshot.column("step"), snapshot.column("t")
    for resumed in takewhile(lambda event: event.t >= since, snapshot.state.resumes.newest_first(snapshot.t)):
        kept = int(np.searchsorted(steps, resumed.step, side="right"))
        if kept:
            yield float(t[kept - 1]), resumed.t


def _durations(done: Iterable[Eval | Sample | Checkpoint], since: float) -> Iterator[tuple[float, float]]:
    for event in takewhile(lambda event: event.t >= since, done):
        if 0.0 <= event.seconds < math.inf:
            yield event.t - event.seconds, event.t


def _block_spread(seconds: StepArray, counts: StepArray) -> float:
    """Standard deviation of the seconds of a step between blocks of neighbours."""
    blocks = max(1, min(SPEED_BLOCKS, len(seconds) // 5))
    edges = [round(index * len(seconds) / blocks) for index in range(blocks + 1)]
    speeds = [float(seconds[a:b].sum()) / max(1.0, float(counts[a:b].sum())) for a, b in pairwise(edges)]
    return float(np.std(speeds))


def _drift(snapshot: RunSnapshot) -> float:
    """The relative deviation of the speed from the present one, as far back as the run has yet to go."""
    ahead = max(0, snapshot.total_steps - snapshot.step)  # a shortened run may be past its end
    first = int(np.searchsorted(snapshot.column("step"), snapshot.step - max(RECENT_STEPS, ahead)))
    first = max(1, first, _first_alike_row(snapshot) + 1)
    steps, seconds = snapshot.column("step")[first - 1 :], snapshot.column("step_seconds")[first:]
    if len(seconds) < DRIFT_BLOCKS * MIN_TIMED_STEPS or not np.all((seconds > 0) & (seconds < LONGEST_STEP_SECONDS)):
        return 0.0
    each = seconds / np.maximum(np.diff(steps), 1)
    # Medians, so that one sleep of the machine does not count.
    usual = np.array([np.median(block) for block in np.array_split(each, DRIFT_BLOCKS)])
    away = float(np.mean((usual / np.median(each[-_window(snapshot) :]) - 1.0) ** 2))
    # A speed seen only briefly may drift on like a random walk, with the square root of the time.
    further = 1.0 + ahead / max(1, int(steps[-1] - steps[0]))
    return min(MOST_DRIFT, math.sqrt(away * further))


def _first_alike_row(snapshot: RunSnapshot) -> int:
    """The first row with the present batch size and, once it has some steps, of this session: both change the speed."""
    resized = snapshot.state.dials.at(snapshot.t).resized_step
    row = int(np.searchsorted(snapshot.column("step"), resized)) if resized else 0
    begun = max(snapshot.later_session_starts, default=0.0)
    in_session = int(np.searchsorted(snapshot.column("t"), begun))
    return max(row, in_session) if snapshot.rows - in_session > MIN_TIMED_STEPS else row


def _window(snapshot: RunSnapshot) -> int:
    """The number of newest rows for the speed: few enough to follow a machine that slows down."""
    return min(RECENT_STEPS, max(MIN_WINDOW_STEPS, snapshot.rows // 3))
