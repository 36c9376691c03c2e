"""Robust statistics of a noisy curve: level, noise and trend that a few outliers cannot move.

Medians of blocks, the Theil-Sen slope through them, and spreads from absolute deviations. Everything takes finite
values; `finite` makes them so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

NORMAL_MAD = 1.4826  # standard deviation of normal noise over its median absolute deviation
MEDIAN_COST = 1.2533  # standard error of a median over that of a mean, normal noise
TREND_BLOCKS = 24  # a slope through 24 medians is nearly as sure as through all points, at 276 pairs
NOISE_ESTIMATE_ROWS = 512  # noise is wanted as it is now, and that many rows give it to 5%
MOST_POINTS = 6144  # of a longer curve every k-th row is taken: 256 to each of 24 blocks are plenty


@dataclass(frozen=True)
class Trend:
    """A stretch of curve as a line: how far it fell from end to end, how sure that is, and where it ends.

    `noise` is the standard deviation of single values. `roughness` is how far the block medians lie off the line,
    over what that noise explains: near 1 for a line with independent noise, above it for slow swings.
    `straightness` is the slope of the later half over that of the earlier: 1 for a line, near 0 for a curve that
    levels off.
    """

    fall: float
    error: float
    level: float
    noise: float
    roughness: float
    straightness: float


def finite_values(values: npt.ArrayLike) -> Float64Array:
    """The finite values, as float64."""
    array = np.asarray(values, dtype=np.float64)
    kept: Float64Array = array[np.isfinite(array)]
    return kept


def step_noise(values: Float64Array) -> float:
    """Standard deviation of step-to-step noise, from absolute differences: a trend hardly touches it."""
    if len(values) < 3:
        return 0.0
    return NORMAL_MAD * float(np.median(np.abs(np.diff(values[-NOISE_ESTIMATE_ROWS:])))) / float(np.sqrt(2.0))


def evaluation_noise(values: Float64Array) -> float:
    """Standard deviation of the noise of a short curve (evaluations).

    From third differences (their variance is 20 times that of the noise): slope and curvature, steep in the first
    evaluations, cancel.
    """
    if len(values) < 5:
        return 0.0
    return NORMAL_MAD * float(np.median(np.abs(np.diff(values, 3)))) / float(np.sqrt(20.0))


def fit_trend(values: Float64Array) -> Trend | None:
    """The trend of evenly spaced values; None for fewer than two to a block."""
    stride = max(1, len(values) // MOST_POINTS)
    points = values[::stride]
    size = len(points) // TREND_BLOCKS
    if size < 2:
        return None
    blocks = points[len(points) - size * TREND_BLOCKS :].reshape(TREND_BLOCKS, size)
    medians = np.median(blocks, axis=1)
    slope = theil_sen(medians)
    places = np.arange(TREND_BLOCKS) - (TREND_BLOCKS - 1) / 2.0
    middle = float(np.median(medians - slope * places))
    off = medians - (middle + slope * places)
    scatter = NORMAL_MAD * float(np.median(np.abs(off)))
    noise = step_noise(values)
    expected = noise * MEDIAN_COST / float(np.sqrt(size))
    # Neighbouring blocks that err together hold less than they seem to: the usual correction for an AR(1) residual.
    power = float(np.sum(off**2))
    likeness = min(0.8, max(0.0, float(np.sum(off[1:] * off[:-1])) / power)) if power > 0.0 else 0.0
    spread = max(scatter, expected) * float(np.sqrt((1.0 + likeness) / (1.0 - likeness)))
    half = TREND_BLOCKS // 2
    earlier, later = theil_sen(medians[:half]), theil_sen(medians[half:])
    return Trend(
        fall=-slope * TREND_BLOCKS,
        error=spread / float(np.sqrt(np.sum(places**2))) * TREND_BLOCKS,
        level=middle + slope * (TREND_BLOCKS - 1) / 2.0,
        noise=noise,
        roughness=scatter / expected if expected > 0.0 else 1.0,
        straightness=later / earlier if earlier != 0.0 else 0.0,
    )


def theil_sen(values: Float64Array) -> float:
    """Median slope over all pairs (Theil 1950, Sen 1968): up to 29% of the values may lie anywhere."""
    if len(values) < 2:
        return 0.0
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))
