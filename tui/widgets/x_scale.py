"""The x axis of what is drawn over the course of a run: steps, tokens, time or epochs, and how far it reaches.

The loss chart and the history of the sensors share it, so that what lies above each other happened together.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np

from babytrain.runs.state import Moment
from babytrain.tui.widgets.axis import AxisKind, round_up
from babytrain.tui.widgets.envelope import XArray
from babytrain.tui.widgets.viewport import View

XMode: TypeAlias = Literal["step", "tokens", "time", "epoch"]
X_MODES: tuple[XMode, ...] = ("step", "tokens", "time", "epoch")
AXIS_KINDS: dict[XMode, AxisKind] = {"step": "count", "tokens": "count", "time": "time", "epoch": "count"}


class XScale:
    """The x axis in one unit: the column of the training steps, and where anything else belongs on it.

    Epochs are steps with other numbers written under them, so they need no column; `scale` is the factor.
    """

    def __init__(self, moment: Moment, mode: XMode) -> None:
        self.moment = moment
        self.mode = mode
        self.steps: XArray = moment.column("step")
        self.times: XArray = moment.column("t")
        self.column: XArray = moment.column({"tokens": "tokens", "time": "t"}.get(mode, "step"))
        started = moment.started
        per_epoch = started.steps_per_epoch if started is not None else 0.0
        self.scale = 1.0 / per_epoch if mode == "epoch" and per_epoch > 0 else 1.0

    def of(self, step: int, t: float) -> float:
        """Where something belongs that happened at `step` and `t`."""
        return t if self.mode == "time" else self.of_step(step)

    def of_step(self, step: float) -> float:
        """Where a step belongs; between recorded steps, at the one before."""
        if self.mode in ("step", "epoch"):
            return float(step)
        row = int(np.searchsorted(self.steps, math.floor(step), side="right")) - 1
        return float(self.column[row]) if row >= 0 else 0.0

    def of_time(self, t: float) -> float:
        """Where a moment of running time belongs: at the newest step of then."""
        if self.mode == "time":
            return t
        row = int(np.searchsorted(self.times, t, side="right")) - 1
        return float(self.column[row]) if row >= 0 else 0.0

    def limits(self, view: View, columns: int) -> tuple[float, float]:
        """First and last x to show."""
        newest_step = float(self.moment.step)
        if not view.is_whole:
            first, last = view.span(newest_step, columns)
            return self.of_step(first), max(self.of_step(last), last if self.mode in ("step", "epoch") else 0.0)
        newest = max(float(self.column[-1]) if len(self.column) else 0.0, self.of(self.moment.step, self.moment.t))
        if self.moment.ended is not None:
            return 0.0, max(newest, 1.0)
        ladder = round_up(newest * self.scale, clock=self.mode == "time") / self.scale
        planned = self._planned()
        return 0.0, max(newest, min(ladder, planned) if planned > 0 else ladder)

    def _planned(self) -> float:
        """Where the run will end, 0 when that cannot be known."""
        total, started = self.moment.total_steps, self.moment.started
        if self.mode == "time" or started is None:
            return 0.0
        return float(total * started.tokens_per_step if self.mode == "tokens" else total)
