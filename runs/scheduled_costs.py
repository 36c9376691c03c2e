"""What a run still does besides training steps, and what that costs: evaluations, samples, checkpoints, the final exam.

What has been timed once or more counts with its own times. What has not is bounded from both sides by arithmetic: an
evaluation is forward passes only, so it costs at most as many training steps as its tokens would make. What is due at
the very step where the run stands counts until it is done, less the time it has taken so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice

from babytrain.runs.events import Checkpoint, Eval, Event, PhaseName, Plan, Sample
from babytrain.runs.state import Moment, Timeline
from babytrain.runs.step_cost import NOTHING, Cost, newest

RECENT_COSTS = 5
SLOWEST_DISK_BYTES_PER_SECOND = 30e6
CHECKPOINT_BYTES_PER_PARAMETER = 16  # weights, two moments of AdamW, slack
# The poems of the final exam are written in one go: a token of them costs less than one of a sample, which is short and
# shown as it is written (measured: 0.28 to 0.5 of it).
EXAM_SHARE_LOW, EXAM_SHARE_HIGH = 0.28, 0.6


def scheduled_costs(moment: Moment, step: Cost, last: int) -> list[Cost]:
    """Everything up to the step `last` that is not a training step; `step` is what one of those costs."""
    plan, dials, now, state = moment.plan, moment.dials, moment.step, moment.state
    assert plan is not None
    at_end = last >= moment.total_steps
    evaluation, checkpoint = evaluation_cost(moment, step), checkpoint_cost(moment)
    sample = _sample_cost(moment, plan, step).times(plan.prompts)
    evaluations = upcoming(dials.eval_every, now, last, at_end=at_end)
    samples = upcoming(dials.sample_every, now, last, at_end=at_end and dials.sample_every > 0)
    owed = at_end and now >= last  # the last step is done, and not all that comes after it
    found = [
        _times(evaluation, evaluations),
        # Any of them may turn out to be the best so far, and is saved then.
        _times(Cost(0.0, checkpoint.high), evaluations),
        _times(sample, samples),
        _times(checkpoint, upcoming(plan.checkpoint_every, now, last, at_end=at_end)),
    ]
    if not _done(state.evals, moment) and (owed or _is_due(now, dials.eval_every)):
        found.append(_rest(moment, "evaluating", evaluation))
    if not _done(state.samples, moment) and ((owed and dials.sample_every > 0) or _is_due(now, dials.sample_every)):
        found.append(_rest(moment, "sampling", sample))
    if not _done(state.checkpoints, moment) and (owed or _is_due(now, plan.checkpoint_every)):
        found.append(_rest(moment, "saving", checkpoint))
    return found + _final_costs(moment, plan, step, evaluation) if at_end else found


def _times(cost: Cost, count: int) -> Cost:
    """The cost of `count` of them: of none nothing, even where one was never timed and may cost anything."""
    return cost.times(count) if count else NOTHING


def _final_costs(moment: Moment, plan: Plan, step: Cost, evaluation: Cost) -> list[Cost]:
    """What a finished model is asked: a hundred poems, and lines that were planted in its text."""
    found: list[Cost] = []
    if plan.exam_tokens and plan.sample_tokens and not moment.state.exams.count_until(moment.t):
        sample = _sample_cost(moment, plan, step).times(plan.exam_tokens / plan.sample_tokens)
        exam = Cost(EXAM_SHARE_LOW * sample.low, EXAM_SHARE_HIGH * sample.high)
        runs = moment.step >= moment.total_steps and _done(moment.state.checkpoints, moment)
        found.append(_rest(moment, "sampling", exam) if runs else exam)
    if plan.canary_tokens and not moment.state.canaries.count_until(moment.t):
        val_tokens = moment.started.corpus.val_tokens if moment.started is not None else 0
        found.append(evaluation.times(plan.canary_tokens / max(1, val_tokens)))
    return found


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


def _sample_cost(moment: Moment, plan: Plan, step: Cost) -> Cost:
    """Of one text. Those that somebody asked for may be of any length."""
    own = (event for event in newest(moment.state.samples, moment.t) if not event.asked)
    # One token is a far smaller forward pass than a training step.
    return _timed((event.seconds for event in own), Cost(0.0, plan.sample_tokens * step.high))


def _timed(seconds: Iterable[float], unseen: Cost) -> Cost:
    """The cost of something from its timings, the newest first; `unseen` when there are none."""
    recent = [value for value in islice(seconds, RECENT_COSTS) if 0.0 <= value < math.inf]
    if not recent:
        return unseen
    return Cost(min(recent), max(recent))
