"""How long a run will still take, as an honest range, or nothing while it would be a guess.

A progress bar that counts training steps only is wrong by everything else a run does: evaluations, samples,
checkpoints. This one adds up what is still to come. Choices worth knowing:

- The speed is that of the newest steps, and the width of the range is how much their speed varied.
- What has been timed once or more counts with its own times. What has not is bounded from both sides by arithmetic:
  an evaluation is forward passes only, so it costs at most as many training steps as its tokens would make.
- If the bounds lie too far apart to be of use, there is no estimate. Pure functions throughout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from babytrain.runs.state import Moment

RECENT_STEPS = 400
FEWEST_STEPS = 10
SHORTEST_OBSERVATION_SECONDS = 1.0
BLOCKS = 8
WIDEST_RATIO = 2.5  # of the high end to the low end
SMALLEST_SPREAD = 0.01  # of the speed: clocks and turbo modes alone vary by this
RECENT_COSTS = 5
SLOWEST_DISK_BYTES_PER_SECOND = 30e6
CHECKPOINT_BYTES_PER_PARAMETER = 16  # weights, two moments of AdamW, slack


@dataclass(frozen=True)
class Eta:
    """Seconds of running time still to come, `low` to `high`."""

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


def estimate_eta(moment: Moment) -> Eta | None:
    """What is left of a run, or None: not started, ended, or too early to say."""
    started = moment.started
    if started is None or moment.ended is not None:
        return None
    steps_left = moment.total_steps - moment.step
    step = step_cost(moment)
    if step is None or steps_left < 0:
        return None
    total = step.times(steps_left)
    for count, cost in _other_costs(moment, step):
        if count:
            total = total.plus(cost.times(count))
    total = _within_time_limit(total, moment)
    if total.high > max(WIDEST_RATIO * total.low, total.low + 1.0):
        return None
    return Eta(total.low, total.high)


def step_cost(moment: Moment) -> Cost | None:
    """What a training step costs, from the newest ones; None while there are too few to tell."""
    steps = moment.column("step")[-RECENT_STEPS - 1 :]
    seconds = moment.column("step_seconds")[-RECENT_STEPS - 1 :]
    count = len(steps) - 1
    if count < FEWEST_STEPS:
        return None
    total = float(seconds[1:].sum())
    done = int(steps[-1] - steps[0])
    if not math.isfinite(total) or total < SHORTEST_OBSERVATION_SECONDS or done <= 0:
        return None
    mean = total / done
    blocks = min(BLOCKS, count // 5)
    edges = [round(index * count / blocks) for index in range(blocks + 1)]
    speeds = [
        float(seconds[1 + first : 1 + last].sum()) / max(1, int(steps[last] - steps[first]))
        for first, last in pairwise(edges)
    ]
    spread = max(_deviation(speeds), SMALLEST_SPREAD * mean)
    return Cost(max(mean - spread, 0.2 * mean), mean + spread)


def upcoming(every: int, step: int, total_steps: int, *, at_end: bool) -> int:
    """How often something due every `every` steps (0: never) comes after `step`, the end of the run included."""
    if step >= total_steps:
        return 0
    if every <= 0:
        return int(at_end)
    count = total_steps // every - step // every
    return count + int(at_end and total_steps % every != 0)


def _other_costs(moment: Moment, step: Cost) -> list[tuple[int, Cost]]:
    """Everything that is not a training step: how often it still comes, and what it costs."""
    started = moment.started
    assert started is not None
    config, total = started.config, moment.total_steps
    corpus = started.corpus
    # Validation split plus fixed training windows of at most the same size.
    evaluation_steps = 2 * corpus.val_tokens / max(1, started.tokens_per_step)
    slow_checkpoint = started.parameters * CHECKPOINT_BYTES_PER_PARAMETER / SLOWEST_DISK_BYTES_PER_SECOND
    checkpoint = _timed([event.seconds for event in moment.checkpoints], Cost(0.0, slow_checkpoint))
    evaluations = upcoming(_whole(config, "eval_every"), moment.step, total, at_end=True)
    return [
        (
            evaluations,
            _timed([event.seconds for event in moment.evals], Cost(0.0, evaluation_steps * step.high)),
        ),
        # Any of them may turn out to be the best so far, and is saved then.
        (evaluations, Cost(0.0, checkpoint.high)),
        (
            upcoming(_whole(config, "sample_every"), moment.step, total, at_end=False),
            _timed(
                [event.seconds for event in moment.samples],
                # One token is a far smaller forward pass than a training step.
                Cost(0.0, _whole(config, "sample_tokens") * step.high),
            ),
        ),
        (
            upcoming(_whole(config, "checkpoint_every"), moment.step, total, at_end=True),
            checkpoint,
        ),
    ]


def _timed(seconds: Sequence[float], unseen: Cost) -> Cost:
    """The cost of something from its newest timings; `unseen` when there are none."""
    recent = [value for value in seconds[-RECENT_COSTS:] if math.isfinite(value)]
    if not recent:
        return unseen
    return Cost(min(recent), max(recent))


def _within_time_limit(total: Cost, moment: Moment) -> Cost:
    """A run with `minutes` ends by the clock if the steps have not ended it before."""
    started = moment.started
    assert started is not None
    minutes = started.config.get("minutes", 0.0)
    if not isinstance(minutes, (int, float)) or minutes <= 0:
        return total
    left = max(0.0, minutes * 60 - moment.t)
    return Cost(min(total.low, left), min(total.high, left))


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def _whole(config: dict[str, Any], key: str) -> int:
    """A whole number from a recorded config, which a person may have edited: 0 when it is none."""
    value = config.get(key, 0)
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0
