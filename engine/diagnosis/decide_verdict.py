"""Decides the verdict: all checks in order of importance, with hysteresis against flickering.

Checks of hardware slowdowns (throttled, data-bound) are here too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from babytrain.engine.diagnosis.divergence import find_divergence
from babytrain.engine.diagnosis.learning_rate import find_learning_rate_too_high, find_learning_rate_too_low, rate_hint
from babytrain.engine.diagnosis.loss_trends import describe_learning, find_plateau, recent_trend
from babytrain.engine.diagnosis.not_learning import SETTLED_ROWS, find_not_learning, is_above_counting
from babytrain.engine.diagnosis.observation import Observation, step_number
from babytrain.engine.diagnosis.overfitting import find_memorising, find_overfitting, measure_rise
from babytrain.engine.diagnosis.robust_statistics import finite_values
from babytrain.engine.diagnosis.verdicts import URGENT_VERDICTS, Diagnosis, EvaluationRise, VerdictKind
from babytrain.runs.formatting import format_count, format_loss, format_seconds, format_share, format_whole_seconds

THROTTLED_SECONDS = 12.0  # of the last 60: less is hardly noticed
DATA_BOUND_SHARE = 0.25  # of the step time; 0 while the loader keeps up
NAMED_RATE_FACTOR = 10.0  # times the default learning rate, or its inverse: the setting is named at the end
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
        if found.verdict in ("learning", "done") and (hint := rate_hint(observation)):
            found = replace(found, next_=hint if found.verdict == "learning" else f"{found.next_} {hint}")
    return _confirm(found, rise, step, previous, finished=observation.finished)


def _find(observation: Observation, rise: EvaluationRise | None, previous_verdict: VerdictKind | None) -> Diagnosis:
    trouble = find_divergence(observation)
    needed = SETTLED_ROWS if is_above_counting(observation) else 1
    settled = observation.settled_rows >= needed or observation.finished
    if trouble is None and settled:
        trouble = (
            find_overfitting(observation, rise, previous_verdict)
            or find_memorising(observation, repeated=previous_verdict == "memorising")
            or find_not_learning(observation)
        )
    if trouble is None and not settled:
        return _warming_up(observation)
    trend = recent_trend(observation)
    trouble = trouble or find_learning_rate_too_high(observation, trend, repeated=previous_verdict == "lr too high")
    if trouble is None and not observation.finished:
        trouble = find_throttling(observation, repeated=previous_verdict == "throttled") or find_data_bound(
            observation, repeated=previous_verdict == "data-bound"
        )
    trouble = trouble or find_learning_rate_too_low(observation, repeated=previous_verdict == "lr too low")
    if observation.finished:
        return _done(observation, trouble)
    return (
        trouble
        or find_plateau(observation, trend, repeated=previous_verdict == "plateau")
        or describe_learning(observation, trend, repeated=previous_verdict == "slow")
    )


def _confirm(
    found: Diagnosis, rise: EvaluationRise | None, step: int, previous: Diagnosis | None, *, finished: bool
) -> Diagnosis:
    """`found`, or `previous` while a new verdict that is not urgent waits for confirmation."""
    verdict = found.verdict
    found = replace(found, step=step, since=step, rise=rise)
    if previous is None:
        return found
    if verdict == previous.verdict:
        return replace(found, since=previous.since)
    if verdict in URGENT_VERDICTS or finished or previous.verdict == "warming up":
        return found
    candidate_since = previous.candidate_since if previous.candidate == verdict else step
    if step - candidate_since >= CONFIRM_STEPS:
        return found
    return replace(previous, step=step, candidate=verdict, candidate_since=candidate_since, rise=rise)


def _done(observation: Observation, trouble: Diagnosis | None) -> Diagnosis:
    """The verdict on a finished run: its trouble, if it has one, without commands, which no one would obey any more."""
    step, _, val, _ = observation.evaluations
    plural = "" if observation.newest_step == 1 else "s"
    steps, seconds = format_count(observation.newest_step), format_whole_seconds(observation.newest_t)
    if trouble is not None:
        why = f"{trouble.why} The run ended after {steps} step{plural} in {seconds}."
        return Diagnosis(trouble.verdict, why, _next_run(observation, trouble))
    why = f"The run is over after {steps} step{plural} in {seconds}"
    if len(val) == 0:
        return Diagnosis("done", f"{why}.", "Write with the model, or start the next run.")
    best = int(np.argmin(val))
    why += f"; its best validation loss was {format_loss(val[best])} at step {format_count(step_number(step[best]))}."
    if best == len(val) - 1:
        return Diagnosis("done", why, "The best model is the last one: a longer run may find a better one.")
    return Diagnosis("done", why, f"The best model is not the last one: {_use_best(step_number(step[best]))}.")


def _next_run(observation: Observation, trouble: Diagnosis) -> str:
    step, _, val, _ = observation.evaluations
    if trouble.advice is not None and trouble.advice.action == "dropout" and trouble.verdict == "not learning":
        return trouble.next_
    factors = observation.rate_factors
    match trouble.verdict:
        case "overfitting" | "memorising":
            best = step_number(step[int(np.argmin(val))])
            keep = _use_best(best)
            return (
                f"{keep[0].upper()}{keep[1:]}; the next run needs fewer steps, more text, dropout or a smaller model."
            )
        case "lr too high" | "diverging" if max(factors, default=1.0) > NAMED_RATE_FACTOR:
            return f"Start the next run with {_far_rate(observation, max(factors))} near its default."
        case "lr too low" if min(factors, default=1.0) < 1.0 / NAMED_RATE_FACTOR:
            return f"Start the next run with {_far_rate(observation, min(factors))} near its default."
        case "lr too high" | "diverging":
            return "Start the next run with a lower learning rate: try a third of it, and a tenth."
        case "lr too low":
            return "Start the next run with a higher learning rate: try three times it, and ten times."
    return "Start the next run with another learning rate, a tenth and ten times this one, or look at the text."


def _far_rate(observation: Observation, farthest: float) -> str:
    """The setting whose rate is `farthest` times its default, both where both are as far."""
    factors = observation.rate_factors
    if max(factors) < 2.0 * min(factors):
        return "a learning rate" if len(factors) == 1 else "an lr and a muon_lr each"
    return "an lr" if factors.index(farthest) == 0 else "a muon_lr"


def _use_best(step: int) -> str:
    return f"write with the best checkpoint, of step {format_count(step)}" if step else "no step made it better"


def _warming_up(observation: Observation) -> Diagnosis:
    newest = observation.tail("loss", 1)
    level = f"; the loss is {format_loss(newest[-1])}" if len(newest) and np.isfinite(newest[-1]) else ""
    return Diagnosis(
        "warming up",
        f"Step {format_count(observation.newest_step)} of the first {format_count(observation.settled_step)}{level}.",
        "Wait: it is too early to judge.",
    )
