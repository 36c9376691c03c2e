"""The quiet hours ahead of a run, in which it pauses or trains a share of the time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import itemgetter

from babytrain.runs.events import PolicyEvent
from babytrain.runs.state.elapsed_time import policy_in_force
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.time_of_day import MINUTES_PER_DAY, DayWindow, minute_of_day, parse_windows

QUIET_HOURS = "quiet hours"
MAX_QUIET_SECONDS = 400 * 86_400.0  # longer counts as endless
LATEST_WALL_TIME = 1e11  # Unix seconds that every system can convert to a time of day


@dataclass(frozen=True)
class QuietPlan:
    """The quiet hours of a run, in local time of this machine."""

    windows: tuple[DayWindow, ...] = ()
    duty_cycle: float = 0.0  # share of the time it trains in them, 0 when it pauses
    overridden: bool = False  # a person overrode the present quiet hours


NO_QUIET_PLAN = QuietPlan()


def quiet_plan(snapshot: RunSnapshot) -> QuietPlan:
    """The quiet hours set by the dials at a moment; none when they cannot be parsed."""
    dials = snapshot.dials
    try:
        windows = parse_windows(dials.quiet_hours)
    except ValueError:
        return NO_QUIET_PLAN
    share = dials.quiet_duty if 0.0 <= dials.quiet_duty <= 1.0 else 0.0
    if not windows or share == 1.0:
        return NO_QUIET_PLAN
    begun = max(snapshot.later_session_starts, default=-math.inf)
    events = snapshot.state.policy_events.newest_first(snapshot.t)
    newest = next((event for event in events if event.cause == QUIET_HOURS and event.t >= begun), None)
    return QuietPlan(windows, share, newest is not None and newest.action == "overridden")


def is_paused_by_quiet_hours(snapshot: RunSnapshot) -> bool:
    """Whether the run is paused by quiet hours alone, whose end is known."""
    policy = policy_in_force(snapshot)
    by_quiet_hours = snapshot.phase == "policy_pause" and policy is not None and policy.cause == QUIET_HOURS
    return by_quiet_hours and bool(quiet_plan(snapshot).windows)


def with_quiet_hours(work_seconds: float, wall_time: float, plan: QuietPlan) -> float:
    """Seconds that `work_seconds` of work take from `wall_time` (Unix seconds) on; infinite if they never end."""
    if not plan.windows or not 0.0 <= wall_time <= LATEST_WALL_TIME or not math.isfinite(work_seconds):
        return work_seconds
    elapsed, left, overridden = 0.0, work_seconds, plan.overridden
    while elapsed <= MAX_QUIET_SECONDS:
        minute = minute_of_day(wall_time + elapsed)
        quiet = any(window.contains(minute) for window in plan.windows)
        overridden = overridden and quiet
        share = plan.duty_cycle if quiet and not overridden else 1.0
        stretch = _seconds_to_next_edge(minute, plan.windows)
        if left <= share * stretch:
            return elapsed + (left / share if left > 0 else 0.0)
        elapsed, left = elapsed + stretch, left - share * stretch
    return math.inf


def _seconds_to_next_edge(minute: float, windows: tuple[DayWindow, ...]) -> float:
    """Until quiet hours begin or end next, at least a second; for a whole quiet day, until its start."""
    edges = (edge for window in windows for edge in (window.start, window.end))
    return max(1.0, 60.0 * min((edge - minute) % MINUTES_PER_DAY or MINUTES_PER_DAY for edge in edges))


def share_of_time_trained(snapshot: RunSnapshot, plan: QuietPlan, since: float) -> float:
    """The share of the time after `since` that the run was allowed to train, by its recorded duty cycles."""
    if not plan.duty_cycle or snapshot.t <= since:
        return 1.0
    shares = [(t, 1.0) for t in snapshot.later_session_starts]  # a new session records what still applies again
    shares += [
        (event.t, _duty_cycle(event))
        for event in snapshot.state.policy_events.until(snapshot.t)
        if event.cause == QUIET_HOURS
    ]
    worked, at, share = 0.0, since, 1.0
    for t, new_share in sorted(shares, key=itemgetter(0)):
        if t > at:
            worked += share * (t - at)
            at = t
        share = new_share
    return (worked + share * max(0.0, snapshot.t - at)) / (snapshot.t - since)


def _duty_cycle(event: PolicyEvent) -> float:
    """The share of the time it trains from then on; a pause is a phase, not a part of the speed."""
    return event.duty_cycle if event.action == "slowed" and 0.0 < event.duty_cycle <= 1.0 else 1.0
