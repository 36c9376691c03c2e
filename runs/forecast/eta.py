"""How long a run will still take: the steps to come, what is scheduled besides, and the quiet hours ahead."""

from __future__ import annotations

import math

from babytrain.runs.forecast.quiet_hours import quiet_plan, share_of_time_trained, with_quiet_hours
from babytrain.runs.forecast.scheduled_costs import checkpoint_cost, count_due, evaluation_cost, scheduled_costs
from babytrain.runs.forecast.step_cost import first_row, step_cost
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.elapsed_time import paused_seconds, wall_time_at
from babytrain.runs.state.run_state import RunSnapshot

MAX_RANGE_RATIO = 2.5  # of the high end to the low end
CLOCK_SLACK = 0.02  # how much too early a run by the clock may end: its plan is corrected when off by more


def estimate_eta(snapshot: RunSnapshot, until: int | None = None) -> ValueRange | None:
    """Seconds left of a run, or up to the step `until`; None when not started, ended, or the range is too wide."""
    plan = quiet_plan(snapshot)
    if not plan.windows:
        return estimate_work(snapshot, until)
    step = step_cost(snapshot)
    if step is None or snapshot.ended is not None:
        return None
    # In seconds of work, because what was measured in quiet hours includes the breaks.
    since = float(snapshot.column("t")[first_row(snapshot)])
    work = _remaining_work(snapshot, step.times(share_of_time_trained(snapshot, plan, since)), until)
    if work is None:
        return None
    if not plan.duty_cycle:  # whole pauses do not count towards the time limit
        work = _within_time_limit(work, snapshot, step, until)
    if not _is_useful(work):
        return None
    now = wall_time_at(snapshot)
    total = ValueRange(with_quiet_hours(work.low, now, plan), with_quiet_hours(work.high, now, plan))
    if plan.duty_cycle:
        total = _within_time_limit(total, snapshot, step, until)
    return total if math.isfinite(total.high) else None


def estimate_work(snapshot: RunSnapshot, until: int | None = None) -> ValueRange | None:
    """The same without future pauses: for how many seconds the run will still draw power as it does now."""
    step = step_cost(snapshot)
    total = None if step is None or snapshot.ended is not None else _remaining_work(snapshot, step, until)
    if total is None or step is None:
        return None
    total = _within_time_limit(total, snapshot, step, until)
    return total if _is_useful(total) else None


def _remaining_work(snapshot: RunSnapshot, step: ValueRange, until: int | None) -> ValueRange | None:
    """Steps and scheduled costs up to the step `until`, the end when None."""
    last = _last_step(snapshot, until)
    if snapshot.plan is None or last < snapshot.step:
        return None
    total = step.times(last - snapshot.step)
    for cost in scheduled_costs(snapshot, step, last):
        total = total.plus(cost)
    return total


def _last_step(snapshot: RunSnapshot, until: int | None) -> int:
    return snapshot.total_steps if until is None else min(until, snapshot.total_steps)


def _is_useful(total: ValueRange) -> bool:
    return math.isfinite(total.high) and total.high <= max(MAX_RANGE_RATIO * total.low, total.low + 1.0)


def _within_time_limit(total: ValueRange, snapshot: RunSnapshot, step: ValueRange, until: int | None) -> ValueRange:
    """The estimate of a run with `minutes`, whose plan is corrected at each evaluation to end by the clock."""
    if snapshot.plan is None or not snapshot.plan.minutes:
        return total
    left = max(0.0, snapshot.plan.minutes * 60 - (snapshot.t - paused_seconds(snapshot.state, snapshot.t)))
    if _last_step(snapshot, until) < snapshot.total_steps:
        return ValueRange(min(total.low, left), min(total.high, left))
    # The last evaluation and checkpoint come after the limit.
    closing = evaluation_cost(snapshot, step).plus(checkpoint_cost(snapshot))
    if count_due(snapshot.dials.eval_every, snapshot.step, snapshot.total_steps - 1, at_end=False):
        return ValueRange((1.0 - CLOCK_SLACK) * left, left + closing.high)
    return ValueRange(min(total.low, left), min(total.high, left + closing.high))
