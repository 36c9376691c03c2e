"""How long a run will still take, as an honest range, or nothing while it would be a guess.

A progress bar that counts training steps only is wrong by everything else a run does. This one adds up what is still
to come: steps (`runs/step_cost.py`), evaluations, samples, checkpoints and the final exam
(`runs/scheduled_costs.py`), and the quiet hours that lie ahead (`runs/quiet_hours.py`). If the bounds lie too far apart
to be of use, there is no estimate. Pure functions throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from babytrain.runs.paused_time import held_seconds
from babytrain.runs.prices import wall_time_at
from babytrain.runs.quiet_hours import QuietPlan, quiet_plan, share_worked, with_quiet_hours
from babytrain.runs.scheduled_costs import checkpoint_cost, evaluation_cost, scheduled_costs, upcoming
from babytrain.runs.state import Moment
from babytrain.runs.step_cost import Cost, first_row, step_cost

WIDEST_RATIO = 2.5  # of the high end to the low end
CLOCK_SLACK = 0.02  # how far before its time a run by the clock may end: its plan is mended only when off by more


@dataclass(frozen=True)
class SecondsRange:
    """Seconds of running time, `low` to `high`."""

    low: float
    high: float


def estimate_eta(moment: Moment, until: int | None = None) -> SecondsRange | None:
    """What is left of a run (or up to the step `until`), or None: not started, ended, or too early to say.

    The quiet hours ahead count. Other pauses to come cannot be known.
    """
    plan = quiet_plan(moment)
    if not plan.windows:
        return estimate_work(moment, until)
    step = step_cost(moment)
    if step is None or moment.ended is not None:
        return None
    # In seconds of work: what was measured in quiet hours holds the breaks that were taken there.
    row = first_row(moment)
    work = _left(moment, step.times(share_worked(moment, plan, float(moment.column("t")[row]))), until)
    if work is None:
        return None
    if not plan.duty:  # whole pauses are no part of the time that a run by the clock is given
        work = _within_time_limit(work, moment, step, until)
    if not _is_useful(work):
        return None
    total = _with_quiet_hours(work, moment, plan)
    if plan.duty:
        total = _within_time_limit(total, moment, step, until)
    return SecondsRange(total.low, total.high) if math.isfinite(total.high) else None


def estimate_work(moment: Moment, until: int | None = None) -> SecondsRange | None:
    """The same without any pauses to come: for how long the run will still draw power as it does now."""
    step = step_cost(moment)
    total = None if step is None or moment.ended is not None else _left(moment, step, until)
    if total is None or step is None:
        return None
    total = _within_time_limit(total, moment, step, until)
    return SecondsRange(total.low, total.high) if _is_useful(total) else None


def _left(moment: Moment, step: Cost, until: int | None) -> Cost | None:
    """Steps, and all that is scheduled besides, up to the step `until`, the end when None."""
    last = _last_step(moment, until)
    if moment.plan is None or last < moment.step:
        return None
    total = step.times(last - moment.step)
    for cost in scheduled_costs(moment, step, last):
        total = total.plus(cost)
    return total


def _last_step(moment: Moment, until: int | None) -> int:
    return moment.total_steps if until is None else min(until, moment.total_steps)


def _is_useful(total: Cost) -> bool:
    return math.isfinite(total.high) and total.high <= max(WIDEST_RATIO * total.low, total.low + 1.0)


def _with_quiet_hours(work: Cost, moment: Moment, plan: QuietPlan) -> Cost:
    now = wall_time_at(moment)
    return Cost(with_quiet_hours(work.low, now, plan), with_quiet_hours(work.high, now, plan))


def _within_time_limit(total: Cost, moment: Moment, step: Cost, until: int | None) -> Cost:
    """A run with `minutes` ends by the clock: its plan is mended whenever something is due, until nothing is any more.

    Pauses and rests do not count, neither those there were nor those to come; short breaks between two steps do.
    The last evaluation and checkpoint come after the time is up.
    """
    if moment.plan is None or not moment.plan.minutes:
        return total
    left = max(0.0, moment.plan.minutes * 60 - (moment.t - held_seconds(moment.state, moment.t)))
    if _last_step(moment, until) < moment.total_steps:
        return Cost(min(total.low, left), min(total.high, left))
    closing = evaluation_cost(moment, step).plus(checkpoint_cost(moment))
    mended = upcoming(moment.dials.eval_every, moment.step, moment.total_steps - 1, at_end=False) > 0
    if mended:
        return Cost((1.0 - CLOCK_SLACK) * left, left + closing.high)
    return Cost(min(total.low, left), min(total.high, left + closing.high))
