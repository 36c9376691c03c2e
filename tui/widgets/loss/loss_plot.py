"""A run's losses, or its speed, as a `Plot`: curves, evaluations, reference levels, and marks of events.

Rare events are converted to arrays when their number changes; columns of training steps are passed on uncopied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from babytrain.runs.events import PhaseName
from babytrain.runs.formatting import format_loss, format_share
from babytrain.runs.state.columns import StepColumns
from babytrain.runs.state.progress import progress_to_floor
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.charts.downsampling import ChartValues, XValues, bucket_rows
from babytrain.tui.charts.plot import AxisMarks, EventMark, Plot, PointMarks, ReferenceLevel, Series
from babytrain.tui.charts.x_axis import AXIS_KINDS, StepWindow, XMode, XScale
from babytrain.tui.widgets.loss.event_marks import IntervalTracker, event_marks
from babytrain.tui.widgets.loss.loss_history import ROWS_PER_BLOCK, LossHistory, SpeedHistory

ChartQuantity: TypeAlias = Literal["loss", "speed"]
SMOOTHING_DECAYS = (0.95, 0.98, 0.995, 0.0)

_BLOCKS_A_COLUMN = 8
_MAX_POINT_MARKS = 4000
_WAITING: dict[PhaseName, str] = {
    "loading": "Loading the text and the model: the first step follows.",
    "compiling": "Compiling the model: the first step follows.",
    "paused": "Paused before the first step.",
    "policy_pause": "Resting before the first step.",
    "stopping": "Stopping before the first step.",
}


@dataclass(frozen=True)
class ChartSettings:
    """How the curve is shown. `decay` is the moving average's; `crosshair` is a step."""

    x_mode: XMode = "step"
    log_y: bool = False
    decay: float = SMOOTHING_DECAYS[0]
    view: StepWindow = field(default_factory=StepWindow)
    crosshair: int | None = None
    shown: ChartQuantity = "loss"
    baselines: bool = True


