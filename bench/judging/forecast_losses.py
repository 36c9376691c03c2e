"""Eight families of loss curves, without noise, for the histories of `bench/judging/forecast_runs.py`.

The formulas differ from those of the forecast: memories, exponents and transitions lie off its grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Losses = tuple[Array, Array]  # of training and of validation, without noise


@dataclass(frozen=True)
class Course:
    """What a loss is made from, by finished steps [steps + 1]: S1 in steps at the full rate, the rate in [0, 1]."""

    summed: Array
    rate: Array
    share: Array  # of the run that is done
    random: np.random.Generator

    def lagging_rate(self, memory: float) -> Array:
        """The rate as it was, on average, over the last `memory` steps."""
        keep, average, averages = math.exp(-1.0 / memory), 1.0, []
        for rate in self.rate.tolist():
            average = keep * average + (1.0 - keep) * rate
            averages.append(average)
        return np.array(averages)


def _annealed_power(course: Course) -> Losses:
    """Tissue et al. 2024, arXiv 2408.11029, with a memory of any length."""
    random = course.random
    power = (1.0 + course.summed / random.uniform(5, 40)) ** -random.uniform(0.3, 0.9)
    noise = random.uniform(0.05, 0.25) * course.lagging_rate(random.uniform(5, 150))
    return _with_gap(random.uniform(0.4, 1.6) + random.uniform(1.5, 3.0) * power + noise, course, drift=0.01)


def _loss_of_rate(course: Course) -> Losses:
    """The excess loss of a noisy quadratic: a power of the rate itself."""
    random = course.random
    power = (1.0 + course.summed / random.uniform(10, 30)) ** -random.uniform(0.4, 1.1)
    noise = random.uniform(0.05, 0.3) * course.rate ** random.uniform(0.5, 1.2)
    return _with_gap(random.uniform(0.3, 1.4) + random.uniform(2.0, 3.0) * power + noise, course, drift=0.01)


def _power_of_steps(course: Course) -> Losses:
    """A power of the steps; the rate makes no difference."""
    random, steps = course.random, np.arange(len(course.share))
    power = (1.0 + steps / random.uniform(10, 50)) ** -random.uniform(0.3, 1.0)
    return _with_gap(random.uniform(0.5, 1.5) + random.uniform(1.5, 3.0) * power, course, drift=0.0)


def _exponential(course: Course) -> Losses:
    random = course.random
    fall = np.exp(-course.summed / (course.summed[-1] * random.uniform(0.15, 0.5)))
    return _with_gap(random.uniform(0.5, 1.5) + random.uniform(1.5, 3.0) * fall, course, drift=0.01)


def _two_powers(course: Course) -> Losses:
    """A fast and a slow power law."""
    random = course.random
    quick = (1.0 + course.summed / random.uniform(3, 10)) ** -random.uniform(1.2, 2.0)
    slow = (1.0 + course.summed / random.uniform(50, 200)) ** -random.uniform(0.2, 0.5)
    noise = random.uniform(0.02, 0.15) * course.lagging_rate(random.uniform(5, 60))
    loss = random.uniform(0.2, 1.0) + 2.0 * quick + random.uniform(0.8, 1.5) * slow + noise
    return _with_gap(loss, course, drift=0.01)


def _sudden_insight(course: Course) -> Losses:
    """A sudden fall in the early part, as when attention learns to copy."""
    random = course.random
    power = (1.0 + course.summed / random.uniform(10, 30)) ** -random.uniform(0.4, 0.8)
    insight = 1.0 / (1.0 + np.exp((course.share - random.uniform(0.05, 0.15)) / random.uniform(0.01, 0.03)))
    noise = random.uniform(0.03, 0.12) * course.rate
    loss = random.uniform(0.4, 1.2) + random.uniform(1.5, 2.2) * power + random.uniform(0.2, 0.6) * insight + noise
    return _with_gap(loss, course, drift=0.01)


def _overfitting(course: Course) -> Losses:
    """Training loss keeps falling, validation loss ever less so."""
    random = course.random
    power = (1.0 + course.summed / random.uniform(10, 30)) ** -random.uniform(0.4, 0.8)
    loss = random.uniform(0.3, 0.9) + random.uniform(1.5, 2.5) * power + random.uniform(0.02, 0.1) * course.rate
    return _with_gap(loss, course, drift=random.uniform(0.1, 0.35))


def _logarithmic(course: Course) -> Losses:
    """A logarithmic fall without a floor in sight."""
    random = course.random
    start = random.uniform(2.5, 4.0)
    fall = random.uniform(0.2, 0.4) * np.log1p(course.summed / random.uniform(5, 40))
    noise = random.uniform(0.02, 0.12) * course.lagging_rate(random.uniform(5, 80))
    return _with_gap(np.maximum(start - fall, 0.2) + noise, course, drift=0.0)


FAMILIES: dict[str, Callable[[Course], Losses]] = {
    "annealed power": _annealed_power,
    "loss of the rate": _loss_of_rate,
    "power of steps": _power_of_steps,
    "exponential": _exponential,
    "two powers": _two_powers,
    "sudden insight": _sudden_insight,
    "overfitting": _overfitting,
    "logarithmic": _logarithmic,
}


def _with_gap(loss: Array, course: Course, *, drift: float) -> Losses:
    """Validation lies above training, by ever more if it drifts (with the learning rate, as overfitting does)."""
    summed = course.summed / course.summed[-1]
    gap = course.random.uniform(0.0, 0.05) + drift * summed ** course.random.uniform(0.9, 1.5)
    return loss, loss + gap
