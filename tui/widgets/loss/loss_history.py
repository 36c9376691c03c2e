"""The training loss of a run made ready to draw, kept up to date row by row.

A live run appends a few rows a frame and a chart wants all of them smoothed and free of NaN. Both are prefix
computations, so they are done once for each row; looking back in a replay is taking a shorter slice.
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
    """Cleaned loss columns: `low` and `high` (NaN where not finite), `smooth` (never NaN once a loss was finite)."""

    # Beyond this a loss is an accident: it is drawn, but averaging it in would hide the curve for thousands of steps.
    ABSURD: ClassVar[float] = 1e6

    def __init__(self, decay: float) -> None:
        self.count = 0
        self.low, self.high, self.smooth = np.empty(4096), np.empty(4096), np.empty(4096)
        self._block_low: ChartValues = np.empty(0)
        self._block_high: ChartValues = np.empty(0)
        self._block_smooth: ChartValues = np.empty(0)
        self._decay = decay
        self._bad_rows: ChartIntegers = np.empty(16, dtype=np.int64)
        self._bad = 0
        self._average = DebiasedAverage(decay)
        self._last_smooth = math.nan
        self._mark: tuple[int, float] | None = None
        self._source: StepColumns | None = None
        self._resumes = 0

    @property
    def decay(self) -> float:
        """Weight of the past in the moving average; 0 is no smoothing."""
        return self._decay

    def set_decay(self, decay: float) -> None:
        """Smooth differently from now on; everything is computed anew."""
        self._decay = decay
        self._start_over()

    def update(self, steps: StepColumns, rows: int, resumes: int = 0) -> None:
        """Take in the table's first `rows` rows. `resumes` is how often rows may have been superseded."""
        if steps is not self._source or resumes != self._resumes or not self._still_true(steps):
            self._source, self._resumes = steps, resumes
            self._start_over()
        if rows > self.count:
            self._extend(steps, rows)

    def bad_rows(self, rows: int) -> ChartIntegers:
        """Indices below `rows` of steps whose loss was NaN or infinite, ascending."""
        return self._bad_rows[: int(np.searchsorted(self._bad_rows[: self._bad], rows))]

    def blocks(self, rows: int) -> tuple[ChartValues, ChartValues, ChartValues]:
        """Lowest, highest and mean smoothed loss of every `BLOCK` of the first `rows` rows, the last one incomplete.

        A million rows in a hundred columns need not be looked at one by one ten times a second.
        """
        whole = rows // ROWS_PER_BLOCK
        rest = slice(whole * ROWS_PER_BLOCK, rows)
        if rest.start == rest.stop:
            return self._block_low[:whole], self._block_high[:whole], self._block_smooth[:whole]
        return (
            np.append(self._block_low[:whole], np.fmin.reduce(self.low[rest])),
            np.append(self._block_high[:whole], np.fmax.reduce(self.high[rest])),
            np.append(self._block_smooth[:whole], self.smooth[rest].mean()),
        )

    def _extend_blocks(self, rows: int) -> None:
        """Complete the blocks that end at or before `rows`."""
        done, whole = len(self._block_low), rows // ROWS_PER_BLOCK
        if whole > done:
            part = slice(done * ROWS_PER_BLOCK, whole * ROWS_PER_BLOCK)
            low, high, smooth = (
                column[part].reshape(-1, ROWS_PER_BLOCK) for column in (self.low, self.high, self.smooth)
            )
            self._block_low = np.append(self._block_low, np.fmin.reduce(low, axis=1))
            self._block_high = np.append(self._block_high, np.fmax.reduce(high, axis=1))
            self._block_smooth = np.append(self._block_smooth, smooth.mean(axis=1))

    def _still_true(self, steps: StepColumns) -> bool:
        """Whether the newest row taken in still stands in the table (a resume replaces rows)."""
        if self._mark is None:
            return True
        row = self.count - 1
        return steps.count > row and (int(steps.step[row]), float(steps.t[row])) == self._mark

    def _start_over(self) -> None:
        self.count = 0
        self._bad = 0
        self._block_low, self._block_high, self._block_smooth = np.empty(0), np.empty(0), np.empty(0)
        self._mark = None
        self._average = DebiasedAverage(self._decay)
        self._last_smooth = math.nan

    def _extend(self, steps: StepColumns, rows: int) -> None:
        first = self.count
        self._make_room(rows, steps.capacity)
        loss, lows, highs = self.read(steps, first, rows)
        finite = np.isfinite(loss)
        for target, part in ((self.low, lows), (self.high, highs)):
            # A merged row may have a finite mean beside a missing extreme: its mean still stands.
            target[first:rows] = np.where(np.isfinite(part), part, np.where(finite, loss, np.nan))
        self._note_bad(first + np.flatnonzero(~finite))
        self._smooth_rows(loss, finite & (np.abs(loss) < self.ABSURD), first)
        self._extend_blocks(rows)
        self.count = rows
        self._mark = (int(steps.step[rows - 1]), float(steps.t[rows - 1]))

    def read(self, steps: StepColumns, first: int, rows: int) -> tuple[ChartValues, ChartValues, ChartValues]:
        """Value, lowest and highest of the rows from `first` to before `rows`."""
        part = slice(first, rows)
        return steps.loss[part], steps.loss_min[part], steps.loss_max[part]

    def _smooth_rows(self, loss: ChartValues, usable: npt.NDArray[np.bool_], first: int) -> None:
        """Average the usable losses; the others repeat the average before them."""
        averaged = self._average.extend(loss[usable])
        table = np.r_[self._last_smooth, averaged]
        self.smooth[first : first + len(loss)] = table[np.cumsum(usable)]
        self._last_smooth = float(table[-1])

    def _note_bad(self, rows: ChartIntegers) -> None:
        needed = self._bad + len(rows)
        if needed > len(self._bad_rows):
            self._bad_rows = np.resize(self._bad_rows, max(needed, 2 * len(self._bad_rows)))
        self._bad_rows[self._bad : needed] = rows
        self._bad = needed

    def _make_room(self, rows: int, capacity: int) -> None:
        """As much as the table has room for, so that a long run takes its memory once."""
        if rows <= len(self.low):
            return
        capacity = max(rows, capacity)
        for name in ("low", "high", "smooth"):
            old: ChartValues = getattr(self, name)
            new = np.full(capacity, math.nan)
            new[: self.count] = old[: self.count]
            setattr(self, name, new)


class SpeedHistory(LossHistory):
    """The same of the tokens trained on each second, evaluations, samples and rests left out."""

    ABSURD: ClassVar[float] = math.inf

    def __init__(self, decay: float) -> None:
        super().__init__(decay)
        self.went_back_to: frozenset[int] = frozenset()  # steps; the one after also counts the tokens given up

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
    """Exponential moving average without the pull of its starting value (as Adam's moments, arXiv:1412.6980).

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
        # The recurrence is unrolled in stretches short enough that decay**-length stays harmless.
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
