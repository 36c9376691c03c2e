"""Decides the verdict: all checks in order of importance, with hysteresis against flickering.

Checks of hardware slowdowns (throttled, data-bound) are here too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from babytrain.engine.diagnosis.loss_trends import (
    describe_learning,
    find_divergence,
    find_learning_rate_too_high,
    find_learning_rate_too_low,
    find_plateau,
    recent_trend,
)
from babytrain.engine.diagnosis.observation import Observation, step_number
from babytrain.engine.diagnosis.overfitting import find_memorising, find_overfitting, measure_rise
from babytrain.engine.diagnosis.robust_statistics import finite_values
from babytrain.engine.diagnosis.verdicts import (
    URGENT_VERDICTS,
    Diagnosis,
    EvaluationRise,
    VerdictKind,
)
from babytrain.runs.formatting import format_seconds, format_share

THROTTLED_SECONDS = 12.0  # of the last 60: less is hardly noticed
DATA_BOUND_SHARE = 0.25  # of the step time; 0 while the loader keeps up
SLOWDOWN_RELEASE_SHARE = 0.5  # of the threshold: a verdict stays until its share is below this
SPEED_ROWS = 64
USUAL_SPEED_ROWS = 512


def find_throttling(observation: Observation, *, repeated: bool) -> Diagnosis | None:
    """The hardware slows itself down. `repeated`: the previous verdict was the same."""
    throttled = observation.throttled_seconds
    if not throttled >= THROTTLED_SECONDS * (SLOWDOWN_RELEASE_SHARE if repeated else 1.0):
        return None
    why = f"The hardware slowed itself down for {min(throttled, 60.0):.0f} of the last 60 seconds"
    seconds = finite_values(observation.tail("step_seconds", USUAL_SPEED_ROWS))
    if len(seconds) > 2 * SPEED_ROWS:
        now = float(np.median(seconds[-SPEED_ROWS:]))
        usual = float(np.quantile(seconds[:-SPEED_ROWS], 0.2))
        if now > 1.05 * usual > 0.0:
            why += f"; a step takes {format_seconds(now)} where it took {format_seconds(usual)}"
    return Diagnosis(
        "throttled", why + ".", "Give it air, plug it in or raise its power limit; learning is not harmed."
    )


def find_data_bound(observation: Observation, *, repeated: bool) -> Diagnosis | None:
    """The steps wait for their data. `repeated`: the previous verdict was the same."""
    share = observation.data_wait_share
    if not share >= DATA_BOUND_SHARE * (SLOWDOWN_RELEASE_SHARE if repeated else 1.0):
        return None
    return Diagnosis(
        "data-bound",
        f"{format_share(share)} of the step time goes by waiting for data.",
        "Put the text on a faster disk or into memory, or stop what else is reading; learning is not harmed.",
    )


DIAGNOSIS_SETTLING_STEPS = 50  # the first steps fall too steeply for any verdict
SETTLING_SHARE = 0.1  # of the run, where it has fewer than 500 steps
CONFIRM_STEPS = 20  # a verdict that is not urgent must be found again so many steps later


def diagnose(observation: Observation, previous: Diagnosis | None = None) -> Diagnosis:
    """Diagnose a run; `previous` is its last diagnosis.

    Below 2 ms at 100,000 steps. Never raises for values in the arrays.
    """
    step = observation.newest_step
    if previous is not None and step < previous.step:
        previous = None  # after a rollback
    # A diverged run may hold any value; overflows count as infinite.
    with np.errstate(all="ignore"):
        rise = measure_rise(observation, previous)
        found = _find(observation, rise, previous.verdict if previous is not None else None)
    return _confirm(found, rise, step, previous)


def _find(observation: Observation, rise: EvaluationRise | None, previous_verdict: VerdictKind | None) -> Diagnosis:
    if observation.finished:
        return _done(observation)
    if (diverging := find_divergence(observation)) is not None:
        return diverging
    settling = DIAGNOSIS_SETTLING_STEPS
    if observation.total_steps > 0:
        settling = min(settling, int(SETTLING_SHARE * observation.total_steps))
    warming_up_until = max(observation.warmup_steps, settling)
    if observation.newest_step <= warming_up_until:
        return _warming_up(observation, warming_up_until)
    found = find_overfitting(observation, rise, previous_verdict)
    found = found or find_memorising(observation, repeated=previous_verdict == "memorising")
    if found is not None:
        return found
    trend = recent_trend(observation)
    return (
        find_learning_rate_too_high(observation, trend, repeated=previous_verdict == "lr too high")
        or find_throttling(observation, repeated=previous_verdict == "throttled")
        or find_data_bound(observation, repeated=previous_verdict == "data-bound")
        or find_learning_rate_too_low(observation, repeated=previous_verdict == "lr too low")
        or find_plateau(observation, trend, repeated=previous_verdict == "plateau")
        or describe_learning(observation, trend, repeated=previous_verdict == "slow")
    )


def _confirm(found: Diagnosis, rise: EvaluationRise | None, step: int, previous: Diagnosis | None) -> Diagnosis:
    """`found`, or `previous` while a new verdict that is not urgent waits for confirmation."""
    verdict = found.verdict
    found = replace(found, step=step, since=step, rise=rise)
    if previous is None:
        return found
    if verdict == previous.verdict:
        return replace(found, since=previous.since)
    if verdict in URGENT_VERDICTS or verdict == "done" or previous.verdict == "warming up":
        return found
    candidate_since = previous.candidate_since if previous.candidate == verdict else step
    if step - candidate_since >= CONFIRM_STEPS:
        return found
    return replace(previous, step=step, candidate=verdict, candidate_since=candidate_since, rise=rise)


def _done(observation: Observation) -> Diagnosis:
    step, _, val, _ = observation.evaluations
    plural = "" if observation.newest_step == 1 else "s"
    took = f"{observation.newest_step:,} step{plural} in {format_seconds(observation.newest_t)}"
    if len(val) == 0:
        return Diagnosis("done", f"The run is over after {took}.", "Write with the model, or start the next run.")
    best = int(np.argmin(val))
    why = f"The run is over after {took}; its best validation loss was {val[best]:.3f} at step "
    why += f"{step_number(step[best]):,}."
    if best == len(val) - 1:
        return Diagnosis("done", why, "The best model is the last one: a longer run may find a better one.")
    return Diagnosis("done", why, "The best model is not the last one: write with the best checkpoint.")


def _warming_up(observation: Observation, until: int) -> Diagnosis:
    newest = observation.tail("loss", 1)
    level = f"; the loss is {newest[-1]:.3f}" if len(newest) and np.isfinite(newest[-1]) else ""
    return Diagnosis(
        "warming up",
        f"Step {observation.newest_step:,} of the first {until:,}{level}.",
        "Wait: it is too early to judge.",
    )