class LossPlotter:
    """Builds plots and caches what is still valid from the last one."""

    def __init__(self) -> None:
        self.history = LossHistory()
        self.speed = SpeedHistory()
        self.intervals = IntervalTracker()
        self._evals_key: object = None
        self._evals: tuple[XValues, ChartValues] = (np.empty(0), np.empty(0))
        self._marks_key: object = None
        self._marks: tuple[tuple[EventMark, ...], tuple[AxisMarks, ...]] = ((), ())

    def update(self, snapshot: RunSnapshot, settings: ChartSettings) -> None:
        """Append new rows."""
        state = snapshot.state
        resumes = len(state.resumes)
        self.history.update(state.steps, snapshot.rows, resumes, settings.decay)
        if settings.shown == "speed":
            self.speed.went_back_to = frozenset(resumed.step for resumed in state.resumes.events)
            self.speed.update(state.steps, snapshot.rows, resumes, settings.decay)

    def plot(self, snapshot: RunSnapshot, settings: ChartSettings, columns: int) -> Plot:
        """The plot for a chart about `columns` characters wide."""
        self.update(snapshot, settings)
        x = XScale(snapshot, settings.x_mode)
        low, high = x.limits(settings.view, columns)
        marks, axis_marks = self._rare_marks(snapshot, x)
        losses = settings.shown == "loss"
        return Plot(
            series=self._series(snapshot, x, low, high, columns, settings.shown),
            x_low=low,
            x_high=high,
            x_kind=AXIS_KINDS[settings.x_mode],
            x_scale=x.scale,
            x_name=settings.x_mode,
            levels=_levels(snapshot, settings) if losses else (),
            marks=marks,
            axis_marks=axis_marks,
            point_marks=self._point_marks(snapshot, x) if losses else (),
            shaded_intervals=self.intervals.shaded_intervals(snapshot, x),
            log_y=settings.log_y,
            # After a rollback the run may end before the crosshair's step.
            crosshair=None if settings.crosshair is None else x.of_step(min(settings.crosshair, snapshot.step)),
            message=_message(snapshot) if losses or not snapshot.rows else "No speed yet: it takes a second step.",
        )

    def marks_at(self, snapshot: RunSnapshot, settings: ChartSettings, reach: float) -> list[EventMark]:
        """The marks at most `reach` (in units of the axis) from the crosshair."""
        if settings.crosshair is None:
            return []
        x = XScale(snapshot, settings.x_mode)
        position = x.of_step(min(settings.crosshair, snapshot.step))
        return [mark for mark in self._rare_marks(snapshot, x)[0] if abs(mark.x - position) <= reach]

    def _series(
        self, snapshot: RunSnapshot, x: XScale, x_low: float, x_high: float, columns: int, shown: ChartQuantity
    ) -> tuple[Series, ...]:
        if shown == "speed":
            return (self._train(self.speed, snapshot.rows, x.column, x_low, x_high, columns),) if snapshot.rows else ()
        found = []
        eval_x, losses = self._evaluations(snapshot, x)
        if len(losses):
            found.append(Series(eval_x, losses, losses, losses, "val", texture="dashed", markers=True))
        if snapshot.rows:
            found.append(self._train(self.history, snapshot.rows, x.column, x_low, x_high, columns))
        return (*(_branch_series(branch, rows, x) for branch, rows in snapshot.branches()), *found)

    @staticmethod
    def _train(history: LossHistory, rows: int, x: XValues, x_low: float, x_high: float, columns: int) -> Series:
        """The training loss, or the speed, in blocks of rows where a column of the chart would hold many of them."""
        low, high, smooth = history.columns[:, :rows]
        first, last = bucket_rows(x, x_low, x_high, 1)
        in_view = int(last - first)
        if in_view < _BLOCKS_A_COLUMN * ROWS_PER_BLOCK * max(1, columns):
            return Series(x, low, high, smooth, "train", band="band")
        block_x, (block_low, block_high, block_smooth) = x[::ROWS_PER_BLOCK], history.blocks(rows)
        series = Series(block_x, block_low, block_high, block_smooth, "train", band="band")
        return replace(series, stride=ROWS_PER_BLOCK, points=(low, high))

    def _evaluations(self, snapshot: RunSnapshot, x: XScale) -> tuple[XValues, ChartValues]:
        evals = snapshot.state.evals.count_until(snapshot.t)
        key = (evals, len(snapshot.state.resumes), x.mode, id(snapshot.state))
        if key != self._evals_key:
            self._evals_key = key
            events = snapshot.evals
            positions = np.array([x.of(event.step, event.t) for event in events], dtype=np.float64)
            losses = np.array([event.val_loss for event in events], dtype=np.float64)
            losses[~np.isfinite(losses)] = np.nan
            self._evals = (positions, losses)
        return self._evals

    def _rare_marks(self, snapshot: RunSnapshot, x: XScale) -> tuple[tuple[EventMark, ...], tuple[AxisMarks, ...]]:
        state, t = snapshot.state, snapshot.t
        lines = (
            state.commands,
            state.checkpoints,
            state.resumes,
            state.guard_events,
            state.policy_events,
            state.milestones,
        )
        key = (tuple(line.count_until(t) for line in lines), len(state.resumes), x.mode, id(state))
        if key != self._marks_key:
            self._marks_key = key
            self._marks = event_marks(snapshot, x)
        return self._marks

    def _point_marks(self, snapshot: RunSnapshot, x: XScale) -> tuple[PointMarks, ...]:
        point_marks = []
        bad = self.history.bad_rows(snapshot.rows)
        if len(bad):
            bad = bad[:: 1 + len(bad) // _MAX_POINT_MARKS]
            point_marks.append(PointMarks(x.column[bad].astype(np.float64), self.history.smooth[bad], "bad", "bad"))
        for branch, rows in snapshot.branches():
            series = _branch_series(branch, rows, x)
            missing = np.flatnonzero(np.isnan(series.line))[:_MAX_POINT_MARKS]
            known = np.maximum.accumulate(np.where(np.isnan(series.line), 0, np.arange(rows)))
            point_marks.append(
                PointMarks(series.x[missing].astype(np.float64), series.line[known[missing]], "bad", "bad")
            )
        best = snapshot.best_eval
        if best is not None:
            position = np.array([x.of(best.step, best.t)])
            point_marks.append(PointMarks(position, np.array([best.val_loss]), "best", "best"))
        return tuple(point_marks)


def _branch_series(branch: StepColumns, rows: int, x: XScale) -> Series:
    """Steps that a rollback or resume left behind; NaN where the loss was not finite."""
    loss = branch.loss[:rows].copy()
    loss[~np.isfinite(loss)] = np.nan
    return Series(x.column_of(branch)[:rows], loss, loss, loss, "band", texture="dotted", aside=True)


def _levels(snapshot: RunSnapshot, settings: ChartSettings) -> tuple[ReferenceLevel, ...]:
    """Levels known before training: the entropy floor, ln(vocabulary) of uniform guessing, and the n-gram baselines."""
    if snapshot.started is None:
        return ()
    corpus = snapshot.started.corpus
    levels = []
    if corpus.floor_nats_per_token is not None:
        floor = corpus.floor_nats_per_token
        evaluation = snapshot.state.evals.last_until(snapshot.t)
        grown = progress_to_floor(evaluation.val_loss, corpus) if evaluation is not None else None
        words = "" if grown is None else f", {format_share(grown)} of the way"
        levels.append(ReferenceLevel(floor, f"floor {format_loss(floor)}{words}", reach=True))
    if corpus.vocabulary_size > 1:
        guess = math.log(corpus.vocabulary_size)
        levels.append(ReferenceLevel(guess, f"pure guessing {format_loss(guess)}"))
    if settings.baselines:
        levels += _baseline_levels(snapshot)
    return tuple(levels)


def _baseline_levels(snapshot: RunSnapshot) -> list[ReferenceLevel]:
    """Unigram to 5-gram, lowest first, in the order in which labels are placed."""
    baselines = snapshot.state.baselines.last_until(snapshot.t)
    if baselines is None:
        return []
    known = [
        ("5-gram", baselines.fivegram),
        ("trigram", baselines.trigram),
        ("bigram", baselines.bigram),
        ("unigram", baselines.unigram),
    ]
    return [
        ReferenceLevel(value, f"{name} {format_loss(value)}", reach=True)
        for name, value in known
        if math.isfinite(value)
    ]


def _message(snapshot: RunSnapshot) -> str:
    if snapshot.rows or snapshot.evals:
        return "Every loss in this stretch is NaN or infinite." if snapshot.rows else ""
    if snapshot.ended is not None:
        return "This run ended before its first step."
    return _WAITING.get(snapshot.phase, "No loss yet: the first step is being taken.")
