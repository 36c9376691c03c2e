"""The cost of what a run does besides training steps: evaluations, samples, checkpoints, the final evaluation.

What was timed once or more costs what the newest timings say. What was not has bounds by arithmetic: an evaluation is
forward passes only, so it takes at most as long as training on its tokens. What is due at the very step where the run
is counts until it is done, less the time it has taken so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from typing import TypeAlias

from babytrain.runs.events import Checkpoint, Eval, PhaseName, Plan, Sample
from babytrain.runs.events.timeline import Timeline
from babytrain.runs.forecast.value_range import ZERO, ValueRange
from babytrain.runs.state.run_state import RunSnapshot

RECENT_COSTS = 5
SLOWEST_DISK_BYTES_PER_SECOND = 30e6
CHECKPOINT_BYTES_PER_PARAMETER = 16  # weights, two moments of AdamW, slack
# The poems of the final evaluation are generated in one batch: a token of them costs less than one of a sample, which
# is shown as it is written (measured: 0.28 to 0.5 of it).
POEM_TOKEN_SHARE_LOW, POEM_TOKEN_SHARE_HIGH = 0.28, 0.6

_Timed: TypeAlias = Timeline[Eval] | Timeline[Sample] | Timeline[Checkpoint]


def scheduled_costs(snapshot: RunSnapshot, step: ValueRange, last: int) -> list[ValueRange]:
    """Everything up to the step `last` that is not a training step; `step` is the cost of one of those."""
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
    found: list[ValueRange] = []
    for timeline, phase, cost, every, once_more in kinds:
        found.append(_times(cost, count_due(every, now, last, at_end=once_more)))
        due_now = every > 0 and now > 0 and now % every == 0
        if (due_now or (once_more and now >= last)) and not _is_done(timeline, snapshot):
            found.append(_remaining(snapshot, phase, cost))
    # Any evaluation may turn out to be the best so far, and is saved then.
    found.append(_times(ValueRange(0.0, checkpoint.high), count_due(dials.eval_every, now, last, at_end=at_end)))
    return found + _final_evaluation_costs(snapshot, plan, step, evaluation) if at_end else found


def _times(cost: ValueRange, count: int) -> ValueRange:
    """The cost of `count` of them: of none nothing, even where one was never timed and may cost anything."""
    return cost.times(count) if count else ZERO


def _final_evaluation_costs(
    snapshot: RunSnapshot, plan: Plan, step: ValueRange, evaluation: ValueRange
) -> list[ValueRange]:
    """The poems of a finished model, and the ranking of lines that were planted in its text."""
    found: list[ValueRange] = []
    state, t = snapshot.state, snapshot.t
    if plan.final_evaluation_tokens and plan.sample_tokens and not state.final_evaluations.count_until(t):
        sample = _sample_cost(snapshot, plan, step).times(plan.final_evaluation_tokens / plan.sample_tokens)
        poems = ValueRange(POEM_TOKEN_SHARE_LOW * sample.low, POEM_TOKEN_SHARE_HIGH * sample.high)
        runs_now = snapshot.step >= snapshot.total_steps and _is_done(state.checkpoints, snapshot)
        found.append(_remaining(snapshot, "sampling", poems) if runs_now else poems)
    if plan.canary_tokens and not state.canaries.count_until(t):
        val_tokens = snapshot.started.corpus.val_tokens if snapshot.started is not None else 0
        found.append(evaluation.times(plan.canary_tokens / max(1, val_tokens)))
    return found


def count_due(every: int, step: int, total_steps: int, *, at_end: bool) -> int:
    """How often something due every `every` steps (0: never) comes after `step`, the end of the run included."""
    if step >= total_steps:
        return 0
    if every <= 0:
        return int(at_end)
    count = total_steps // every - step // every
    return count + int(at_end and total_steps % every != 0)


def _is_done(timeline: _Timed, snapshot: RunSnapshot) -> bool:
    """Whether there is one of the present step."""
    last = timeline.last_until(snapshot.t)
    return last is not None and last.step == snapshot.step


def _remaining(snapshot: RunSnapshot, phase: PhaseName, cost: ValueRange) -> ValueRange:
    """What is left of something that may be under way."""
    event = snapshot.state.phases.last_until(snapshot.t)
    if event is None or snapshot.phase != phase:
        return cost
    spent = max(0.0, snapshot.t - event.t)
    return ValueRange(max(0.0, cost.low - spent), max(0.0, cost.high - spent))


def evaluation_cost(snapshot: RunSnapshot, step: ValueRange) -> ValueRange:
    """Of one evaluation."""
    started = snapshot.started
    assert started is not None
    # Validation split plus fixed training windows of at most the same size.
    steps = 2 * started.corpus.val_tokens / max(1, started.tokens_per_step)
    return _timed(snapshot.state.evals.newest_first(snapshot.t), steps * step.high)


def checkpoint_cost(snapshot: RunSnapshot) -> ValueRange:
    """Of one checkpoint."""
    parameters = snapshot.started.parameters if snapshot.started else 0
    slow = parameters * CHECKPOINT_BYTES_PER_PARAMETER / SLOWEST_DISK_BYTES_PER_SECOND
    return _timed(snapshot.state.checkpoints.newest_first(snapshot.t), slow)


def _sample_cost(snapshot: RunSnapshot, plan: Plan, step: ValueRange) -> ValueRange:
    """Of one text. Requested ones may be of any length and do not count."""
    scheduled = (event for event in snapshot.state.samples.newest_first(snapshot.t) if not event.requested)
    # One token is a far smaller forward pass than a training step.
    return _timed(scheduled, plan.sample_tokens * step.high)


def _timed(newest_first: Iterable[Eval | Sample | Checkpoint], most: float) -> ValueRange:
    """The cost of something from its newest timings; from 0 to `most` when there are none."""
    recent = [event.seconds for event in islice(newest_first, RECENT_COSTS) if 0.0 <= event.seconds < math.inf]
    return ValueRange(min(recent), max(recent)) if recent else ValueRange(0.0, most)
