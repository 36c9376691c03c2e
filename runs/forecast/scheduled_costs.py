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
from babytrain.runs.forecast.step_cost import NO_COST, SecondsCost, events_newest_first
from babytrain.runs.state.run_state import RunSnapshot, Timeline

RECENT_COSTS = 5
SLOWEST_DISK_BYTES_PER_SECOND = 30e6
CHECKPOINT_BYTES_PER_PARAMETER = 16  # weights, two moments of AdamW, slack
# The poems of the final exam are written in one go: a token of them costs less than one of a sample, which is short and
# shown as it is written (measured: 0.28 to 0.5 of it).
EXAM_SHARE_LOW, EXAM_SHARE_HIGH = 0.28, 0.6


def scheduled_costs(snapshot: RunSnapshot, step: SecondsCost, last: int) -> list[SecondsCost]:
    """Everything up to the step `last` that is not a training step; `step` is what one of those costs."""
    plan, dials, now, state = snapshot.plan, snapshot.dials, snapshot.step, snapshot.state
    assert plan is not None
    at_end = last >= snapshot.total_steps
    evaluation, checkpoint = evaluation_cost(snapshot, step), checkpoint_cost(snapshot)
    sample = _sample_cost(snapshot, plan, step).times(plan.prompts)
    evaluations = count_due(dials.eval_every, now, last, at_end=at_end)
    samples = count_due(dials.sample_every, now, last, at_end=at_end and dials.sample_every > 0)
    owed = at_end and now >= last  # the last step is done, and not all that comes after it
    found = [
        _times(evaluation, evaluations),
        # Any of them may turn out to be the best so far, and is saved then.
        _times(SecondsCost(0.0, checkpoint.high), evaluations),
        _times(sample, samples),
        _times(checkpoint, count_due(plan.checkpoint_every, now, last, at_end=at_end)),
    ]
    if not _done(state.evals, snapshot) and (owed or _is_due(now, dials.eval_every)):
        found.append(_remaining(snapshot, "evaluating", evaluation))
    if not _done(state.samples, snapshot) and ((owed and dials.sample_every > 0) or _is_due(now, dials.sample_every)):
        found.append(_remaining(snapshot, "sampling", sample))
    if not _done(state.checkpoints, snapshot) and (owed or _is_due(now, plan.checkpoint_every)):
        found.append(_remaining(snapshot, "saving", checkpoint))
    return found + _final_evaluation_costs(snapshot, plan, step, evaluation) if at_end else found


def _times(cost: SecondsCost, count: int) -> SecondsCost:
    """The cost of `count` of them: of none nothing, even where one was never timed and may cost anything."""
    return cost.times(count) if count else NO_COST


def _final_evaluation_costs(
    snapshot: RunSnapshot, plan: Plan, step: SecondsCost, evaluation: SecondsCost
) -> list[SecondsCost]:
    """What a finished model is asked: a hundred poems, and lines that were planted in its text."""
    found: list[SecondsCost] = []
    if (
        plan.final_evaluation_tokens
        and plan.sample_tokens
        and not snapshot.state.final_evaluations.count_until(snapshot.t)
    ):
        sample = _sample_cost(snapshot, plan, step).times(plan.final_evaluation_tokens / plan.sample_tokens)
        exam = SecondsCost(EXAM_SHARE_LOW * sample.low, EXAM_SHARE_HIGH * sample.high)
        runs = snapshot.step >= snapshot.total_steps and _done(snapshot.state.checkpoints, snapshot)
        found.append(_remaining(snapshot, "sampling", exam) if runs else exam)
    if plan.canary_tokens and not snapshot.state.canaries.count_until(snapshot.t):
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


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step > 0 and step % every == 0


def _done(timeline: Timeline[Eval] | Timeline[Sample] | Timeline[Checkpoint], snapshot: RunSnapshot) -> bool:
    """Whether there is one of the step where the run stands."""
    last = timeline.last_until(snapshot.t)
    return last is not None and last.step == snapshot.step


def _remaining(snapshot: RunSnapshot, phase: PhaseName, cost: SecondsCost) -> SecondsCost:
    """What is left of something that may be under way."""
    event: Event | None = snapshot.state.phases.last_until(snapshot.t)
    if event is None or snapshot.phase != phase:
        return cost
    spent = max(0.0, snapshot.t - event.t)
    return SecondsCost(max(0.0, cost.low - spent), max(0.0, cost.high - spent))


def evaluation_cost(snapshot: RunSnapshot, step: SecondsCost) -> SecondsCost:
    """Of one evaluation."""
    started = snapshot.started
    assert started is not None
    # Validation split plus fixed training windows of at most the same size.
    steps = 2 * started.corpus.val_tokens / max(1, started.tokens_per_step)
    return _timed(
        (event.seconds for event in events_newest_first(snapshot.state.evals, snapshot.t)),
        SecondsCost(0.0, steps * step.high),
    )


def checkpoint_cost(snapshot: RunSnapshot) -> SecondsCost:
    """Of one checkpoint."""
    parameters = snapshot.started.parameters if snapshot.started else 0
    slow = parameters * CHECKPOINT_BYTES_PER_PARAMETER / SLOWEST_DISK_BYTES_PER_SECOND
    return _timed(
        (event.seconds for event in events_newest_first(snapshot.state.checkpoints, snapshot.t)), SecondsCost(0.0, slow)
    )


def _sample_cost(snapshot: RunSnapshot, plan: Plan, step: SecondsCost) -> SecondsCost:
    """Of one text. Those that somebody asked for may be of any length."""
    own = (event for event in events_newest_first(snapshot.state.samples, snapshot.t) if not event.requested)
    # One token is a far smaller forward pass than a training step.
    return _timed((event.seconds for event in own), SecondsCost(0.0, plan.sample_tokens * step.high))


def _timed(seconds: Iterable[float], unseen: SecondsCost) -> SecondsCost:
    """The cost of something from its timings, the newest first; `unseen` when there are none."""
    recent = [value for value in islice(seconds, RECENT_COSTS) if 0.0 <= value < math.inf]
    if not recent:
        return unseen
    return SecondsCost(min(recent), max(recent))
