"""Training steps as preallocated columns, for one writer thread and any readers without a lock.

The count is published last, and a full table is replaced by a larger copy with the same prefix, so a reader that takes
the count first and the arrays second always sees whole rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from babytrain.runs.events import Step

MAX_BRANCHES = 50
MAX_BRANCH_ROWS = 4_000

FloatColumn = npt.NDArray[np.float64]
IntColumn = npt.NDArray[np.int64]


class StepColumns:
    """Columns of equal length; only the first `count` rows hold data."""

    step: IntColumn
    tokens: IntColumn
    t: FloatColumn  # seconds
    loss: FloatColumn  # nats per token, as its range
    loss_min: FloatColumn
    loss_max: FloatColumn
    learning_rate: FloatColumn  # used by the step, like the norm
    gradient_norm: FloatColumn
    step_seconds: FloatColumn

    _TYPES = dict.fromkeys(("step", "tokens"), np.int64) | dict.fromkeys(
        ("t", "loss", "loss_min", "loss_max", "learning_rate", "gradient_norm", "step_seconds"), np.float64
    )

    def __init__(self, capacity: int = 4096) -> None:
        self.count = 0
        self.left_behind: tuple[StepColumns, ...] = ()  # by rollbacks and resumes, oldest first
        self.capacity = max(16, capacity)  # allocated rows
        for name, dtype in self._TYPES.items():
            setattr(self, name, np.full(self.capacity, 0, dtype=dtype))

    def append_step(self, event: Step) -> None:
        """Add an event as a row and publish it."""
        row = self.count
        if row == self.capacity:
            self.reserve(2 * self.capacity)
        self.step[row] = event.step
        self.t[row] = event.t
        self.loss[row] = event.loss
        self.loss_min[row] = event.loss if event.loss_min is None else event.loss_min
        self.loss_max[row] = event.loss if event.loss_max is None else event.loss_max
        self.learning_rate[row] = event.learning_rate
        self.gradient_norm[row] = event.gradient_norm
        self.tokens[row] = event.tokens
        self.step_seconds[row] = event.step_seconds
        self.count = row + 1

    def rows_until(self, t: float) -> int:
        """The number of rows at or before time `t` (seconds of running time)."""
        count = self.count
        return int(np.searchsorted(self.t[:count], t, side="right"))

    def drop_after(self, step: int) -> None:
        """Move the rows of later steps, which a resume superseded, to `left_behind`."""
        kept = int(np.searchsorted(self.step[: self.count], step, side="right"))
        if kept < self.count:
            self.left_behind = (*self.left_behind, self._branch(kept))[-MAX_BRANCHES:]
        self.count = kept

    def _branch(self, first: int) -> StepColumns:
        """A copy of the rows from the one before `first`, where they branch off; of very many only some."""
        begin = max(0, first - 1)
        stride = 1 + (self.count - begin) // MAX_BRANCH_ROWS
        branch = StepColumns(-(-(self.count - begin) // stride))
        branch.count = -(-(self.count - begin) // stride)
        for name in self._TYPES:
            getattr(branch, name)[: branch.count] = getattr(self, name)[begin : self.count : stride]
        return branch

    def reserve(self, rows: int) -> None:
        """Allocate memory for at least `rows` rows, so that it does not grow later. Writer's thread only."""
        if rows <= self.capacity:
            return
        self.capacity = rows
        for name in self._TYPES:
            old: npt.NDArray[Any] = getattr(self, name)
            new = np.full(rows, 0, dtype=old.dtype)  # not np.zeros, whose pages are allocated as they are written
            new[: len(old)] = old
            setattr(self, name, new)
