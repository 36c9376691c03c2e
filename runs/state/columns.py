"""Training steps as preallocated columns: one writer, any reader, no lock.

The engine's thread appends, the screen's thread reads. The count is published last, and a full table is replaced by
a larger copy with the same prefix, so a reader that takes the count first and the arrays second always sees whole rows.
Whoever knows how long the run will be reserves its rows, and they take their memory at once: a long run must not need
more of it day by day.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from babytrain.runs.events import Step

FloatColumn = npt.NDArray[np.float64]
IntColumn = npt.NDArray[np.int64]


class StepColumns:
    """Columns of equal length; only the first `count` rows hold data.

    `step`, `tokens` are int64; `t` and `step_seconds` seconds; `loss`, `loss_min`, `loss_max` nats per token;
    `learning_rate` and `gradient_norm` as used by that step.
    """

    _INTS = ("step", "tokens")
    _FLOATS = ("t", "loss", "loss_min", "loss_max", "learning_rate", "gradient_norm", "step_seconds")

    step: IntColumn
    tokens: IntColumn
    t: FloatColumn
    loss: FloatColumn
    loss_min: FloatColumn
    loss_max: FloatColumn
    learning_rate: FloatColumn
    gradient_norm: FloatColumn
    step_seconds: FloatColumn

    def __init__(self, capacity: int = 4096) -> None:
        self.count = 0
        self._capacity = max(16, capacity)
        for name in self._INTS:
            setattr(self, name, np.full(self._capacity, 0, dtype=np.int64))
        for name in self._FLOATS:
            setattr(self, name, np.full(self._capacity, 0.0, dtype=np.float64))

    @property
    def capacity(self) -> int:
        """Rows there is memory for."""
        return self._capacity

    def append(
        self,
        *,
        step: int,
        t: float,
        loss: float,
        learning_rate: float,
        gradient_norm: float,
        tokens: int,
        step_seconds: float,
        loss_min: float | None = None,
        loss_max: float | None = None,
    ) -> None:
        """Add one row and publish it."""
        row = self.count
        if row == self._capacity:
            self.reserve(2 * self._capacity)
        self.step[row] = step
        self.t[row] = t
        self.loss[row] = loss
        self.loss_min[row] = loss if loss_min is None else loss_min
        self.loss_max[row] = loss if loss_max is None else loss_max
        self.learning_rate[row] = learning_rate
        self.gradient_norm[row] = gradient_norm
        self.tokens[row] = tokens
        self.step_seconds[row] = step_seconds
        self.count = row + 1

    def append_step(self, event: Step) -> None:
        """Add an event as a row."""
        self.append(
            step=event.step,
            t=event.t,
            loss=event.loss,
            learning_rate=event.learning_rate,
            gradient_norm=event.gradient_norm,
            tokens=event.tokens,
            step_seconds=event.step_seconds,
            loss_min=event.loss_min,
            loss_max=event.loss_max,
        )

    def rows_until(self, t: float) -> int:
        """How many rows happened at or before time `t` (seconds of running time)."""
        count = self.count
        return int(np.searchsorted(self.t[:count], t, side="right"))

    def drop_after(self, step: int) -> None:
        """Forget the rows of steps later than `step`: a resume from there superseded them."""
        self.count = int(np.searchsorted(self.step[: self.count], step, side="right"))

    def reserve(self, rows: int) -> None:
        """Take the memory for `rows` rows in all, if there is less. Only for the one who appends."""
        if rows <= self._capacity:
            return
        self._capacity = rows
        for name in (*self._INTS, *self._FLOATS):
            old: npt.NDArray[Any] = getattr(self, name)
            new = np.full(rows, 0, dtype=old.dtype)  # not np.zeros, whose pages come one by one as rows are written
            new[: len(old)] = old
            setattr(self, name, new)
