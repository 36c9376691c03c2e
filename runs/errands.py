"""What a run still does besides training steps, and what that costs: evaluations, samples, checkpoints, the final exam.

What has been timed once or more counts with its own times. What has not is bounded from both sides by arithmetic: an
evaluation is forward passes only, so it costs at most as many training steps as its tokens would make. What is due at
the very step where the run stands counts until it is done, less the time it has taken so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from babytrain.runs.events import Checkpoint, Eval, Event, PhaseName, Sample
from babytrain.runs.planned_rate import cadence
from babytrain.runs.state import Moment, Timeline
from babytrain.runs.step_cost import NOTHING, Cost, newest

RECENT_COSTS = 5
SLOWEST_DISK_BYTES_PER_SECOND = 30e6
CHECKPOINT_BYTES_PER_PARAMETER = 16  # weights, two moments of AdamW, slack
# The final exam of a model of haiku: a hundred poems of some 66 characters, in one go. A token of it costs less than
# one of a sample, which is short and shown as it is written (measured: 0.28 to 0.5 of it).
EXAM_CORPUS = "haiku"
EXAM_TOKENS = 6_600
EXAM_SHARE_LOW, EXAM_SHARE_HIGH = 0.28, 0.6
# Each planted line is ranked among so many like it, of so many tokens.
CANARY_TOKENS = 1024 * 50


@dataclass(frozen=True)
class Errand:
    """Something a run does besides training: how often it still comes, and what it costs each time."""

    count: int
    cost: Cost

    @property
    def total(self) -> Cost:
        """All of it."""
        return self.cost.times(self.count) if self.count else NOTHING


def errands_until(moment: Moment, step: Cost, last: int) -> list[Errand]:
    """Everything up to the step `last` that is not a training step; `step` is what one of those costs."""
    started = moment.started
    assert started is not None
    config, now, state = started.config, moment.step, moment.state
    at_end = last >= moment.total_steps
    evaluation, checkpoint = evaluation_cost(moment, step), checkpoint_cost(moment)
    sample = _sample_cost(moment, step).times(_prompts(config))
    eval_every, sample_every = cadence(moment, "eval_every"), cadence(moment, "sample_every")
    checkpoint_every = _whole(config, "checkpoint_every")
    evaluations = upcoming(eval_every, now, last, at_end=at_end)
    owed = at_end and now >= last  # the last step is done, and not all that comes after it
    found = [
        Errand(evaluations, evaluation),
        # Any of them may turn out to be the best so far, and is saved then.
        Errand(evaluations, Cost(0.0, checkpoint.high)),
        Errand(upcoming(sample_every, now, last, at_end=at_end and sample_every > 0), sample),
        Errand(upcoming(checkpoint_every, now, last, at_end=at_end), checkpoint),
    ]
    if not _done(state.evals, moment) and (owed or _is_due(now, eval_every)):
        found.append(Errand(1, _rest(moment, "evaluating", evaluation)))
    if not _done(state.samples, moment) and ((owed and sample_every > 0) or _is_due(now, sample_every)):
        found.append(Errand(1, _rest(moment, "sampling", sample)))
    if not _done(state.checkpoints, moment) and (owed or _is_due(now, checkpoint_every)):
        found.append(Errand(1, _rest(moment, "saving", checkpoint)))
    return found + _finals(moment, step, evaluation) if at_end else found


def _finals(moment: Moment, step: Cost, evaluation: Cost) -> list[Errand]:
    """What a finished model is asked: a hundred poems, and lines that were planted in its text."""
    started = moment.started
    assert started is not None
    config, corpus = started.config, started.corpus
    found: list[Errand] = []
    tokens = _whole(config, "sample_tokens")
    is_haiku = corpus.name == EXAM_CORPUS == config.get("corpus")
    if is_haiku and cadence(moment, "sample_every") and tokens > 0 and not moment.state.exams.count_until(moment.t):
        sample = _sample_cost(moment, step)
        samples = EXAM_TOKENS / tokens
        cost = Cost(EXAM_SHARE_LOW * samples * sample.low, EXAM_SHARE_HIGH * samples * sample.high)
        found.append(Errand(1, _rest(moment, "sampling", cost) if _exam_runs(moment) else cost))
    if (canaries := _whole(config, "canaries")) and not moment.state.canaries.count_until(moment.t):
        found.append(Errand(canaries, evaluation.times(CANARY_TOKENS / max(1, corpus.val_tokens))))
    return found


def _exam_runs(moment: Moment) -> bool:
    return moment.step >= moment.total_steps and _done(moment.state.checkpoints, moment)


def upcoming(every: int, step: int, total_steps: int, *, at_end: bool) -> int:
    """How often something due every `every` steps (0: never) comes after `step`, the end of the run included."""
    if step >= total_steps:
        return 0
    if every <= 0:
        return int(at_end)
    count = total_steps // every - step // every
    return count + int(at_end and total_steps % every != 0)


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step > 0 and step % every == 0


def _done(timeline: Timeline[Eval] | Timeline[Sample] | Timeline[Checkpoint], moment: Moment) -> bool:
    """Whether there is one of the step where the run stands."""
    last = timeline.last_until(moment.t)
    return last is not None and last.step == moment.step


def _rest(moment: Moment, phase: PhaseName, cost: Cost) -> Cost:
    """What is left of something that may be under way."""
    event: Event | None = moment.state.phases.last_until(moment.t)
    if event is None or moment.phase != phase:
        return cost
    spent = max(0.0, moment.t - event.t)
    return Cost(max(0.0, cost.low - spent), max(0.0, cost.high - spent))


def evaluation_cost(moment: Moment, step: Cost) -> Cost:
    """Of one evaluation."""
    started = moment.started
    assert started is not None
    # Validation split plus fixed training windows of at most the same size.
    steps = 2 * started.corpus.val_tokens / max(1, started.tokens_per_step)
    return _timed((event.seconds for event in newest(moment.state.evals, moment.t)), Cost(0.0, steps * step.high))


def checkpoint_cost(moment: Moment) -> Cost:
    """Of one checkpoint."""
    parameters = moment.started.parameters if moment.started else 0
    slow = parameters * CHECKPOINT_BYTES_PER_PARAMETER / SLOWEST_DISK_BYTES_PER_SECOND
    return _timed((event.seconds for event in newest(moment.state.checkpoints, moment.t)), Cost(0.0, slow))


def _sample_cost(moment: Moment, step: Cost) -> Cost:
    """Of one text. Those that somebody asked for may be of any length."""
    config = moment.started.config if moment.started else {}
    own = (event for event in newest(moment.state.samples, moment.t) if not event.asked)
    # One token is a far smaller forward pass than a training step.
    return _timed((event.seconds for event in own), _unseen_sample(config, step))


def _unseen_sample(config: dict[str, Any], step: Cost) -> Cost:
    return Cost(0.0, _whole(config, "sample_tokens") * step.high)


def _prompts(config: dict[str, Any]) -> int:
    """How many texts are written each time."""
    more = config.get("more_prompts", "")
    return 1 + len([prompt for prompt in more.split("|") if prompt]) if isinstance(more, str) else 1


def _timed(seconds: Iterable[float], unseen: Cost) -> Cost:
    """The cost of something from its timings, the newest first; `unseen` when there are none."""
    recent = [value for value in islice(seconds, RECENT_COSTS) if 0.0 <= value < math.inf]
    if not recent:
        return unseen
    return Cost(min(recent), max(recent))


def _whole(config: dict[str, Any], key: str) -> int:
    """A whole number from a recorded config, which a person may have edited: 0 when it is none."""
    value = config.get(key, 0)
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0
