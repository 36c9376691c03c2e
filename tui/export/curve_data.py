"""Curves of a run, downsampled without losing peaks, and axes with round numbers, for poster and report."""

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
    """A linear map of [low, high] onto [start, end], clamped."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The mapped value."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return float(self.start + (self.end - self.start) * min(1.0, max(0.0, share)))


def round_numbers(low: float, high: float, about: int = 5) -> list[float]:
    """`about` round numbers within [low, high]; [] for an empty or not finite range."""
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
    """Label positions near `heights`, at least `distance` apart and within [low, high] if possible."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    spread = [min(max(height, low), high) for height in sorted(heights)]
    for index in range(1, len(spread)):
        spread[index] = max(spread[index], spread[index - 1] + distance)
    ceiling = high
    for index in reversed(range(len(spread))):
        spread[index] = min(spread[index], ceiling)
        ceiling = spread[index] - distance
    result = [0.0] * len(heights)
    for height, index in zip(spread, order, strict=True):
        result[index] = height
    return result


@dataclass(frozen=True)
class DownsampledCurve:
    """A curve in N intervals: `x`, `low`, `high` and `mean`, each [N] and finite."""

    x: ChartValues
    low: ChartValues
    high: ChartValues
    mean: ChartValues

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, kept: npt.NDArray[np.bool_]) -> DownsampledCurve:
        return DownsampledCurve(self.x[kept], self.low[kept], self.high[kept], self.mean[kept])


def downsample(
    x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, mean: npt.ArrayLike, most: int
) -> DownsampledCurve:
    """Merge a curve with ascending `x` [N] into at most `most` intervals, without values that are not finite."""
    columns = [np.asarray(column, dtype=np.float64) for column in (x, low, high, mean)]
    curve = DownsampledCurve(*columns)[np.logical_and.reduce(np.isfinite(columns))]
    if len(curve) <= most:
        return curve
    rows = bucket_rows(curve.x, float(curve.x[0]), float(curve.x[-1]), most)
    extremes = bucket_extremes(curve.low, curve.high, rows)
    means = bucket_means(curve.mean, rows)
    return DownsampledCurve(bucket_means(curve.x, rows), extremes.low, extremes.high, means)[np.diff(rows) > 0]


def training_loss_curve(snapshot: RunSnapshot, most: int, *, by_root: bool = False) -> DownsampledCurve:
    """The training loss over the steps. `by_root`: intervals of equal width in the square root of the step."""
    steps, low, high, mean = (snapshot.column(name) for name in ("step", "loss_min", "loss_max", "loss"))
    if not by_root:
        return downsample(steps, low, high, mean, most)
    curve = downsample(np.sqrt(np.maximum(steps, 0)), low, high, mean, most)
    return replace(curve, x=curve.x**2)


def left_behind_curves(snapshot: RunSnapshot, most: int) -> list[tuple[DownsampledCurve, list[int]]]:
    """The training losses that rollbacks and resumes left behind, each with its steps that were NaN or infinite."""
    found = []
    for branch, rows in snapshot.branches():
        step, low, high, mean = (
            column[:rows] for column in (branch.step, branch.loss_min, branch.loss_max, branch.loss)
        )
        found.append((downsample(step, low, high, mean, most), step[~np.isfinite(mean)].tolist()))
    return found


def step_column_curve(snapshot: RunSnapshot, name: str, most: int) -> DownsampledCurve:
    """Another column of the step table over the steps."""
    values = snapshot.column(name)
    return downsample(snapshot.column("step"), values, values, values, most)


def validation_losses(snapshot: RunSnapshot) -> list[tuple[int, float]]:
    """(step, nats per token) of every evaluation with a finite loss."""
    return [(event.step, event.val_loss) for event in snapshot.evals if np.isfinite(event.val_loss)]


def without_untrained(losses: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The evaluations to join by a line: nothing was measured between that before the first step and the next."""
    return losses[1:] if len(losses) > 1 and losses[0][0] == 0 else losses


def speed_curve(snapshot: RunSnapshot, most: int) -> DownsampledCurve:
    """Tokens per second in at most `most` intervals of at least five steps, because single steps vary much."""
    steps, tokens, seconds = (snapshot.column(name) for name in ("step", "tokens", "step_seconds"))
    gained = np.diff(tokens, prepend=0).astype(np.float64)
    usable = np.isfinite(seconds) & (seconds > 0) & (gained > 0)
    usable[:1] = False  # the first step warms up
    # The step after a rollback also counts the tokens of the discarded steps.
    for resumed in snapshot.state.resumes.until(snapshot.t):
        row = int(np.searchsorted(steps, resumed.step, side="right"))
        usable[row : row + 1] = False
    kept = np.flatnonzero(usable)
    if not len(kept):
        return downsample([], [], [], [], most)
    groups = np.array_split(kept, min(most, max(1, len(kept) // 5)))
    rates = [gained[rows].sum() / seconds[rows].sum() for rows in groups]
    return downsample([steps[rows].mean() for rows in groups], rates, rates, rates, most)
