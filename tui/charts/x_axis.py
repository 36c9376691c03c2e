"""The x axis of run charts: steps, tokens, time or epochs, and the visible window of the run.

The window is kept in steps whatever the unit, so that changing the unit keeps it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from babytrain.runs.state.columns import StepColumns
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.charts.downsampling import ChartValues, XValues
from babytrain.tui.charts.ticks import AxisKind, round_up_axis_end

_NARROWEST = 8.0  # steps, the closest zoom


@dataclass(frozen=True)
class StepWindow:
    """`width` None: the whole run. `end` None: the newest `width` steps, following. Both given: fixed."""

    width: float | None = None
    end: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the whole run is shown."""
        return self.width is None

    @property
    def follows(self) -> bool:
        """Whether the window moves with the newest step."""
        return self.end is None

    def span(self, newest: float, columns: int) -> tuple[float, float]:
        """First and last step shown, for a window that is not the whole run. A following window moves by whole columns:
        otherwise points would change buckets every frame and flicker."""
        width = self.width if self.width is not None else max(newest, _NARROWEST)
        if self.end is not None:
            return self.end - width, self.end
        column = width / max(1, columns)
        end = max(width, newest, math.ceil(newest / column) * column)
        return end - width, end

    def zoomed(self, factor: float, newest: float, whole: float, anchor: float | None) -> StepWindow:
        """This window zoomed in by `factor` (below 1: out), with `anchor` fixed on the screen. `whole` is the width of
        the whole run in steps; from there on everything is shown."""
        width = whole if self.width is None else self.width
        wanted = max(_NARROWEST, width / factor)
        if wanted >= whole:
            return StepWindow()
        if anchor is None:
            if self.end is None:
                return StepWindow(wanted, None)
            anchor = self.end - width / 2
        end = whole if self.is_whole else self.span(newest, 0)[1]
        share = min(1.0, max(0.0, (end - anchor) / width))
        return StepWindow(wanted, max(wanted, min(anchor + share * wanted, whole)))

    def following(self, newest: float) -> StepWindow:
        """The newest steps at this zoom; of the whole run, its newest fifth."""
        return StepWindow(self.width if self.width is not None else max(50.0, newest / 5), None)

    def containing(self, step: float, newest: float) -> StepWindow:
        """Moved just far enough to show `step`."""
        if self.width is None:
            return self
        first, last = self.span(newest, 0)
        if first <= step <= last:
            return self
        air = 0.02 * self.width
        return StepWindow(self.width, max(self.width, step + air if step > last else step + self.width - air))


XMode: TypeAlias = Literal["step", "tokens", "time", "epoch"]
X_MODES: tuple[XMode, ...] = ("step", "tokens", "time", "epoch")
AXIS_KINDS: dict[XMode, AxisKind] = {"step": "count", "tokens": "count", "time": "time", "epoch": "count"}


class XScale:
    """The x axis in one unit: its column of training steps, and the x of other things. Epochs are steps with other
    labels, so they need no column; `scale` is the factor."""

    def __init__(self, snapshot: RunSnapshot, mode: XMode) -> None:
        self.snapshot = snapshot
        self.mode = mode
        self.steps: XValues = snapshot.column("step")
        self.times: XValues = snapshot.column("t")
        self.column: XValues = self.column_of(snapshot.state.steps)[: snapshot.rows]
        started = snapshot.started
        per_epoch = started.steps_per_epoch if started is not None else 0.0
        self.scale = 1.0 / per_epoch if mode == "epoch" and per_epoch > 0 else 1.0

    def column_of(self, steps: StepColumns) -> XValues:
        """The x of every row of some steps."""
        column: XValues = getattr(steps, {"tokens": "tokens", "time": "t"}.get(self.mode, "step"))
        return column

    def of(self, step: int, t: float) -> float:
        """The x of an event at `step` and running time `t` in seconds."""
        return t if self.mode == "time" else self.of_step(step)

    def of_step(self, step: float) -> float:
        """The x of a step; between recorded steps, that of the one before."""
        if self.mode in ("step", "epoch"):
            return float(step)
        row = int(np.searchsorted(self.steps, math.floor(step), side="right")) - 1
        return float(self.column[row]) if row >= 0 else 0.0

    def of_times(self, times: ChartValues) -> ChartValues:
        """The x of running times in seconds: that of the newest step at each time."""
        if self.mode == "time":
            return times
        if not len(self.column):
            return np.zeros(len(times))
        rows = np.searchsorted(self.times, times, side="right") - 1
        positions: ChartValues = np.where(rows >= 0, self.column[np.maximum(rows, 0)], 0).astype(np.float64)
        return positions

    def limits(self, view: StepWindow, columns: int) -> tuple[float, float]:
        """First and last x to show."""
        newest_step = float(self.snapshot.step)
        if not view.is_whole:
            first, last = view.span(newest_step, columns)
            return self.of_step(first), max(self.of_step(last), last if self.mode in ("step", "epoch") else 0.0)
        newest = max(float(self.column[-1]) if len(self.column) else 0.0, self.of(self.snapshot.step, self.snapshot.t))
        if self.snapshot.ended is not None:
            return 0.0, max(newest, 1.0)
        ladder = round_up_axis_end(newest * self.scale, clock=self.mode == "time") / self.scale
        planned = self._planned()
        return 0.0, max(newest, min(ladder, planned) if planned > 0 else ladder)

    def _planned(self) -> float:
        """The planned last x of the run, 0 if unknown."""
        total, started = self.snapshot.total_steps, self.snapshot.started
        if self.mode == "time" or started is None:
            return 0.0
        return float(total * started.tokens_per_step if self.mode == "tokens" else total)
