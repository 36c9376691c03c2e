"""A library of training curves whose truth is known: generated ones of every kind, and the two recorded runs.

Every kind is a modified healthy run, in several strengths and seeds (noise: see `curve_shapes`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.diagnosis.verdicts import VerdictKind
from babytrain.runs.journal import load_state
from babytrain.runs.recorded import recorded_runs
from bench.judging.curve_shapes import UNIFORM, Curve, FloatArray, autoregressive, generator_for, healthy_shape, realise


@cache
def library(seed: int = 0) -> tuple[Curve, ...]:
    """Every curve, generated ones first. Another seed draws their noise anew."""
    kinds = (
        healthy,
        noisy,
        healthy_with_spikes,
        slow,
        overfitting,
        memorising,
        diverging,
        plateau,
        learning_rate_too_high,
        learning_rate_too_low,
        not_learning,
        machine_trouble,
        beginnings_and_ends,
    )
    return (*(curve for kind in kinds for curve in kind(seed)), *recorded())


def healthy(seed: int) -> Iterator[Curve]:
    """Fast and slow learners under every schedule, read at 60% of the run."""
    for kind in ("cosine", "linear", "constant"):
        for speed, power in ((15.0, 0.45), (60.0, 0.5)):
            name = f"healthy-{kind}-{speed:g}"
            shape = healthy_shape(kind=kind, speed=speed, power=power, end=1.45)
            yield Curve(name, "learning", 1200, realise(name, seed, shape), ("learning",))


def noisy(seed: int) -> Iterator[Curve]:
    """Small batches (noisy steps) and noisy evaluations."""
    loud = [(0.08, 0.004), (0.12, 0.006), (0.16, 0.008), (0.2, 0.01), (0.1, 0.015)]
    for number, (noise, wobble) in enumerate(loud):
        name = f"noisy-{number}"
        kind = ("linear", "constant")[number % 2]
        shape = healthy_shape(noise=noise, wobble=wobble, kind=kind, end=1.5, speed=30.0)
        yield Curve(name, "learning", 1200, realise(name, seed, shape), ("learning", "slow"))


def healthy_with_spikes(seed: int) -> Iterator[Curve]:
    """Single bad batches, and single bad evaluations, both of which pass."""
    for number in range(4):
        name = f"spikes-{number}"
        shape = healthy_shape(kind=("cosine", "linear")[number % 2], speed=25.0, noise=0.03 + 0.01 * number)
        run = realise(name, seed, shape, eval_spikes=(6 + number, 15))
        loss, norm = run.loss.astype(np.float64), run.gradient_norm.astype(np.float64)
        for step in (333, 700 + 31 * number, 1100, 1420):
            loss[step] += 1.5
            loss[step + 1] += 0.8
            norm[step : step + 2] *= 8.0
        yield Curve(name, "learning", 1200, replace(run, loss=loss, gradient_norm=norm), ("learning",))


def slow(seed: int) -> Iterator[Curve]:
    """Learning by a third of a percent of the loss in a tenth of the run."""
    for number, noise in enumerate((0.01, 0.015, 0.02)):
        name = f"slow-{number}"
        shape = healthy_shape(noise=noise, kind="constant", wobble=0.001)
        shape = replace(shape, loss=_then_line(shape.loss, 500, per_step=-0.0035 * 1.9 / 200))
        yield Curve(name, "slow", 1600, realise(name, seed, shape), ("slow",))


def overfitting(seed: int) -> Iterator[Curve]:
    """Validation loss turns at a known evaluation and rises, mildly to steeply, while training loss falls on."""
    strengths = [(0.012, 0.002), (0.02, 0.003), (0.03, 0.003), (0.05, 0.004), (0.08, 0.006)]
    for number, (climb, wobble) in enumerate(strengths):
        for turn, kind in ((600, "cosine"), (1100, "constant")):
            name = f"overfitting-{number}-{turn}"
            shape = healthy_shape(kind=kind, wobble=wobble, end=1.3, speed=20.0, noise=0.03 + 0.01 * (number % 3))
            after = np.maximum(0.0, np.arange(1, len(shape.loss) + 1) - turn) / shape.eval_every
            # From the turn on the training loss falls by what does not generalise.
            loss = shape.loss - 0.8 * climb * after / (1.0 + 0.05 * after)
            validation = np.where(after > 0, shape.loss[turn - 1], shape.loss) + shape.val_gap[turn - 1] + climb * after
            run = realise(name, seed, replace(shape, loss=loss, val_gap=validation - loss))
            yield Curve(name, "overfitting", turn + 2 * shape.eval_every, run, ("overfitting",), onset_step=turn)


def memorising(seed: int) -> Iterator[Curve]:
    """Validation loss is flat while training loss falls far below it, or below the entropy of the source."""
    for number in range(4):
        name = f"memorising-{number}"
        turn = 500 + 100 * number
        shape = healthy_shape(kind="constant", wobble=0.004, end=1.5, speed=20.0)
        after = np.maximum(0.0, np.arange(1, len(shape.loss) + 1) - turn) / 1000.0
        validation = np.where(after > 0, shape.loss[turn - 1], shape.loss) + shape.val_gap[turn - 1]
        loss = shape.loss * np.exp(-(0.6 if number % 2 else 1.6) * after)
        shape = replace(shape, loss=loss, val_gap=validation - loss, floor=(None, 1.3)[number % 2])
        yield Curve(name, "memorising", 1700, realise(name, seed, shape), ("memorising",))


def diverging(seed: int) -> Iterator[Curve]:
    """The loss diverges at a known step: at once, or by a fixed amount at every step."""
    ways = {"abrupt": 2.0, "fast": 0.12, "slow": 0.05, "slower": 0.035}
    for start in (400, 1250):
        for way, strength in ways.items():
            for noise in (0.02, 0.05):
                name = f"diverging-{way}-{start}-{noise:g}"
                shape = healthy_shape(noise=noise, kind="constant", peak=1e-2)
                after = np.maximum(0.0, np.arange(1, len(shape.loss) + 1) - start)
                rise = strength * (1.0 - np.exp(-after / 5.0)) if way == "abrupt" else np.minimum(2.0, strength * after)
                shape = replace(
                    shape,
                    loss=shape.loss + rise,
                    gradient_norm=shape.gradient_norm * np.exp(np.minimum(2.5, 0.05 * after)),
                    noise=shape.noise * (1.0 + rise),
                )
                yield Curve(name, "diverging", start + 20, realise(name, seed, shape), ("diverging",), onset_step=start)


def plateau(seed: int) -> Iterator[Curve]:
    """The loss stops falling at a known step: low, high, quiet, noisy, or at the start (letter counts only)."""
    stops = [(300, 0.02, 0.003), (400, 0.05, 0.006), (500, 0.1, 0.01), (300, 0.15, 0.01), (80, 0.03, 0.004)]
    for number, (stop, noise, wobble) in enumerate([*stops, (60, 0.02, 0.002)]):
        name = f"plateau-{number}"
        shape = healthy_shape(noise=noise, wobble=wobble, kind=("constant", "cosine")[number % 2], speed=15.0)
        shape = replace(shape, loss=_then_line(shape.loss, stop, per_step=0.0))
        yield Curve(name, "plateau", 1500, realise(name, seed, shape), ("plateau",))


def learning_rate_too_high(seed: int) -> Iterator[Curve]:
    """From the start (high, unsteady loss and growing gradients), or raised by hand (the loss rises a bit)."""
    for number in range(4):
        name = f"lr-too-high-{number}"
        shape = healthy_shape(kind=("constant", "linear")[number % 2], peak=3e-2, speed=8.0, wobble=0.02)
        swings = 0.05 * autoregressive(generator_for(name + "-swings", seed), len(shape.loss), 0.95)
        grown = np.exp(np.arange(len(shape.loss)) / (1500.0 + 300.0 * number))
        level = np.maximum(shape.loss, 2.3 + 0.1 * number)
        shape = replace(shape, loss=level + swings, noise=shape.noise * 2.0, gradient_norm=2.0 * grown)
        yield Curve(name, "lr too high", 800, realise(name, seed, shape), ("lr too high",))
    for number in range(2):
        name = f"lr-raised-{number}"
        shape = healthy_shape(kind="constant", speed=20.0)
        raised = 900 + 200 * number
        after = np.arange(1, len(shape.loss) + 1) > raised
        shape = replace(
            shape,
            loss=shape.loss + 0.13 * after,
            learning_rate=shape.learning_rate * np.where(after, 3.0, 1.0),
            noise=shape.noise * np.where(after, 1.5, 1.0),
        )
        yield Curve(name, "lr too high", raised + 100, realise(name, seed, shape), ("lr too high",))


def learning_rate_too_low(seed: int) -> Iterator[Curve]:
    """A straight, quiet fall, still high near half of the run."""
    for number, per_step in enumerate((-3e-4, -5e-4, -8e-4, -4e-4)):
        name = f"lr-too-low-{number}"
        shape = healthy_shape(kind=("constant", "linear")[number % 2], peak=1e-5, wobble=0.001, noise=0.01)
        loss = UNIFORM + per_step * np.arange(1, len(shape.loss) + 1)
        shape = replace(shape, loss=loss, val_gap=0.0 * loss, train_gap=0.0 * loss)
        yield Curve(name, "lr too low", 700, realise(name, seed, shape), ("lr too low",))


def not_learning(seed: int) -> Iterator[Curve]:
    """The loss falls to that of counting tokens, and stays."""
    for number, noise in enumerate((0.02, 0.06)):
        name = f"not-learning-{number}"
        shape = healthy_shape(kind="constant", noise=noise, wobble=0.002)
        counting = UNIFORM - 0.8
        loss = np.maximum(shape.loss, counting)
        shape = replace(shape, loss=loss, val_gap=0.0 * loss, train_gap=0.0 * loss)
        run = replace(realise(name, seed, shape), unigram_loss=counting)
        yield Curve(name, "not learning", 900, run, ("not learning",))


def machine_trouble(seed: int) -> Iterator[Curve]:
    """Healthy learning on a machine that throttles, or that waits for data."""
    for number in range(3):
        name = f"throttled-{number}"
        run = realise(name, seed, healthy_shape(kind="linear", speed=25.0))
        seconds = run.step_seconds * np.where(run.step > 900, 1.4 + 0.3 * number, 1.0)
        run = replace(run, step_seconds=seconds, t=np.cumsum(seconds), throttled_seconds=20.0 + 15.0 * number)
        run = replace(run, eval_t=run.t[run.eval_step.astype(int) - 1])
        yield Curve(name, "throttled", 1000, run, ("throttled",), slowed_from=900)
        name = f"data-bound-{number}"
        run = replace(
            realise(name, seed, healthy_shape(kind="cosine", speed=25.0)), data_wait_share=0.35 + 0.2 * number
        )
        yield Curve(name, "data-bound", 500, run, ("data-bound",), slowed_from=200)


def beginnings_and_ends(seed: int) -> Iterator[Curve]:
    """Read inside a long warm-up, and after the last step."""
    for number in range(2):
        name = f"warming-up-{number}"
        run = realise(name, seed, healthy_shape(warmup=200 + 100 * number, speed=40.0))
        yield Curve(name, "warming up", 150, run, ("warming up",))
        name = f"done-{number}"
        run = replace(realise(name, seed, healthy_shape(kind="linear", speed=20.0)), finished=True)
        yield Curve(name, "done", 2000, run, ("done",))


def _then_line(loss: FloatArray, step: int, *, per_step: float) -> FloatArray:
    """The loss up to `step`, then a straight line."""
    after = np.maximum(0.0, np.arange(1, len(loss) + 1) - step)
    return np.where(after > 0, loss[step - 1] + per_step * after, loss)


COLUMNS = ("step", "t", "loss", "learning_rate", "gradient_norm", "step_seconds")


def recorded() -> list[Curve]:
    """The two runs that ship with the program; their journals hold no window losses.

    Of the one that goes wrong, the steps until the guard took back the first raise of the learning rate.
    """
    curves = []
    for path in recorded_runs():
        state = load_state(path)
        assert state.started is not None
        steps, branches = state.steps, state.steps.left_behind
        columns = {name: getattr(steps, name)[: steps.count] for name in COLUMNS}
        last_evaluation = math.inf
        if branches:
            branch, kept = branches[0], int(np.searchsorted(columns["step"], branches[0].step[0]))
            last_evaluation = int(branch.step[0])
            columns = {
                name: np.concatenate([column[:kept], getattr(branch, name)[: branch.count]])
                for name, column in columns.items()
            }
        evaluations = [event for event in state.evals.events if event.step <= last_evaluation]
        observation = Observation(
            **columns,
            eval_step=np.array([event.step for event in evaluations]),
            eval_t=np.array([event.t for event in evaluations]),
            val_loss=np.array([event.val_loss for event in evaluations]),
            train_loss=np.array([event.train_loss for event in evaluations]),
            warmup_steps=int(state.started.config["warmup"]),
            total_steps=state.started.total_steps,
            uniform_loss=math.log(state.started.corpus.vocabulary_size),
            floor=state.started.corpus.floor_nats_per_token,
        )
        if not branches:
            curves.append(Curve(path.stem, "learning", 1200, observation, ("learning",), recorded=True))
        else:
            # The learning rate is doubled at step 261 and raised to eight times at step 341.
            accepted: tuple[VerdictKind, ...] = ("diverging", "lr too high")
            curves.append(Curve(path.stem, "diverging", 360, observation, accepted, onset_step=341, recorded=True))
    return curves
