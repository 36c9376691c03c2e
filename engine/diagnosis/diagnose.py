"""Verdict, why, next: the checks in order of what matters most, and the memory that keeps verdicts from flickering."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from babytrain.engine.diagnosis import words
from babytrain.engine.diagnosis.evaluations import evaluations_of, find_memorising, find_overfitting, measure_rise
from babytrain.engine.diagnosis.machine import find_throttling, find_waiting
from babytrain.engine.diagnosis.observation import Observation, whole
from babytrain.engine.diagnosis.training import (
    describe_learning,
    find_divergence,
    find_learning_rate_too_high,
    find_learning_rate_too_low,
    find_plateau,
    recent_trend,
)
from babytrain.engine.diagnosis.verdicts import Diagnosis, Finding, Rise, Verdict

SETTLING_STEPS = 50  # the first steps fall so steeply that they look like nothing but themselves
SETTLING_SHARE = 0.1  # of the run, where it is so short that 50 steps would be most of it
CONFIRM_STEPS = 20  # a new verdict must still be found so many steps later, unless it is urgent


def diagnose(observation: Observation, previous: Diagnosis | None = None) -> Diagnosis:
    """What is going on. Pass the last diagnosis of the same run: the verdict then changes only for a reason.

    Cheap enough to ask once a second (below 2 ms at 100,000 steps). Never raises for what the arrays hold.
    """
    step = observation.newest_step
    if previous is not None and step < previous.step:
        previous = None  # gone back to a checkpoint: another story
    # A run that went wrong may hold anything; what overflows is judged as infinite and needs no warning.
    with np.errstate(all="ignore"):
        standing = previous.verdict if previous is not None else None
        rise = measure_rise(observation, previous)
        finding = _find(observation, rise, standing)
    return _settle(finding, rise, step, previous)


def _find(observation: Observation, rise: Rise | None, standing: Verdict | None) -> Finding:
    if observation.finished:
        return _done(observation)
    diverging = find_divergence(observation)
    if diverging is not None:
        return diverging
    settling = SETTLING_STEPS
    if observation.total_steps > 0:
        settling = min(settling, int(SETTLING_SHARE * observation.total_steps))
    if observation.newest_step <= max(observation.warmup_steps, settling):
        return _warming_up(observation, max(observation.warmup_steps, settling))
    overfitting = find_overfitting(observation, rise, standing)
    memorising = overfitting or find_memorising(observation, standing=standing == "memorising")
    if memorising is not None:
        return memorising
    trend = recent_trend(observation)
    return (
        find_learning_rate_too_high(observation, trend, standing=standing == "lr too high")
        or find_throttling(observation, standing=standing == "throttled")
        or find_waiting(observation, standing=standing == "data-bound")
        or find_learning_rate_too_low(observation, standing=standing == "lr too low")
        or find_plateau(observation, trend, standing=standing == "plateau")
        or describe_learning(observation, trend, standing=standing == "slow")
    )


def _settle(finding: Finding, rise: Rise | None, step: int, previous: Diagnosis | None) -> Diagnosis:
    found = Diagnosis(
        finding.verdict,
        finding.why,
        finding.next_,
        finding.advice,
        finding.alternative,
        step=step,
        since=step,
        rise=rise,
    )
    if previous is None or finding.urgent or finding.verdict == "done" or previous.verdict == "warming up":
        same = previous is not None and previous.verdict == finding.verdict
        return replace(found, since=previous.since) if same and previous is not None else found
    if finding.verdict == previous.verdict:
        return replace(found, since=previous.since)
    if previous.candidate == finding.verdict and step - previous.candidate_since >= CONFIRM_STEPS:
        return found
    waits_since = previous.candidate_since if previous.candidate == finding.verdict else step
    return replace(previous, step=step, candidate=finding.verdict, candidate_since=waits_since, rise=rise)


def _done(observation: Observation) -> Finding:
    step, _, val, _ = evaluations_of(observation)
    plural = "" if observation.newest_step == 1 else "s"
    took = f"{words.count(observation.newest_step)} step{plural} in {words.minutes(observation.newest_t)}"
    if len(val) == 0:
        return Finding("done", f"The run is over after {took}.", "Write with the model, or start the next run.")
    best = int(np.argmin(val))
    why = f"The run is over after {took}; its best validation loss was {words.loss(float(val[best]))} at step "
    why += f"{words.count(whole(step[best]))}."
    if best == len(val) - 1:
        return Finding("done", why, "The best model is the last one: a longer run may find a better one.")
    return Finding("done", why, "The best model is not the last one: write with the best checkpoint.")


def _warming_up(observation: Observation, until: int) -> Finding:
    newest = observation.tail("loss", 1)
    level = f"; the loss is {words.loss(float(newest[-1]))}" if len(newest) and np.isfinite(newest[-1]) else ""
    return Finding(
        "warming up",
        f"Step {words.count(observation.newest_step)} of the first {words.count(until)}{level}.",
        "Wait: it is too early to judge.",
    )
