"""What a training run of known truth records: the columns of a healthy run, and ways to make it unhealthy.

Each curve is what a run would have recorded: the columns of its steps, its evaluations, and per-window validation
losses. Everything follows from the curve's name and a seed by a counter-based generator. What is imitated:

- the loss falls as a power law from that of a uniform guess, a little more while the learning rate decays; noise of the
  steps has heavy tails (Student's t, 5 degrees of freedom) and shrinks with the loss;
- windows differ in difficulty by 0.28 nats, as measured on Shakespeare, and neighbours are alike (autoregressive, 0.5);
  each evaluation adds what that checkpoint is better and worse at (0.03 nats a window, neighbours alike by 0.3);
- the weights of one step are luckier than those of another: each evaluation is shifted by a wobble that training and
  validation share for the most part. Only this makes "worse than the best" a question: windows alone would not.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from babytrain.engine.diagnosis.observation import Observation, WindowLosses
from babytrain.engine.diagnosis.verdicts import VerdictKind

FloatArray = npt.NDArray[np.floating]

VOCABULARY = 65
UNIFORM = math.log(VOCABULARY)
WINDOWS = 435  # 111 kB of Shakespeare in windows of 256
WINDOW_SPREAD, WINDOW_LIKENESS = 0.28, 0.5
CHECKPOINT_SPREAD, CHECKPOINT_LIKENESS = 0.03, 0.3
SHARED_WOBBLE = 0.8
STEP_SECONDS = 0.03
NEWEST_WINDOWS = 3  # evaluations whose window losses are kept, besides the best


@dataclass(frozen=True)
class Curve:
    """A recorded run with known truth. `observation` is the whole run; `at` cuts it.

    `decisive_step` is where the verdict is read, one of `accepted`. `onset_step` is where overfitting (the last
    evaluation before validation rises, noise aside) or divergence begins.
    """

    name: str
    truth: VerdictKind
    decisive_step: int
    observation: Observation
    accepted: tuple[VerdictKind, ...]
    onset_step: int | None = None
    recorded: bool = False
    slowed_from: int | None = None  # the machine trouble of `observation` begins here

    def at(self, step: int) -> Observation:
        """The run after `step` steps, with the windows that were kept by then."""
        whole = self.observation
        rows = int(np.searchsorted(whole.step, step, side="right"))
        evaluations = int(np.searchsorted(whole.eval_step, step, side="right"))
        columns = {
            name: getattr(whole, name)[:rows]
            for name in ("step", "t", "loss", "learning_rate", "gradient_norm", "step_seconds")
        }
        columns |= {
            name: getattr(whole, name)[:evaluations] for name in ("eval_step", "eval_t", "val_loss", "train_loss")
        }
        windows = whole.windows[:evaluations]
        if windows:
            best = int(np.argmin(whole.val_loss[:evaluations]))
            windows = (windows[best], *windows[max(best + 1, evaluations - NEWEST_WINDOWS) :])
        slowed = self.slowed_from is not None and step >= self.slowed_from
        return replace(
            whole,
            **columns,
            windows=windows,
            finished=whole.finished and step >= whole.newest_step,
            throttled_seconds=whole.throttled_seconds if slowed else 0.0,
            data_wait_share=whole.data_wait_share if slowed else 0.0,
        )

    def looks(self, every: int = 50) -> Iterator[int]:
        """Steps at which the diagnosis is asked for: regularly, and at each evaluation."""
        last = self.observation.newest_step
        yield from sorted({*range(every, last + 1, every), *self.observation.eval_step.astype(int).tolist()})


@dataclass(frozen=True)
class Shape:
    """A curve without noise, as arrays by step, and the size of its noise."""

    loss: FloatArray
    train_gap: FloatArray  # loss minus training loss in evaluation mode
    val_gap: FloatArray  # validation loss minus loss
    learning_rate: FloatArray
    gradient_norm: FloatArray
    noise: FloatArray
    wobble: float = 0.003
    eval_every: int = 100
    warmup: int = 20
    floor: float | None = None


def generator_for(name: str, seed: int) -> np.random.Generator:
    """A random generator determined by a name and a seed."""
    return np.random.Generator(np.random.Philox(key=(seed << 32) + zlib.crc32(name.encode())))


def autoregressive(generator: np.random.Generator, count: int, likeness: float) -> FloatArray:
    """`count` standard normal numbers with correlation `likeness` between neighbours."""
    noise = generator.standard_normal(count)
    values = np.empty(count)
    values[0] = noise[0]
    fresh = math.sqrt(1.0 - likeness**2)
    for place in range(1, count):
        values[place] = likeness * values[place - 1] + fresh * noise[place]
    return values


def schedule(kind: str, steps: int, peak: float, warmup: int) -> FloatArray:
    """The learning rate of every step."""
    places = np.arange(1, steps + 1)
    progress = np.clip((places - warmup) / max(1, steps - warmup), 0.0, 1.0)
    shape = {"linear": 1.0 - progress, "cosine": 0.5 * (1.0 + np.cos(np.pi * progress)), "constant": np.ones(steps)}
    return np.asarray(peak * shape[kind] * np.minimum(1.0, places / (warmup + 1)), dtype=np.float64)


def healthy_shape(
    steps: int = 2000,
    *,
    end: float = 1.4,
    speed: float = 40.0,
    power: float = 0.5,
    noise: float = 0.03,
    kind: str = "cosine",
    peak: float = 3e-3,
    gap: float = 0.05,
    wobble: float = 0.003,
    eval_every: int = 100,
    warmup: int = 20,
) -> Shape:
    """A run that goes well, from which the other kinds are made."""
    places = np.arange(1, steps + 1, dtype=np.float64)
    rate = schedule(kind, steps, peak, warmup)
    asymptote = end - (UNIFORM - end) * (1.0 + steps / speed) ** -power
    loss = asymptote + (UNIFORM - asymptote) * (1.0 + places / speed) ** -power
    decay = 0.05 * (1.0 - rate / peak) * (places > warmup)
    loss = loss * (1.0 - decay)
    level = (loss - end) / (UNIFORM - end)
    learnt = 1.0 - level
    return Shape(
        loss=loss,
        train_gap=0.3 * gap * learnt,
        val_gap=0.7 * gap * learnt,
        learning_rate=rate,
        gradient_norm=0.5 + 2.0 * np.maximum(level, 0.0),
        noise=noise * (0.6 + 0.8 * np.maximum(level, 0.0)),
        wobble=wobble,
        eval_every=eval_every,
        warmup=warmup,
    )


def realise(name: str, seed: int, shape: Shape, *, eval_spikes: tuple[int, ...] = ()) -> Observation:
    """The shape with noise: the whole recorded run, with per-window losses of every evaluation."""
    generator = generator_for(name, seed)
    steps = len(shape.loss)
    places = np.arange(1, steps + 1)
    tails = generator.standard_t(5, steps) / math.sqrt(5 / 3)
    seconds = STEP_SECONDS * np.exp(0.05 * generator.standard_normal(steps))
    eval_steps = np.arange(shape.eval_every, steps + 1, shape.eval_every)
    difficulty = WINDOW_SPREAD * autoregressive(generator, WINDOWS, WINDOW_LIKENESS)
    difficulty -= difficulty.mean()
    windows, train_losses = [], []
    for number, step in enumerate(eval_steps):
        shared = shape.wobble * generator.standard_normal() * (4.0 if number in eval_spikes else 1.0)
        shared += 8.0 * shape.wobble if number in eval_spikes else 0.0
        val_own, train_own = shape.wobble * math.sqrt(1.0 - SHARED_WOBBLE**2) * generator.standard_normal(2)
        own = CHECKPOINT_SPREAD * autoregressive(generator, WINDOWS, CHECKPOINT_LIKENESS)
        level = shape.loss[step - 1]
        val = level + shape.val_gap[step - 1] + SHARED_WOBBLE * shared + val_own
        windows.append(WindowLosses(int(step), (val + difficulty * val / 1.5 + own).astype(np.float32)))
        train_losses.append(level - shape.train_gap[step - 1] + SHARED_WOBBLE * shared + train_own)
    t = np.cumsum(seconds)
    return Observation(
        step=places,
        t=t,
        loss=shape.loss + shape.noise * tails,
        learning_rate=shape.learning_rate,
        gradient_norm=shape.gradient_norm * np.exp(0.15 * generator.standard_normal(steps)),
        step_seconds=seconds,
        eval_step=eval_steps,
        eval_t=t[eval_steps - 1],
        val_loss=np.array([losses.losses.mean(dtype=np.float64) for losses in windows]),
        train_loss=np.array(train_losses),
        windows=tuple(windows),
        warmup_steps=shape.warmup,
        total_steps=steps,
        uniform_loss=UNIFORM,
        floor=shape.floor,
    )
