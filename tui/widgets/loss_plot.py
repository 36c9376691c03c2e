"""A run's losses, or its speed, as a `Plot`: curves, evaluations, known levels, and what happened to the run.

Nothing here knows a widget. Rare things (evaluations, commands, checkpoints) are turned into arrays when their number
changes; the columns of training steps are handed on as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from babytrain.runs.events import PhaseName
from babytrain.runs.growth import grown_up
from babytrain.runs.state import Moment
from babytrain.tui.widgets.envelope import FloatArray, XArray, bucket_rows
from babytrain.tui.widgets.loss_history import BLOCK, LossHistory, SpeedHistory
from babytrain.tui.widgets.loss_marks import rare_marks
from babytrain.tui.widgets.plot import Level, Mark, Pins, Plot, Series, Spots
from babytrain.tui.widgets.stretches import StretchBook
from babytrain.tui.widgets.units import format_loss, format_percent
from babytrain.tui.widgets.viewport import View
from babytrain.tui.widgets.x_scale import AXIS_KINDS, X_MODES, XMode, XScale

__all__ = ["DECAYS", "X_MODES", "LossPlotter", "Settings", "Shown", "XScale"]

Shown: TypeAlias = Literal["loss", "speed"]
DECAYS = (0.95, 0.98, 0.995, 0.0)

_BLOCKS_A_COLUMN = 8
_MOST_SPOTS = 4000
_WAITING: dict[PhaseName, str] = {
    "loading": "Still packing the school bag: the first step follows.",
    "compiling": "Compiling. The first step follows, and is said to be worth the wait.",
    "paused": "Paused before the first step.",
    "resting": "Resting before the first step.",
    "stopping": "Stopping before the first step.",
}


@dataclass(frozen=True)
class Settings:
    """How the person wants to see the curve. `decay` is the moving average's; `crosshair` is a step."""

    x_mode: XMode = "step"
    log_y: bool = False
    decay: float = DECAYS[0]
    view: View = field(default_factory=View)
    crosshair: int | None = None
    shown: Shown = "loss"
    baselines: bool = True


