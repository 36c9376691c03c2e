"""How long a run will still take: the steps to come, what is scheduled besides, and the quiet hours ahead.

There is an estimate from the first step on; a wide one says why it is wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from babytrain.runs.forecast.quiet_hours import quiet_plan, share_of_time_trained, with_quiet_hours
from babytrain.runs.forecast.scheduled_costs import closing_cost, count_due, scheduled_costs
from babytrain.runs.forecast.step_cost import first_row, is_briefly_timed, step_cost
from babytrain.runs.forecast.value_range import ZERO, ValueRange
from babytrain.runs.state.elapsed_time import paused_seconds, wall_time_at
from babytrain.runs.state.run_state import RunSnapshot

WIDE_RATIO = 2.0  # of the high end to the low end
CLOCK_SLACK = 0.02  # how much too early a run by the clock may end: its plan is corrected when off by more
FEW_STEPS = "few steps were timed yet"
UNEVEN_STEPS = "its steps take unequal times"
OTHER_TASKS = "evaluations, samples and saving take an unknown time"
QUIET_HOURS_NEAR = "the quiet hours may come first"


@dataclass(frozen=True)
class Eta(ValueRange):
    """Seconds left; `reason` says why the range is wide, "" when it is not."""

    reason: str = ""


def estimate_eta(snapshot: RunSnapshot, until: int | None = None) -> Eta | None:
    """Seconds left of a run, or up to the step `until`; None where `why_no_eta` has a reason."""
    plan = quiet_plan(snapshot)
    if not plan.windows:
        return estimate_work(snapshot, until)
    # In seconds of work, because what was measured in quiet hours includes the breaks.
    since = float(snapshot.column("t")[first_row(snapshot)]) if snapshot.rows else snapshot.t
    share = share_of_time_trained(snapshot, plan, since)
    work = _estimate(snapshot, until, share=share, by_clock=not plan.duty_cycle)
    if work is None:
        return None
    now = wall_time_at(snapshot)
    total = ValueRange(with_quiet_hours(work.low, now, plan), with_quiet_hours(work.high, now, plan))
    if plan.duty_cycle:  # breaks count towards the time limit, whole pauses do not
        total = _within_time_limit(total, snapshot, until)
    return _with_reason(total, work.reason or QUIET_HOURS_NEAR)


def estimate_work(snapshot: RunSnapshot, until: int | None = None) -> Eta | None:
    """The same without future pauses: for how many seconds the run will still draw power as it does now."""
    return _estimate(snapshot, until, share=1.0, by_clock=True)


def why_no_eta(snapshot: RunSnapshot) -> str:
    """Why `estimate_eta` gives nothing."""
    if snapshot.started is None:
        return "not started yet"
    if snapshot.ended is not None:
        return "the run is over"
    if not snapshot.rows:
        return "known after the first step"
    return "the quiet hours never end" if quiet_plan(snapshot).windows else "no times on record"


def _estimate(snapshot: RunSnapshot, until: int | None, *, share: float, by_clock: bool) -> Eta | None:
    """Seconds of work up to the step `until`, the end when None; `share` of the time that was measured was work."""
    if snapshot.plan is None or snapshot.ended is not None:
        return None
    step, last = step_cost(snapshot), _last_step(snapshot, until)
    if _is_stopping(snapshot):
        return Eta(0.0, closing_cost(snapshot, step or ZERO).high)
    if step is None:  # what is known of a run by the clock is the clock
        total, reason = ValueRange(0.0, math.inf), FEW_STEPS
    else:
        step = step.times(share)
        besides = scheduled_costs(snapshot, step, last)
        steps = step.times(last - snapshot.step)
        total, reason = besides.plus(steps), OTHER_TASKS
        if steps.high - steps.low > besides.high - besides.low:
            reason = FEW_STEPS if is_briefly_timed(snapshot) else UNEVEN_STEPS
    return _with_reason(_within_time_limit(total, snapshot, until) if by_clock else total, reason)


def _with_reason(total: ValueRange, reason: str) -> Eta | None:
    wide = total.high > max(WIDE_RATIO * total.low, total.low + 1.0)
    return Eta(total.low, total.high, reason if wide else "") if math.isfinite(total.high) else None


def _last_step(snapshot: RunSnapshot, until: int | None) -> int:
    """The step that the estimate goes up to; a shortened run may be past its end."""
    planned = snapshot.total_steps if until is None else min(until, snapshot.total_steps)
    return max(planned, snapshot.step)


def _is_stopping(snapshot: RunSnapshot) -> bool:
    """Whether the session ends before the last planned step: stopped by a person, the clock or an error."""
    if snapshot.step >= snapshot.total_steps:
        return False
    resumed = snapshot.state.resumes.last_until(snapshot.t)
    for event in snapshot.state.phases.newest_first(snapshot.t):
        if event.phase == "training" or (resumed is not None and event.t < resumed.t):
            return False
        if event.phase == "stopping":
            return True
    return False


def _within_time_limit(total: ValueRange, snapshot: RunSnapshot, until: int | None) -> ValueRange:
    """The estimate of a run with `minutes`, whose plan is corrected at each evaluation to end by the clock."""
    if snapshot.plan is None or not snapshot.plan.minutes:
        return total
    left = max(0.0, snapshot.plan.minutes * 60 - (snapshot.t - paused_seconds(snapshot.state, snapshot.t)))
    if _last_step(snapshot, until) < snapshot.total_steps:
        return ValueRange(min(total.low, left), min(total.high, left))
    # What closes a run comes after the limit.
    latest = left + closing_cost(snapshot, step_cost(snapshot) or ZERO).high
    if count_due(snapshot.dials.eval_every, snapshot.step, snapshot.total_steps - 1, at_end=False):
        return ValueRange((1.0 - CLOCK_SLACK) * left, latest)
    return ValueRange(min(total.low, left), min(total.high, latest))
