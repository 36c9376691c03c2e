"""Robust statistics of noisy curves with finite values: medians of blocks, Theil-Sen slopes, absolute deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

NORMAL_MAD = 1.4826  # standard deviation of normal noise over its median absolute deviation
MEDIAN_COST = 1.2533  # standard error of a median over that of a mean, normal noise
TREND_BLOCKS = 24  # a slope through 24 medians (276 pairs) is nearly as exact as through all points
NOISE_ESTIMATE_ROWS = 512  # the newest rows, enough for 5%
MOST_POINTS = 6144  # of a longer curve every k-th row is taken: 256 per block


@dataclass(frozen=True)
class Trend:
    """A line through a part of a curve: its fall from end to end, the standard error of that, and its last level.

    `noise` is the standard deviation of single values; `roughness` the scatter of block medians over what `noise`
    explains (1 if independent); `straightness` the slope of the later half over that of the earlier (1 for a line).
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
    """Standard deviation of step-to-step noise, from absolute differences, which a trend hardly changes."""
    if len(values) < 3:
        return 0.0
    return NORMAL_MAD * float(np.median(np.abs(np.diff(values[-NOISE_ESTIMATE_ROWS:])))) / float(np.sqrt(2.0))


def evaluation_noise(values: Float64Array) -> float:
    """Standard deviation of the noise of a short curve.

    From third differences (20 times the variance of the noise), in which slope and curvature cancel.
    """
    if len(values) < 5:
        return 0.0
    return NORMAL_MAD * float(np.median(np.abs(np.diff(values, 3)))) / float(np.sqrt(20.0))


def fit_trend(values: Float64Array) -> Trend | None:
    """The trend of evenly spaced values; None for fewer than two per block."""
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
    # Correction for an AR(1) residual.
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
    """Median slope over all pairs (Theil 1950, Sen 1968); robust to 29% of outliers."""
    if len(values) < 2:
        return 0.0
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))
