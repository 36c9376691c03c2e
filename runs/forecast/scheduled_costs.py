"""The cost of evaluations, samples, checkpoints and the final evaluation still to come, in seconds.

What was timed costs what its newest timings say; the rest has bounds by arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from typing import TypeAlias

from babytrain.runs.events import Canaries, Checkpoint, Eval, FinalEvaluation, PhaseName, Plan, Sample
from babytrain.runs.events.timeline import Timeline
from babytrain.runs.forecast.value_range import ZERO, ValueRange
from babytrain.runs.state.run_state import RunSnapshot

RECENT_COSTS = 5
EXCEPTIONAL_RATIO = 3.0  # of a timing to the next longest
SLOWEST_DISK_BYTES_PER_SECOND = 30e6
CHECKPOINT_BYTES_PER_PARAMETER = 16  # weights, two moments of AdamW, slack
# The poems of the final evaluation are generated in one batch, and each is looked up in the text: a token costs 0.28 to
# 1.7 times one of a sample (measured, the least on graphics cards, the most with small models on processors).
POEM_TOKEN_SHARE_LOW, POEM_TOKEN_SHARE_HIGH = 0.28, 1.7

_Timed: TypeAlias = Timeline[Eval] | Timeline[Sample] | Timeline[Checkpoint]


def scheduled_costs(snapshot: RunSnapshot, step: ValueRange, last: int) -> ValueRange:
    """The cost up to the step `last` of all that is not a training step; `step` is the cost of one step."""
    plan, dials, now, state = snapshot.plan, snapshot.dials, snapshot.step, snapshot.state
    assert plan is not None
    at_end = last >= snapshot.total_steps
    evaluation, checkpoint = evaluation_cost(snapshot, step), checkpoint_cost(snapshot)
    sample = _sample_cost(snapshot, plan, step).times(plan.prompts)
    kinds: tuple[tuple[_Timed, PhaseName, ValueRange, int, bool], ...] = (
        (state.evals, "evaluating", evaluation, dials.eval_every, at_end),
        (state.samples, "sampling", sample, dials.sample_every, at_end and dials.sample_every > 0),
        (state.checkpoints, "saving", checkpoint, plan.checkpoint_every, at_end),
    )
    total = ZERO
    for timeline, phase, cost, every, once_more in kinds:
        total = total.plus(_times(cost, count_due(every, now, last, at_end=once_more)))
        due_now = every > 0 and now > 0 and now % every == 0
        if (due_now or (once_more and now >= last)) and not _is_done(timeline, snapshot):
            total = total.plus(_remaining(snapshot, phase, cost))
    # Any evaluation may be the best so far, which is saved.
    saved = _times(ValueRange(0.0, checkpoint.high), count_due(dials.eval_every, now, last, at_end=at_end))
    return total.plus(saved).plus(_final_evaluation_cost(snapshot, plan, step) if at_end else ZERO)


def closing_cost(snapshot: RunSnapshot, step: ValueRange) -> ValueRange:
    """All that may come after the last step: an evaluation, the samples, two checkpoints, the final evaluation."""
    plan = snapshot.plan
    assert plan is not None
    saved = checkpoint_cost(snapshot).times(2)
    sampled = _sample_cost(snapshot, plan, step).times(plan.prompts) if snapshot.dials.sample_every else ZERO
    return evaluation_cost(snapshot, step).plus(saved).plus(sampled).plus(_final_evaluation_cost(snapshot, plan, step))


def _times(cost: ValueRange, count: int) -> ValueRange:
    """The cost times `count`; 0 times a cost without an upper bound is 0."""
    return cost.times(count) if count else ZERO


def _final_evaluation_cost(snapshot: RunSnapshot, plan: Plan, step: ValueRange) -> ValueRange:
    """The poems of a finished model, and the ranking of planted lines."""
    total, state = ZERO, snapshot.state
    if plan.final_evaluation_tokens and plan.sample_tokens and not _is_done(state.final_evaluations, snapshot):
        sample = _sample_cost(snapshot, plan, step).times(plan.final_evaluation_tokens / plan.sample_tokens)
        poems = ValueRange(POEM_TOKEN_SHARE_LOW * sample.low, POEM_TOKEN_SHARE_HIGH * sample.high)
        runs_now = snapshot.step >= snapshot.total_steps and _is_done(state.checkpoints, snapshot)
        total = _remaining(snapshot, "sampling", poems) if runs_now else poems
    if plan.canary_tokens and not _is_done(state.canaries, snapshot):
        val_tokens = snapshot.started.corpus.val_tokens if snapshot.started is not None else 0
        total = total.plus(evaluation_cost(snapshot, step).times(plan.canary_tokens / max(1, val_tokens)))
    return total


def count_due(every: int, step: int, total_steps: int, *, at_end: bool) -> int:
    """How often something due every `every` steps (0: never) comes after `step`, with `at_end` also at the end."""
    if step >= total_steps:
        return 0
    if every <= 0:
        return int(at_end)
    count = total_steps // every - step // every
    return count + int(at_end and total_steps % every != 0)


def _is_done(timeline: _Timed | Timeline[FinalEvaluation] | Timeline[Canaries], snapshot: RunSnapshot) -> bool:
    """Whether the newest event is of the present step: a run may be taken further after its end."""
    last = timeline.last_until(snapshot.t)
    return last is not None and last.step == snapshot.step


def _remaining(snapshot: RunSnapshot, phase: PhaseName, cost: ValueRange) -> ValueRange:
    """The cost less the time spent, if the phase is under way."""
    event = snapshot.state.phases.last_until(snapshot.t)
    if event is None or snapshot.phase != phase:
        return cost
    spent = max(0.0, snapshot.t - event.t)
    return ValueRange(max(0.0, cost.low - spent), max(0.0, cost.high - spent))


def evaluation_cost(snapshot: RunSnapshot, step: ValueRange) -> ValueRange:
    """Seconds of one evaluation."""
    started = snapshot.started
    assert started is not None
    # At most as long as training on the validation split plus fixed training windows of the same size.
    steps = 2 * started.corpus.val_tokens / max(1, started.tokens_per_step)
    return _timed(snapshot.state.evals.newest_first(snapshot.t), steps * step.high)


def checkpoint_cost(snapshot: RunSnapshot) -> ValueRange:
    """Seconds of one checkpoint."""
    parameters = snapshot.started.parameters if snapshot.started else 0
    slow = parameters * CHECKPOINT_BYTES_PER_PARAMETER / SLOWEST_DISK_BYTES_PER_SECOND
    return _timed(snapshot.state.checkpoints.newest_first(snapshot.t), slow)


def _sample_cost(snapshot: RunSnapshot, plan: Plan, step: ValueRange) -> ValueRange:
    """Seconds of one scheduled text; requested ones may have any length."""
    scheduled = (event for event in snapshot.state.samples.newest_first(snapshot.t) if not event.requested)
    # One token is a far smaller forward pass than a training step.
    return _timed(scheduled, plan.sample_tokens * step.high)


def _timed(newest_first: Iterable[Eval | Sample | Checkpoint], most: float) -> ValueRange:
    """From the newest timings, without a single one far longer than the others; from 0 to `most` without timings."""
    recent = sorted(event.seconds for event in islice(newest_first, RECENT_COSTS) if 0.0 <= event.seconds < math.inf)
    if len(recent) > 2 and recent[-1] > EXCEPTIONAL_RATIO * recent[-2]:
        recent.pop()
    return ValueRange(recent[0], recent[-1]) if recent else ValueRange(0.0, most)