class LossPlotter:
    """Builds the plot of a moment, keeping what is still true from the last one."""

    def __init__(self) -> None:
        self.history = LossHistory(DECAYS[0])
        self.speed = SpeedHistory(DECAYS[0])
        self.stretches = StretchBook()
        self._evals_key: object = None
        self._evals: tuple[XArray, FloatArray] = (np.empty(0), np.empty(0))
        self._marks_key: object = None
        self._marks: tuple[tuple[Mark, ...], tuple[Pins, ...]] = ((), ())

    def update(self, moment: Moment, settings: Settings) -> None:
        """Take in new rows."""
        if self.history.decay != settings.decay:
            self.history.set_decay(settings.decay)
        resumes = moment.state.resumes
        self.history.update(moment.state.steps, moment.rows, len(resumes))
        if settings.shown == "speed":
            if self.speed.decay != settings.decay:
                self.speed.set_decay(settings.decay)
            self.speed.went_back_to = frozenset(resumed.step for resumed in resumes.events)
            self.speed.update(moment.state.steps, moment.rows, len(resumes))

    def plot(self, moment: Moment, settings: Settings, columns: int) -> Plot:
        """The plot for a chart about `columns` characters wide."""
        self.update(moment, settings)
        x = XScale(moment, settings.x_mode)
        low, high = x.limits(settings.view, columns)
        marks, pins = self._rare_marks(moment, x)
        losses = settings.shown == "loss"
        return Plot(
            series=self._series(moment, x, low, high, columns, settings.shown),
            x_low=low,
            x_high=high,
            x_kind=AXIS_KINDS[settings.x_mode],
            x_scale=x.scale,
            x_name=settings.x_mode,
            levels=_levels(moment, settings) if losses else (),
            marks=marks,
            pins=pins,
            spots=self._spots(moment, x) if losses else (),
            zones=self.stretches.zones(moment, x),
            log_y=settings.log_y,
            # A run that went back may end before the step that was looked at.
            crosshair=None if settings.crosshair is None else x.of_step(min(settings.crosshair, moment.step)),
            message=_message(moment) if losses or not moment.rows else "No speed yet: it takes a second step.",
        )

    def marks_at(self, moment: Moment, settings: Settings, reach: float) -> list[Mark]:
        """The marks under the crosshair: no farther from it than `reach` in units of the axis."""
        if settings.crosshair is None:
            return []
        x = XScale(moment, settings.x_mode)
        place = x.of_step(min(settings.crosshair, moment.step))
        return [mark for mark in self._rare_marks(moment, x)[0] if abs(mark.x - place) <= reach]

    def smooth_loss(self, moment: Moment, row: int | None = None) -> float | None:
        """The moving average at a row, by default the newest; None when there is none yet."""
        row = moment.rows - 1 if row is None else row
        if not 0 <= row < min(moment.rows, self.history.count):
            return None
        value = float(self.history.smooth[row])
        return value if math.isfinite(value) else None

    def smooth_speed(self, moment: Moment, row: int | None = None) -> float | None:
        """The moving average of tokens per second at a row, by default the newest; None when there is none yet."""
        row = moment.rows - 1 if row is None else row
        value = float(self.speed.smooth[row]) if 0 <= row < min(moment.rows, self.speed.count) else math.nan
        return value if math.isfinite(value) else None

    def _series(
        self, moment: Moment, x: XScale, x_low: float, x_high: float, columns: int, shown: Shown
    ) -> tuple[Series, ...]:
        if shown == "speed":
            return (self._train(self.speed, moment.rows, x.column, x_low, x_high, columns),) if moment.rows else ()
        found = []
        eval_x, losses = self._evaluations(moment, x)
        if len(losses):
            found.append(Series(eval_x, losses, losses, losses, "val", texture="dashed", markers=True))
        if moment.rows:
            found.append(self._train(self.history, moment.rows, x.column, x_low, x_high, columns))
        return tuple(found)

    @staticmethod
    def _train(history: LossHistory, rows: int, x: XArray, x_low: float, x_high: float, columns: int) -> Series:
        """The training loss, or the speed, in blocks of rows where a column of the chart would hold many of them."""
        low, high, smooth = history.low[:rows], history.high[:rows], history.smooth[:rows]
        first, last = bucket_rows(x, x_low, x_high, 1)
        in_view = int(last - first)
        if in_view < _BLOCKS_A_COLUMN * BLOCK * max(1, columns):
            return Series(x, low, high, smooth, "train", band="band")
        return Series(x[::BLOCK], *history.blocks(rows), "train", band="band", stride=BLOCK, points=(low, high))

    def _evaluations(self, moment: Moment, x: XScale) -> tuple[XArray, FloatArray]:
        evals = moment.state.evals.count_until(moment.t)
        key = (evals, len(moment.state.resumes), x.mode, id(moment.state))
        if key != self._evals_key:
            self._evals_key = key
            events = moment.evals
            places = np.array([x.of(event.step, event.t) for event in events], dtype=np.float64)
            losses = np.array([event.val_loss for event in events], dtype=np.float64)
            losses[~np.isfinite(losses)] = np.nan
            self._evals = (places, losses)
        return self._evals

    def _rare_marks(self, moment: Moment, x: XScale) -> tuple[tuple[Mark, ...], tuple[Pins, ...]]:
        state, t = moment.state, moment.t
        lines = (state.commands, state.checkpoints, state.resumes, state.rescues, state.restraints, state.milestones)
        key = (tuple(line.count_until(t) for line in lines), len(state.resumes), x.mode, id(state))
        if key != self._marks_key:
            self._marks_key = key
            self._marks = rare_marks(moment, x)
        return self._marks

    def _spots(self, moment: Moment, x: XScale) -> tuple[Spots, ...]:
        spots = []
        bad = self.history.bad_rows(moment.rows)
        if len(bad):
            bad = bad[:: 1 + len(bad) // _MOST_SPOTS]
            spots.append(Spots(x.column[bad].astype(np.float64), self.history.smooth[bad], "bad", "bad"))
        best = moment.best_eval
        if best is not None:
            place = np.array([x.of(best.step, best.t)])
            spots.append(Spots(place, np.array([best.val_loss]), "best", "best"))
        return tuple(spots)


def _levels(moment: Moment, settings: Settings) -> tuple[Level, ...]:
    """What is known before training: no model beats the floor, pure guessing costs ln(vocabulary), and what models
    reach that only count."""
    if moment.started is None:
        return ()
    corpus = moment.started.corpus
    levels = []
    if corpus.floor_nats_per_token is not None:
        floor = corpus.floor_nats_per_token
        evaluation = moment.state.evals.last_until(moment.t)
        grown = grown_up(evaluation.val_loss, corpus) if evaluation is not None else None
        words = "" if grown is None else f", {format_percent(100 * grown)} grown up"
        levels.append(Level(floor, f"floor {format_loss(floor)}{words}", reach=True))
    if corpus.vocabulary_size > 1:
        guess = math.log(corpus.vocabulary_size)
        levels.append(Level(guess, f"pure guessing {format_loss(guess)}"))
    if settings.baselines:
        levels += _baseline_levels(moment)
    return tuple(levels)


def _baseline_levels(moment: Moment) -> list[Level]:
    """Unigram to 5-gram, those that stand in a model's way first: their labels are placed first."""
    baselines = moment.baselines
    if baselines is None:
        return []
    known = [
        ("5-gram", baselines.fivegram),
        ("trigram", baselines.trigram),
        ("bigram", baselines.bigram),
        ("unigram", baselines.unigram),
    ]
    return [Level(value, f"{name} {format_loss(value)}", reach=True) for name, value in known if math.isfinite(value)]


def _message(moment: Moment) -> str:
    if moment.rows or moment.evals:
        return "Every loss in this stretch is NaN or infinite." if moment.rows else ""
    if moment.ended is not None:
        return "This run ended before its first step."
    return _WAITING.get(moment.phase, "No loss yet: the first step is being taken.")
