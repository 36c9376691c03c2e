"""A paired block bootstrap of the mean difference of two series of per-window losses.

The difficulty of a window is common to both series and cancels in the differences, which are correlated between
neighbouring windows of a text; so whole blocks of neighbours are resampled. Choices:

- Circular blocks (Politis & Romano 1992): every window is drawn equally often, so the mean of the draws is the mean.
- Block length by Politis & White 2004 (corrected by Patton, Politis & White 2009), without a setting.
- Philox from a given seed: the same result on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BootstrapArray = npt.NDArray[np.float64]

MAX_NUMBERS_AT_ONCE = 65_536
RESAMPLES = 2000  # the error of a tail probability of 1% is then 0.2%
CONFIDENCE = 0.95
MIN_WINDOWS = 4  # below that, resampling says nothing about the spread


@dataclass(frozen=True)
class LossComparison:
    """Mean of first minus second in nats per token, its interval, and the probability that it is above 0.

    `windows` counts the pairs of finite losses; `block_length` is in windows.
    """

    difference: float
    low: float
    high: float
    probability_above: float
    windows: int
    block_length: int


def compare_windows(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    block_length: int | None = None,
) -> LossComparison:
    """Compare two aligned series of per-window losses [windows] by their mean difference, first minus second.

    The interval is the middle `confidence` of the resampled means (percentile method); infinite, and the probability
    0.5, with fewer than four finite pairs. Raises ValueError for series of different lengths.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(f"Two series of the same windows are needed, not shapes {one.shape} and {other.shape}.")
    usable = np.isfinite(one) & np.isfinite(other)
    differences: BootstrapArray = one[usable] - other[usable]
    windows = len(differences)
    if windows < MIN_WINDOWS:
        mean = float(differences.mean()) if windows else 0.0
        return LossComparison(mean, -math.inf, math.inf, 0.5, windows, 1)
    length = choose_block_length(differences) if block_length is None else max(1, min(block_length, windows))
    means = _resampled_means(differences, length, resamples, seed)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail))
    above = float(np.mean(means > 0.0) + 0.5 * np.mean(means == 0.0))
    return LossComparison(float(differences.mean()), float(low), float(high), above, windows, length)


def choose_block_length(series: npt.ArrayLike) -> int:
    """Windows per block, growing with the cube root of the length.

    Politis & White 2004, "Automatic Block-Length Selection for the Dependent Bootstrap", equation (9) for the circular
    bootstrap: b = (2 G^2 / D)^(1/3) n^(1/3) from flat-top weighted autocovariances; at most min(3 sqrt(n), n / 3).
    """
    values = np.asarray(series, dtype=np.float64)
    count = len(values)
    longest = max(1, int(min(3.0 * math.sqrt(count), count / 3.0)))
    if count < 3 * MIN_WINDOWS:
        return 1
    run = max(5, round(math.sqrt(math.log10(count))))
    covariances = _autocovariances(values, min(count - 1, math.ceil(math.sqrt(count)) + run))
    # Equal numbers differ by rounding only; their autocorrelation means nothing.
    if covariances[0] <= (1e-12 * float(np.abs(values).max())) ** 2 or not np.isfinite(covariances).all():
        return 1
    correlations = np.abs(covariances[1:] / covariances[0])
    alike = np.flatnonzero(correlations >= 2.0 * math.sqrt(math.log10(count) / count))
    # The last lag followed by `run` lags without correlation: correlations that return much later are chance.
    gaps = np.diff(np.concatenate(([-1], alike, [len(correlations) + run])))
    last_alike = int(np.concatenate(([-1], alike))[int(np.argmax(gaps > run))]) + 1
    reach = min(2 * max(1, last_alike), len(covariances) - 1)
    lags = np.arange(1, reach + 1)
    weights = np.clip(2.0 * (1.0 - lags / reach), 0.0, 1.0)
    weighted = weights * covariances[1 : reach + 1]
    spread = covariances[0] + 2.0 * float(weighted.sum())
    bend = 2.0 * float((lags * weighted).sum())
    if spread <= 0.0:
        return longest
    ideal = (2.0 * bend**2 / (4.0 / 3.0 * spread**2)) ** (1.0 / 3.0) * count ** (1.0 / 3.0)
    return int(min(longest, max(1, math.ceil(ideal))))


def _resampled_means(differences: BootstrapArray, length: int, resamples: int, seed: int) -> BootstrapArray:
    count = len(differences)
    blocks = -(-count // length)
    mean = float(differences.mean())
    wrapped = np.concatenate((differences, differences[: length - 1])) - mean
    sums = np.cumsum(wrapped)
    block_sums = sums[length - 1 :].copy()
    block_sums[1:] -= sums[: count - 1]
    generator = np.random.Generator(np.random.Philox(key=seed))
    drawn = np.empty(resamples)
    # A few rows at a time: all at once would take tens of megabytes.
    rows = max(1, MAX_NUMBERS_AT_ONCE // blocks)
    for first in range(0, resamples, rows):
        part = drawn[first : first + rows]
        starts = generator.integers(0, count, size=(len(part), blocks), dtype=np.uint32)
        part[:] = block_sums[starts].sum(axis=1)
    drawn /= blocks * length
    # Corrects for blocks that draw more than the series holds, and for subtracting its own mean (as n - 1 for n):
    # both would make the interval too narrow.
    means: BootstrapArray = mean + drawn * math.sqrt(blocks * length / (count - min(length, count / 2)))
    return means


def _autocovariances(values: BootstrapArray, lags: int) -> BootstrapArray:
    """Autocovariances at lags 0 to `lags`, [lags + 1]."""
    centred = values - values.mean()
    size = 1 << (len(values) + lags).bit_length()
    spectrum = np.fft.rfft(centred, size)
    products: BootstrapArray = np.fft.irfft(np.abs(spectrum) ** 2, size)[: lags + 1] / len(values)
    return products
