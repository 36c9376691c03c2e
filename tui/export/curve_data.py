"""Curves of a run downsampled so that no peak is lost, and axes with round numbers, for poster and report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.charts.downsampling import ChartValues, bucket_extremes, bucket_means, bucket_rows

_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A straight map of [low, high] onto [start, end]; values outside stop at the ends."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value lies."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return float(self.start + (self.end - self.start) * min(1.0, max(0.0, share)))


def round_numbers(low: float, high: float, about: int = 5) -> list[float]:
    """About so many round numbers within [low, high]."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    raw = (high - low) / max(1, about)
    if raw <= 0 or not math.isfinite(raw):
        return []
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in _ROUND_STEPS if factor * power >= raw * 0.999)
    if step <= 0 or abs(low / step) > 1e12:
        return []
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def spread_labels(heights: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Places for labels near `heights`, at least `distance` apart and within [low, high] where that is possible."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    places = [min(max(heights[index], low), high) for index in order]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + distance)
    ceiling = high
    for index in reversed(range(len(places))):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - distance
    result = [0.0] * len(heights)
    for place, index in zip(places, order, strict=True):
        result[index] = place
    return result


@dataclass(frozen=True)
class DownsampledCurve:
    """A curve in at most so many stretches: `x` [N] their places, `low`, `high`, `mean` [N]; only finite numbers."""

    x: ChartValues
    low: ChartValues
    high: ChartValues
    mean: ChartValues

    def __len__(self) -> int:
        return len(self.x)


def downsample(
    x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, mean: npt.ArrayLike, most: int
) -> DownsampledCurve:
    """Thin a curve with ascending `x` [N] to at most `most` stretches; what is not a finite number is left out."""
    columns = [np.asarray(one, dtype=np.float64) for one in (x, low, high, mean)]
    usable = np.isfinite(np.stack(columns)).all(axis=0)
    xs, lows, highs, means = (one[usable] for one in columns)
    if len(xs) <= most:
        return DownsampledCurve(xs, lows, highs, means)
    rows = bucket_rows(xs, float(xs[0]), float(xs[-1]), most)
    extremes = bucket_extremes(lows, highs, rows)
    filled = np.diff(rows) > 0
    places = bucket_means(xs, rows)
    return DownsampledCurve(
        places[filled], extremes.low[filled], extremes.high[filled], bucket_means(means, rows)[filled]
    )


def training_loss_curve(snapshot: RunSnapshot, most: int, *, by_root: bool = False) -> DownsampledCurve:
    """The training loss over the steps; the range of merged steps counts as lowest and highest.

    `by_root` makes the stretches equal on a square-root scale of the steps.
    """
    steps, low, high, mean = (snapshot.column(name) for name in ("step", "loss_min", "loss_max", "loss"))
    if not by_root:
        return downsample(steps, low, high, mean, most)
    curve = downsample(np.sqrt(np.maximum(steps, 0)), low, high, mean, most)
    return replace(curve, x=curve.x**2)


def step_column_curve(snapshot: RunSnapshot, name: str, most: int) -> DownsampledCurve:
    """Any other column of the step table over the steps."""
    values = snapshot.column(name)
    return downsample(snapshot.column("step"), values, values, values, most)


def validation_losses(snapshot: RunSnapshot) -> list[tuple[int, float]]:
    """(step, nats per token) of every evaluation that gave a number."""
    return [(one.step, one.val_loss) for one in snapshot.evals if np.isfinite(one.val_loss)]


def speed_curve(snapshot: RunSnapshot, most: int) -> DownsampledCurve:
    """Tokens per second over the steps, each of at most `most` stretches as a whole: single steps only show jitter."""
    steps, tokens, seconds = (snapshot.column(name) for name in ("step", "tokens", "step_seconds"))
    gained = np.diff(tokens, prepend=0).astype(np.float64)
    usable = np.isfinite(seconds) & (seconds > 0) & (gained > 0)
    usable[:1] = False  # the first step warms up
    # The step after a way back also counts the tokens of the steps that were given up.
    for resumed in snapshot.state.resumes.until(snapshot.t):
        row = int(np.searchsorted(steps, resumed.step, side="right"))
        usable[row : row + 1] = False
    kept = np.flatnonzero(usable)
    if not len(kept):
        return downsample([], [], [], [], most)
    groups = np.array_split(kept, min(most, max(1, len(kept) // 5)))
    rates = [gained[rows].sum() / seconds[rows].sum() for rows in groups]
    return downsample([steps[rows].mean() for rows in groups], rates, rates, rates, most)
