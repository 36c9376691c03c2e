"""Downsampling that keeps the extremes: any number of points to one interval per dot column.

A dot column shows the lowest and highest value of its points (`np.fmin/fmax.reduceat`: 0.2 ms for a million points),
so single spikes are kept. A column without points is bridged by a straight line; one with only NaN points is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ChartValues = npt.NDArray[np.float64]
ChartIntegers = npt.NDArray[np.int64]
XValues = npt.NDArray[np.float64] | npt.NDArray[np.int64]

_BIGGEST_INTEGER = 2.0**62


@dataclass(frozen=True)
class ColumnIntervals:
    """For each dot column the lowest and highest value; NaN where nothing is drawn."""

    low: ChartValues
    high: ChartValues

    def __len__(self) -> int:
        return len(self.low)


def bucket_rows(x: XValues, x_low: float, x_high: float, columns: int) -> ChartIntegers:
    """Row indices that cut ascending `x` into `columns` equal parts of [x_low, x_high]; length columns + 1."""
    edges = np.linspace(x_low, x_high, columns + 1)
    if x.dtype.kind == "i":
        # Comparing integers with floats would copy the whole column; integer edges give the same cuts.
        whole = np.clip(np.ceil(edges), -_BIGGEST_INTEGER, _BIGGEST_INTEGER).astype(np.int64)
        whole[-1] = int(np.clip(np.floor(x_high), -_BIGGEST_INTEGER, _BIGGEST_INTEGER)) + 1
        rows = np.searchsorted(x, whole)
    else:
        rows = np.searchsorted(x, edges)
        rows[-1] = np.searchsorted(x, x_high, side="right")
    # Unsorted x (a damaged recording) must not give a negative slice.
    return np.maximum.accumulate(rows).astype(np.int64)


def bucket_extremes(low: ChartValues, high: ChartValues, rows: ChartIntegers) -> ColumnIntervals:
    """Lowest of `low` and highest of `high` in each bucket, ignoring NaN."""
    columns = len(rows) - 1
    result = ColumnIntervals(np.full(columns, np.nan), np.full(columns, np.nan))
    filled = np.flatnonzero(np.diff(rows) > 0)
    if len(filled):
        starts, end = rows[filled], int(rows[-1])
        result.low[filled] = np.fmin.reduceat(low[:end], starts)
        result.high[filled] = np.fmax.reduceat(high[:end], starts)
    return result


def bucket_means(values: ChartValues, rows: ChartIntegers) -> ChartValues:
    """Mean of each bucket; NaN if it is empty or contains a NaN."""
    counts = np.diff(rows)
    result = np.full(len(counts), np.nan)
    filled = np.flatnonzero(counts > 0)
    if len(filled):
        with np.errstate(over="ignore", invalid="ignore"):
            result[filled] = np.add.reduceat(values[: int(rows[-1])], rows[filled]) / counts[filled]
    return result


def outer_points(
    x: XValues, values: ChartValues, rows: ChartIntegers, x_low: float, x_high: float
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """The neighbours just outside the view as (dot column, value), so that lines continue to the edge."""
    columns = len(rows) - 1
    scale = columns / (x_high - x_low)

    def point(row: int) -> tuple[float, float] | None:
        if not 0 <= row < len(values) or not np.isfinite(values[row]):
            return None
        return (float(x[row]) - x_low) * scale - 0.5, float(values[row])

    return point(int(rows[0]) - 1), point(int(rows[-1]))


def fill_empty_columns(
    intervals: ColumnIntervals,
    rows: ChartIntegers,
    before: tuple[float, float] | None = None,
    after: tuple[float, float] | None = None,
) -> ColumnIntervals:
    """Fill columns without points by linear interpolation between their neighbours. Columns that contain only missing
    points stay gaps, and so does everything between them and the next value."""
    known = np.isfinite(intervals.low) & np.isfinite(intervals.high)
    if known.all() or (not known.any() and (before is None or after is None)):
        return intervals
    at = np.arange(len(intervals))
    # A column of missing points takes part as NaN, which makes everything interpolated with it NaN.
    fixed = known | (np.diff(rows) > 0)
    filled = []
    for values in (intervals.low, intervals.high):
        positions, heights = at[fixed].astype(np.float64), np.where(known, values, np.nan)[fixed]
        if before is not None:
            positions, heights = np.r_[before[0], positions], np.r_[before[1], heights]
        if after is not None:
            positions, heights = np.r_[positions, after[0]], np.r_[heights, after[1]]
        filled.append(np.interp(at, positions, heights, left=np.nan, right=np.nan))
    return ColumnIntervals(filled[0], filled[1])


def dot_rows(values: ChartValues, y_low: float, y_high: float, dots: int) -> ChartIntegers:
    """The dot row of each value, 0 at the top, clipped to the range. NaN gives -1."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.rint(np.clip((y_high - values) / (y_high - y_low) * (dots - 1), 0, dots - 1))
        return np.where(np.isnan(values), -1, rows).astype(np.int64)


def dot_row(value: float, y_low: float, y_high: float, dots: int) -> int:
    """`dot_rows` of one finite value."""
    return round(min(max((y_high - value) / (y_high - y_low) * (dots - 1), 0.0), dots - 1.0))


def connect_columns(top: ChartIntegers, bottom: ChartIntegers) -> tuple[ChartIntegers, ChartIntegers]:
    """Stretch neighbouring columns until they touch, each half of the way, so that a steep line has no holes. `top` and
    `bottom` are dot rows with top <= bottom, -1 where there is nothing."""
    here, there = slice(None, -1), slice(1, None)
    both = (top[here] >= 0) & (top[there] >= 0)
    old_top, old_bottom = top, bottom
    top, bottom = top.copy(), bottom.copy()
    # Falling lines, then rising ones with the columns exchanged.
    for upper, lower in ((here, there), (there, here)):
        apart = both & (old_top[lower] > old_bottom[upper] + 1)
        middle = (old_top[lower] + old_bottom[upper]) // 2
        bottom[upper][apart] = np.maximum(bottom[upper], middle)[apart]
        top[lower][apart] = np.minimum(top[lower], middle + 1)[apart]
    return top, bottom
