"""The training loss of a run smoothed and without NaN, updated incrementally.

Both are prefix computations, done once per row, so an earlier moment of a replay is a shorter slice.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from babytrain.runs.state.columns import StepColumns
from babytrain.tui.charts.downsampling import ChartIntegers, ChartValues

ROWS_PER_BLOCK = 64


class LossHistory:
    """The cleaned loss of each row: `columns` are its lowest and highest (NaN where not finite) and smoothed value
    (never NaN after the first finite loss)."""

    # A loss above this is drawn but not averaged: it would distort the curve for thousands of steps.
    ABSURD: ClassVar[float] = 1e6

    def __init__(self) -> None:
        self.columns: ChartValues = np.empty((3, 4096))
        self._source: tuple[StepColumns, int, float] | None = None
        self._start_over(0.0)

    @property
    def smooth(self) -> ChartValues:
        """The moving average at each row."""
        smooth: ChartValues = self.columns[2]
        return smooth

    def smooth_at(self, row: int) -> float | None:
        """The moving average at a row, None without one."""
        value = float(self.smooth[row]) if 0 <= row < self.count else math.nan
        return value if math.isfinite(value) else None

    def update(self, steps: StepColumns, rows: int, resumes: int = 0, decay: float = 0.0) -> None:
        """Read the first `rows` rows. `resumes` counts how often rows may have been replaced; `decay` is that of the
        moving average (0: no smoothing); another one recomputes everything."""
        source = self._source
        same = source is not None and source[0] is steps and source[1:] == (resumes, decay)
        if not same or not self._has_kept_newest(steps):
            self._source = (steps, resumes, decay)
            self._start_over(decay)
        if rows > self.count:
            self._extend(steps, rows)

    def bad_rows(self, rows: int) -> ChartIntegers:
        """Indices below `rows` of steps whose loss was NaN or infinite, ascending."""
        return self._bad_rows[: int(np.searchsorted(self._bad_rows, rows))]

    def blocks(self, rows: int) -> ChartValues:
        """Lowest, highest and mean smoothed loss of every `ROWS_PER_BLOCK` of the first `rows`, the last incomplete."""
        whole = rows // ROWS_PER_BLOCK
        blocks = self._blocks[:, :whole]
        rest = self.columns[:, whole * ROWS_PER_BLOCK : rows]
        return np.append(blocks, _block_values(rest[:, None, :]), axis=1) if rest.size else blocks

    def _has_kept_newest(self, steps: StepColumns) -> bool:
        """Whether the newest row read is still in the table (a resume replaces rows)."""
        row = self.count - 1
        return row < 0 or (steps.count > row and (int(steps.step[row]), float(steps.t[row])) == self._newest)

    def _start_over(self, decay: float) -> None:
        self.count = 0
        self._newest = (0, 0.0)  # step and time of the newest row read
        self._bad_rows: ChartIntegers = np.empty(0, dtype=np.int64)
        self._blocks: ChartValues = np.empty((3, 0))
        self._average = DebiasedAverage(decay)
        self._last_smooth = math.nan

    def _extend(self, steps: StepColumns, rows: int) -> None:
        first = self.count
        self._make_room(rows, steps.capacity)
        loss, *extremes = self.read(steps, first, rows)
        finite = np.isfinite(loss)
        for target, part in zip(self.columns[:2], extremes, strict=True):
            # A merged row may have a finite mean but a missing extreme: the mean is kept.
            target[first:rows] = np.where(np.isfinite(part), part, np.where(finite, loss, np.nan))
        if not finite.all():
            self._bad_rows = np.append(self._bad_rows, first + np.flatnonzero(~finite))
        self._smooth_rows(loss, finite & (np.abs(loss) < self.ABSURD), first)
        self.count = rows
        self._newest = (int(steps.step[rows - 1]), float(steps.t[rows - 1]))
        done, whole = self._blocks.shape[1], rows // ROWS_PER_BLOCK
        if whole > done:
            part = self.columns[:, done * ROWS_PER_BLOCK : whole * ROWS_PER_BLOCK]
            self._blocks = np.append(self._blocks, _block_values(part.reshape(3, -1, ROWS_PER_BLOCK)), axis=1)

    def read(self, steps: StepColumns, first: int, rows: int) -> tuple[ChartValues, ChartValues, ChartValues]:
        """Value, lowest and highest of rows `first` up to `rows`."""
        part = slice(first, rows)
        return steps.loss[part], steps.loss_min[part], steps.loss_max[part]

    def _smooth_rows(self, loss: ChartValues, usable: npt.NDArray[np.bool_], first: int) -> None:
        """Average the usable losses; the other rows repeat the average before them."""
        averaged = self._average.extend(loss[usable])
        table = np.r_[self._last_smooth, averaged]
        self.smooth[first : first + len(loss)] = table[np.cumsum(usable)]
        self._last_smooth = float(table[-1])

    def _make_room(self, rows: int, capacity: int) -> None:
        """Allocate the table's capacity, so that a long run allocates once."""
        if rows > self.columns.shape[1]:
            kept = self.columns[:, : self.count]
            self.columns = np.full((3, max(rows, capacity)), math.nan)
            self.columns[:, : self.count] = kept


def _block_values(blocks: ChartValues) -> ChartValues:
    """Lowest, highest and mean of blocks of rows: from 3 x blocks x rows to 3 x blocks."""
    low, high, smooth = blocks
    return np.stack((np.fmin.reduce(low, axis=1), np.fmax.reduce(high, axis=1), smooth.mean(axis=1)))


class SpeedHistory(LossHistory):
    """Training tokens per second, without evaluations, samples and rests."""

    ABSURD: ClassVar[float] = math.inf

    def __init__(self) -> None:
        super().__init__()
        self.went_back_to: frozenset[int] = frozenset()  # steps; the one after also counts discarded tokens

    def read(self, steps: StepColumns, first: int, rows: int) -> tuple[ChartValues, ChartValues, ChartValues]:
        """Tokens per second of each row; NaN where the row before is not known."""
        speed = np.full(rows - first, math.nan)
        start = max(first, 1)
        gained = np.diff(steps.tokens[start - 1 : rows]).astype(np.float64)
        seconds = steps.step_seconds[start:rows]
        before = steps.step[start - 1 : rows - 1]
        known = (seconds > 0) & (gained > 0)
        if self.went_back_to:
            known &= ~np.isin(before, list(self.went_back_to))
        speed[start - first :][known] = gained[known] / seconds[known]
        return speed, speed, speed


class DebiasedAverage:
    """Exponential moving average with bias correction (as Adam's moments, arXiv:1412.6980):

    average_i = sum_j decay^(i-j) value_j / sum_j decay^(i-j)
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._total = 0.0
        self._weight = 0.0

    def extend(self, values: ChartValues) -> ChartValues:
        """The average after each of the next `values`."""
        if self._decay <= 0 or not len(values):
            return values.copy()
        # The recurrence is unrolled in parts short enough that decay**-length does not overflow.
        length = max(1, min(len(values), int(math.log(1e-6) / math.log(self._decay))))
        powers = self._decay ** np.arange(1, length + 1)
        weights = np.cumsum(powers) / self._decay
        result = np.empty_like(values)
        for first in range(0, len(values), length):
            part = values[first : first + length]
            n = len(part)
            totals = powers[:n] * (self._total + np.cumsum(part / powers[:n]))
            result[first : first + n] = totals / (powers[:n] * self._weight + weights[:n])
            self._total = float(totals[-1])
            self._weight = float(powers[n - 1] * self._weight + weights[n - 1])
        return result
