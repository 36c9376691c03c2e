"""Generated runs with a known end, to measure forecasts with.

Every history is a whole run as its journal would record it (steps, evaluations, samples, checkpoints, pauses, a changed
plan), with losses from one of eight families (`bench/judging/forecast_losses.py`) and step times from one of six.
Everything is determined by the number of the history and the edition of the library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from babytrain.runs.dials.learning_rate_schedule import learning_rate_factor
from babytrain.runs.events import (
    SCHEMA_VERSION,
    Checkpoint,
    Command,
    CorpusInfo,
    Ended,
    Eval,
    Phase,
    RatePlan,
    Sample,
    Started,
    Step,
)
from babytrain.runs.state.run_state import RunState
from bench.judging.forecast_losses import FAMILIES, Course

Array = npt.NDArray[np.float64]
TOKENS_PER_STEP = 768
SCHEDULES = ("linear", "cosine", "wsd", "constant")
TIMINGS = ("steady", "noisy", "slowing", "throttled", "waves", "handed over")
EDITION = 20260131
COPIES = 6  # of every family, each with another schedule and timing


@dataclass(frozen=True)
class History:
    """A run from start to end. `val_losses` [steps + 1] is the truth without noise, by finished steps."""

    name: str
    family: str
    schedule: str
    timing: str
    state: RunState
    val_losses: Array
    last_command_step: int = 0


@dataclass(frozen=True)
class Plan:
    """The settings before the first step. `first_total` is the plan that a person changed at `replanned_at`."""

    number: int
    family: str
    schedule: str
    timing: str
    total_steps: int
    eval_every: int
    sample_every: int
    checkpoint_every: int
    first_total: int
    replanned_at: int
    paused_at: int

    @property
    def rate(self) -> RatePlan:
        """The settings of its learning rate."""
        decay, min_lr_ratio = 0.2 if self.number % 2 else 0.35, 0.1 if self.number % 5 == 0 else 0.0
        return RatePlan(lr=0.01, warmup=20, wsd_decay_fraction=decay, min_lr_ratio=min_lr_ratio)

    @property
    def config(self) -> dict[str, object]:
        """The recorded config."""
        return {
            "schedule": self.schedule,
            "lr": self.rate.lr,
            "warmup": self.rate.warmup,
            "wsd_decay_fraction": self.rate.wsd_decay_fraction,
            "min_lr_ratio": self.rate.min_lr_ratio,
            "eval_every": self.eval_every,
            "sample_every": self.sample_every,
            "checkpoint_every": self.checkpoint_every,
            "sample_tokens": 200,
            "minutes": 0.0,
        }


def histories(edition: int = EDITION) -> list[History]:
    """All histories, the same every time; another edition has the same families with other numbers."""
    return [make_history(number, edition) for number in range(len(FAMILIES) * COPIES)]


def make_history(number: int, edition: int = EDITION) -> History:
    """History number `number`."""
    random = np.random.default_rng([number, edition])
    plan = _plan(number, random)
    early, late = (_factors(plan, total) for total in (plan.first_total, plan.total_steps))
    factors = np.where(np.arange(plan.total_steps) < plan.replanned_at, early, late)
    rate = np.concatenate([[0.0], factors])
    course = Course(np.cumsum(rate), rate, np.arange(plan.total_steps + 1) / plan.total_steps, random)
    train, val = FAMILIES[plan.family](course)
    state = _record(plan, factors, train, val, random)
    return History(
        f"{plan.family} {number}", plan.family, plan.schedule, plan.timing, state, val, max(0, plan.replanned_at)
    )


def _plan(number: int, random: np.random.Generator) -> Plan:
    family, copy = divmod(number, COPIES)
    total = int(random.integers(500, 2500))
    replanned = int(0.15 * total) if number % 11 == 4 else 0
    return Plan(
        number=number,
        family=list(FAMILIES)[family],
        schedule=SCHEDULES[(number + family) % len(SCHEDULES)],
        timing=TIMINGS[(copy + family) % len(TIMINGS)],
        total_steps=total,
        eval_every=max(10, total // int(random.integers(12, 40))),
        sample_every=max(10, total // int(random.integers(5, 20))),
        checkpoint_every=max(10, total // int(random.integers(3, 8))),
        first_total=int(total * random.uniform(0.6, 1.6)) if replanned else total,
        replanned_at=replanned,
        paused_at=int(random.uniform(0.05, 0.9) * total) if number % 3 == 0 else 0,
    )


def _factors(plan: Plan, total_steps: int) -> Array:
    steps = range(plan.total_steps)
    return np.array([learning_rate_factor(plan.rate, plan.schedule, step, total_steps) for step in steps])


def _record(plan: Plan, factors: Array, train: Array, val: Array, random: np.random.Generator) -> RunState:
    """The run as events, with noise on every loss and every duration."""
    state = RunState()
    total = plan.total_steps
    state.apply(_started(plan))
    seconds = _step_seconds(plan.timing, total, random)
    noise = train[1:] * (0.04 * random.standard_normal(total) + 0.006 * _waves(total, random))
    val_noise = val * (0.002 * random.standard_normal(total + 1))
    writer = _EventWriter(plan, state, val + val_noise, train, random)
    writer.evaluate(0)
    writer.sample(0)
    writer.phase("training", 0)
    for step in range(1, total + 1):
        writer.t += float(seconds[step - 1])
        state.steps.append_step(
            Step(
                step=step,
                t=writer.t,
                loss=float(train[step] + noise[step - 1]),
                learning_rate=0.01 * float(factors[step - 1]),
                gradient_norm=1.0,
                tokens=step * TOKENS_PER_STEP,
                step_seconds=0.002 if plan.timing == "handed over" else float(seconds[step - 1]),
            )
        )
        writer.do_what_is_due(step)
    if total % plan.eval_every:
        writer.evaluate(total)
    if total % plan.sample_every:
        writer.sample(total)  # as the engine does
    writer.save(total, "end")
    state.apply(
        Ended(t=writer.t, step=total, status="done", reason="", tokens=total * TOKENS_PER_STEP, tokens_per_second=1.0)
    )
    return state


def _started(plan: Plan) -> Started:
    corpus = CorpusInfo(
        name="made up",
        sha256="0" * 64,
        characters=300_000,
        train_tokens=270_000,
        val_tokens=30_000,
        vocabulary_size=40,
        tokenizer="char",
    )
    return Started(
        t=0.0,
        step=0,
        schema=SCHEMA_VERSION,
        run_id=f"history-{plan.number}",
        name=f"history-{plan.number}",
        wall_time=1_769_860_800.0,
        config=plan.config,
        corpus=corpus,
        parameters=800_000,
        total_steps=plan.first_total,
        steps_per_epoch=270_000 / TOKENS_PER_STEP,
        tokens_per_step=TOKENS_PER_STEP,
        device="cuda" if plan.timing == "handed over" else "cpu",
    )


class _EventWriter:
    """Keeps the time and applies the events between steps."""

    def __init__(self, plan: Plan, state: RunState, val: Array, train: Array, random: np.random.Generator) -> None:
        self.plan, self.state, self.val, self.train, self.random = plan, state, val, train, random
        self.t = 0.0
        self._costs = [float(cost) for cost in random.uniform(0.2, 6.0, size=3)]
        self._best = math.inf

    def phase(self, phase: str, step: int) -> None:
        self.state.apply(Phase(t=self.t, step=step, phase=phase))  # type: ignore[arg-type]

    def _spend(self, kind: int) -> float:
        seconds = self._costs[kind] * float(np.exp(0.08 * self.random.standard_normal()))
        self.t += seconds
        return seconds

    def do_what_is_due(self, step: int) -> None:
        plan, before = self.plan, self.t
        if step % plan.eval_every == 0:
            self.evaluate(step)
        if step % plan.sample_every == 0:
            self.sample(step)
        if step % plan.checkpoint_every == 0:
            self.save(step, "cadence")
        if step == plan.paused_at:
            self.phase("paused", step)
            self.t += 300.0
        if step == plan.replanned_at:
            self.state.apply(
                Command(
                    t=self.t,
                    step=step,
                    command_id=1,
                    action="total_steps",
                    status="applied",
                    value=float(plan.total_steps),
                    before=float(plan.first_total),
                    after=float(plan.total_steps),
                )
            )
        if self.t > before:
            self.phase("training", step)

    def evaluate(self, step: int) -> None:
        self.phase("evaluating", step)
        seconds = self._spend(0)
        val = float(self.val[step])
        self.state.apply(Eval(t=self.t, step=step, val_loss=val, train_loss=float(self.train[step]), seconds=seconds))
        if val < self._best and step:
            self.save(step, "best")
        self._best = min(val, self._best)

    def sample(self, step: int) -> None:
        self.phase("sampling", step)
        seconds = self._spend(1)
        self.state.apply(
            Sample(t=self.t, step=step, sample_id=step, prompt="", text="x", seed=1, temperature=1.0, seconds=seconds)
        )

    def save(self, step: int, reason: str) -> None:
        self.phase("saving", step)
        seconds = 0.1 * self._spend(2)
        self.t -= 9.0 * seconds
        self.state.apply(
            Checkpoint(t=self.t, step=step, directory="c", reason=reason, seconds=seconds)  # type: ignore[arg-type]
        )


def _step_seconds(timing: str, count: int, random: np.random.Generator) -> Array:
    """Seconds of every step."""
    share = np.arange(count) / count
    usual = random.uniform(0.05, 0.5)
    jitter = np.exp(0.05 * random.standard_normal(count))
    match timing:
        case "noisy":
            shape = np.exp(0.4 * random.standard_normal(count))
        case "slowing":
            shape = jitter * (1.0 + random.uniform(0.1, 0.4) * share)
        case "throttled":
            shape = jitter * np.where(share > random.uniform(0.1, 0.5), random.uniform(1.2, 1.7), 1.0)
        case "waves":
            shape = jitter * (1.0 + 0.1 * _waves(count, random))
        case _:
            shape = jitter
    seconds: Array = usual * shape
    return seconds


def _waves(count: int, random: np.random.Generator) -> Array:
    """Noise of unit size with periods of tens to hundreds of steps."""
    steps = np.arange(count)
    waves = [
        np.sin(2 * math.pi * steps / random.uniform(40, 0.5 * count) + random.uniform(0, 2 * math.pi)) for _ in range(5)
    ]
    total: Array = np.sum(waves, axis=0) / math.sqrt(2.5)
    return total
