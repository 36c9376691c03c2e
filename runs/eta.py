"""How long a run will still take, as an honest range, or nothing while it would be a guess.

A progress bar that counts training steps only is wrong by everything else a run does: evaluations, samples,
checkpoints. This one adds up what is still to come. Choices worth knowing:

- The speed is that of the newest steps by the run's own clock, less what was spent on anything else, pauses included.
  On a GPU the recorded seconds of a step are those of handing it over, so the clock is the only witness.
- The width of the range is how much the speed varied, as far back as the run has yet to go.
- What has been timed once or more counts with its own times. What has not is bounded from both sides by arithmetic:
  an evaluation is forward passes only, so it costs at most as many training steps as its tokens would make.
- If the bounds lie too far apart to be of use, there is no estimate. Pure functions throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from babytrain.runs.events import Checkpoint, Eval, Event, Sample
from babytrain.runs.held_time import held_seconds
from babytrain.runs.planned_rate import applied_turns, cadence
from babytrain.runs.state import Moment, Timeline

RECENT_STEPS = 400
FEWEST_WINDOW_STEPS = 60
FEWEST_STEPS = 10
SHORTEST_OBSERVATION_SECONDS = 1.0
BLOCKS = 8
DRIFT_BLOCKS = 5
MOST_DRIFT = 0.3
LONGEST_STEP_SECONDS = 1e6
WIDEST_RATIO = 2.5  # of the high end to the low end
SMALLEST_SPREAD = 0.04  # of the speed: clocks and turbo modes alone vary by this
SPREADS = 1.2  # standard deviations on either side
DRIFTS = 1.3  # how much further than it has drifted already a speed may go
STALL_RATIO, STALL_SECONDS = 20.0, 5.0  # an interval this many times the usual one and this long: a machine asleep
RECENT_COSTS = 5
BATCH_DIALS = ("batch_size", "accumulate")
SLOWEST_DISK_BYTES_PER_SECOND = 30e6
CHECKPOINT_BYTES_PER_PARAMETER = 16  # weights, two moments of AdamW, slack
CLOCK_SLACK = 0.02  # how far before its time a run by the clock may end: its plan is mended only when off by more

Array = npt.NDArray[np.float64]
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class SecondsRange:
    """Seconds of running time, `low` to `high`."""

    low: float
    high: float


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


@dataclass(frozen=True)
class Errand:
    """Something a run does besides training: how often it still comes, and what it costs each time."""

    count: int
    cost: Cost


def estimate_eta(moment: Moment, until: int | None = None) -> SecondsRange | None:
    """What is left of a run (or up to the step `until`), or None: not started, ended, or too early to say."""
    if moment.started is None or moment.ended is not None:
        return None
    last = moment.total_steps if until is None else min(until, moment.total_steps)
    steps_left = last - moment.step
    step = step_cost(moment)
    if step is None or steps_left < 0:
        return None
    total = step.times(steps_left)
    for errand in _errands(moment, step, last):
        if errand.count:
            total = total.plus(errand.cost.times(errand.count))
    total = _within_time_limit(total, moment, step, ends=last >= moment.total_steps)
    if not total.high <= max(WIDEST_RATIO * total.low, total.low + 1.0) or not math.isfinite(total.high):
        return None
    return SecondsRange(total.low, total.high)


def step_cost(moment: Moment) -> Cost | None:
    """What a training step costs, from the newest ones; None while there are too few to tell."""
    first = max(0, moment.rows - _window(moment) - 1, _first_row_of_this_size(moment))
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
    for event in _newest(moment.state.phases, until):
        if event.phase != "training":
            yield event.t, until
        until = event.t
        if event.t < since:
            break
    state, now = moment.state, moment.t
    for timeline in (_newest(state.evals, now), _newest(state.samples, now), _newest(state.checkpoints, now)):
        yield from _durations(timeline, since)


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
    ahead = moment.total_steps - moment.step
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
    turns = [turn.step for turn in applied_turns(moment) if turn.dial in BATCH_DIALS or turn.action == "undo"]
    return int(np.searchsorted(moment.column("step"), turns[-1])) if turns else 0


def _window(moment: Moment) -> int:
    """How many of the newest rows tell the speed: few enough to follow a machine that slows down."""
    return min(RECENT_STEPS, max(FEWEST_WINDOW_STEPS, moment.rows // 3))


def upcoming(every: int, step: int, total_steps: int, *, at_end: bool) -> int:
    """How often something due every `every` steps (0: never) comes after `step`, the end of the run included."""
    if step >= total_steps:
        return 0
    if every <= 0:
        return int(at_end)
    count = total_steps // every - step // every
    return count + int(at_end and total_steps % every != 0)


def _errands(moment: Moment, step: Cost, last: int) -> list[Errand]:
    """Everything up to the step `last` that is not a training step."""
    started = moment.started
    assert started is not None
    config, now = started.config, moment.step
    at_end = last >= moment.total_steps
    evaluation, checkpoint = _evaluation_cost(moment, step), _checkpoint_cost(moment)
    evaluations = upcoming(cadence(moment, "eval_every"), now, last, at_end=at_end)
    samples = upcoming(cadence(moment, "sample_every"), now, last, at_end=False)
    # One token is a far smaller forward pass than a training step.
    unseen_sample = Cost(0.0, _whole(config, "sample_tokens") * step.high)
    return [
        Errand(evaluations, evaluation),
        # Any of them may turn out to be the best so far, and is saved then.
        Errand(evaluations, Cost(0.0, checkpoint.high)),
        Errand(samples, _timed([event.seconds for event in _latest(moment.state.samples, moment.t)], unseen_sample)),
        Errand(upcoming(_whole(config, "checkpoint_every"), now, last, at_end=at_end), checkpoint),
    ]


def _evaluation_cost(moment: Moment, step: Cost) -> Cost:
    started = moment.started
    assert started is not None
    # Validation split plus fixed training windows of at most the same size.
    steps = 2 * started.corpus.val_tokens / max(1, started.tokens_per_step)
    return _timed([event.seconds for event in _latest(moment.state.evals, moment.t)], Cost(0.0, steps * step.high))


def _checkpoint_cost(moment: Moment) -> Cost:
    parameters = moment.started.parameters if moment.started else 0
    slow = parameters * CHECKPOINT_BYTES_PER_PARAMETER / SLOWEST_DISK_BYTES_PER_SECOND
    return _timed([event.seconds for event in _latest(moment.state.checkpoints, moment.t)], Cost(0.0, slow))


def _newest(timeline: Timeline[E], t: float) -> Iterator[E]:
    """Events up to `t`, the newest first."""
    return (timeline.events[index] for index in range(timeline.count_until(t) - 1, -1, -1))


def _latest(timeline: Timeline[E], t: float) -> list[E]:
    """The newest few events up to `t`."""
    return list(islice(_newest(timeline, t), RECENT_COSTS))


def _timed(seconds: Sequence[float], unseen: Cost) -> Cost:
    """The cost of something from its newest timings; `unseen` when there are none."""
    recent = [value for value in seconds[-RECENT_COSTS:] if 0.0 <= value < math.inf]
    if not recent:
        return unseen
    return Cost(min(recent), max(recent))


def _within_time_limit(total: Cost, moment: Moment, step: Cost, *, ends: bool) -> Cost:
    """A run with `minutes` ends by the clock: its plan is mended whenever something is due, until nothing is any more.

    Pauses and rests do not count, neither those there were nor those to come.
    The last evaluation and checkpoint come after the time is up.
    """
    started = moment.started
    assert started is not None
    minutes = started.config.get("minutes", 0.0)
    if not isinstance(minutes, (int, float)) or not minutes > 0:
        return total
    left = max(0.0, minutes * 60 - (moment.t - held_seconds(moment.state, moment.t)))
    if not ends:
        return Cost(min(total.low, left), min(total.high, left))
    closing = _evaluation_cost(moment, step).plus(_checkpoint_cost(moment))
    mended = upcoming(cadence(moment, "eval_every"), moment.step, moment.total_steps - 1, at_end=False) > 0
    if mended:
        return Cost((1.0 - CLOCK_SLACK) * left, left + closing.high)
    return Cost(min(total.low, left), min(total.high, left + closing.high))


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def _whole(config: dict[str, Any], key: str) -> int:
    """A whole number from a recorded config, which a person may have edited: 0 when it is none."""
    value = config.get(key, 0)
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0
