"""A run's losses as a `Plot`: curves, evaluations, known levels, and what a person did to the run.

Nothing here knows a widget. Rare things (evaluations, commands, checkpoints) are turned into arrays when their number
changes; the columns of training steps are handed on as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from babytrain.runs.events import Command, PhaseName
from babytrain.runs.growth import grown_up
from babytrain.runs.state import Moment
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.axis import AxisKind, round_up
from babytrain.tui.widgets.envelope import FloatArray, XArray, bucket_rows
from babytrain.tui.widgets.loss_history import BLOCK, LossHistory
from babytrain.tui.widgets.plot import Level, Mark, Pins, Plot, Series, Spots
from babytrain.tui.widgets.units import format_count, format_factor, format_learning_rate, format_loss, format_percent
from babytrain.tui.widgets.viewport import View
from babytrain.tui.wording import dial_words, format_position

XMode: TypeAlias = Literal["step", "tokens", "time", "epoch"]
X_MODES: tuple[XMode, ...] = ("step", "tokens", "time", "epoch")
_AXIS_KINDS: dict[XMode, AxisKind] = {"step": "count", "tokens": "count", "time": "time", "epoch": "count"}
DECAYS = (0.95, 0.98, 0.995, 0.0)

_BLOCKS_A_COLUMN = 8
_MOST_MARKS = 40
_MOST_SPOTS = 4000
_LONGEST_LABEL = 20
_RESCUES: dict[str, str] = {
    "noted": "noted",
    "skipped": "left out",
    "rolled back": "went back",
    "halved the batch": "half batch",
    "stopped": "stopped",
}
_WAITING: dict[PhaseName, str] = {
    "loading": "Still packing the school bag: the first step follows.",
    "compiling": "Compiling. The first step follows, and is said to be worth the wait.",
    "paused": "Paused before the first step.",
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


class LossPlotter:
    """Builds the plot of a moment, keeping what is still true from the last one."""

    def __init__(self) -> None:
        self.history = LossHistory(DECAYS[0])
        self._evals_key: object = None
        self._evals: tuple[XArray, FloatArray] = (np.empty(0), np.empty(0))
        self._marks_key: object = None
        self._marks: tuple[tuple[Mark, ...], tuple[Pins, ...]] = ((), ())

    def update(self, moment: Moment, settings: Settings) -> None:
        """Take in new rows."""
        if self.history.decay != settings.decay:
            self.history.set_decay(settings.decay)
        self.history.update(moment.state.steps, moment.rows, len(moment.state.resumes))

    def plot(self, moment: Moment, settings: Settings, columns: int) -> Plot:
        """The plot for a chart about `columns` characters wide."""
        self.update(moment, settings)
        x = XScale(moment, settings.x_mode)
        low, high = x.limits(settings.view, columns)
        marks, pins = self._rare_marks(moment, x)
        return Plot(
            series=self._series(moment, x, low, high, columns),
            x_low=low,
            x_high=high,
            x_kind=_AXIS_KINDS[settings.x_mode],
            x_scale=x.scale,
            x_name=settings.x_mode,
            levels=_levels(moment),
            marks=marks,
            pins=pins,
            spots=self._spots(moment, x),
            log_y=settings.log_y,
            # A run that went back may end before the step that was looked at.
            crosshair=None if settings.crosshair is None else x.of_step(min(settings.crosshair, moment.step)),
            message=_message(moment),
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

    def _series(self, moment: Moment, x: XScale, x_low: float, x_high: float, columns: int) -> tuple[Series, ...]:
        found = []
        eval_x, losses = self._evaluations(moment, x)
        if len(losses):
            found.append(Series(eval_x, losses, losses, losses, "val", texture="dashed", markers=True))
        if moment.rows:
            found.append(self._train(moment.rows, x.column, x_low, x_high, columns))
        return tuple(found)

    def _train(self, rows: int, x: XArray, x_low: float, x_high: float, columns: int) -> Series:
        """The training loss, in blocks of rows where a column of the chart would hold many of them."""
        history = self.history
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
        lines = (state.commands, state.checkpoints, state.resumes, state.rescues)
        key = (tuple(line.count_until(t) for line in lines), len(state.resumes), x.mode, id(state))
        if key != self._marks_key:
            self._marks_key = key
            self._marks = _rare_marks(moment, x)
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


class XScale:
    """The x axis in one unit: the column of the training steps, and where anything else belongs on it.

    Epochs are steps with other numbers written under them, so they need no column; `scale` is the factor.
    """

    def __init__(self, moment: Moment, mode: XMode) -> None:
        self.moment = moment
        self.mode = mode
        self.steps: XArray = moment.column("step")
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


Direction: TypeAlias = Literal["up", "down"]


def command_label(command: Command) -> tuple[str, Direction] | None:
    """What to write beside an applied turn of a dial, and which way it went; None for other commands."""
    value, dial = command.value, dial_words(command.dial)
    raised = command.after >= command.before if command.after is not None and command.before is not None else True
    way: Direction = "up" if raised else "down"
    match command.action:
        case "lr_scale" if value is not None:
            if command.after is None or command.before is None:
                way = "up" if value >= 1 else "down"
            return f"lr×{format_factor(value)}", way
        case "lr_hold" if value is not None:
            return f"lr={format_learning_rate(value)}", way
        case "lr_release":
            return "lr on schedule", way
        case "rewarm":
            return f"re-warm {format_count(value)}", "up"
        case "undo":
            return f"undo {dial}".rstrip(), way
        case "total_steps" if command.command_id != 0:  # the engine plans anew all the time when it goes by the clock
            return f"end {format_count(value)}", way
        case "set":
            position = format_position(value) if value is not None else safe_line(command.text, _LONGEST_LABEL)
            return f"{dial} {position}", way
    return None


def place_in_time(moment: Moment) -> Callable[[int, float], int | None]:
    """Where on the axis of steps something belongs that happened at a step and a time; None if it no longer does.

    A run that went back within a session keeps what was turned: it belongs where the run went on from. A resume from a
    checkpoint takes back what came after it.
    """
    resumes = moment.state.resumes.until(moment.t)

    def place(step: int, t: float) -> int | None:
        for resumed in resumes:
            if t <= resumed.t and step > resumed.step:
                if not resumed.within:
                    return None
                step = resumed.step
        return step

    return place


def _rare_marks(moment: Moment, x: XScale) -> tuple[tuple[Mark, ...], tuple[Pins, ...]]:
    """Turns of dials, rescues, resumes and asked-for checkpoints with words; other checkpoints and pauses without."""
    marks: dict[tuple[str, int], tuple[float, Mark]] = {}
    pauses: list[float] = []
    place = place_in_time(moment)
    for command in moment.commands:
        step = place(command.step, command.t) if command.status == "applied" else None
        if step is None:
            continue
        if command.action == "pause":
            pauses.append(x.of(step, command.t))
        elif (found := command_label(command)) is not None:
            # Several taps of a key between two steps are one change.
            kind = "lr" if command.action in ("lr_scale", "lr_hold", "lr_release") else found[0].partition(" ")[0]
            marks[kind, step] = (command.t, Mark(x.of(step, command.t), found[1], found[0]))
    saved = []
    for checkpoint in moment.checkpoints:
        if checkpoint.reason == "asked":
            label = safe_line(checkpoint.name, _LONGEST_LABEL) or "saved"
            at = x.of(checkpoint.step, checkpoint.t)
            marks["saved", checkpoint.step] = (checkpoint.t, Mark(at, "saved", label, style="saved"))
        else:
            saved.append(x.of(checkpoint.step, checkpoint.t))
    for resumed in moment.state.resumes.until(moment.t):
        step = place(resumed.step, resumed.t)
        if step is not None:
            words = "went back" if resumed.within else "resumed"
            marks["resumed", step] = (resumed.t, Mark(x.of(step, resumed.t), "resumed", words))
    for rescue in moment.rescues:
        step = place(rescue.step, rescue.t)
        if step is not None:
            if rescue.deed == "rolled back":
                marks.pop(("resumed", step), None)  # the same thing said twice
            words = f"{_RESCUES.get(rescue.deed, 'rescue')}: {safe_line(rescue.cause, _LONGEST_LABEL)}"
            marks["rescue", step] = (rescue.t, Mark(x.of(step, rescue.t), "bad", words, style="bad"))
    in_order = sorted(marks.values(), key=lambda entry: entry[0])[-_MOST_MARKS:]
    pins = (Pins(np.sort(np.array(saved)), "saved", "saved"), Pins(np.sort(np.array(pauses)), "paused", "mark"))
    return tuple(mark for _, mark in in_order), tuple(pin for pin in pins if len(pin.x))


def _levels(moment: Moment) -> tuple[Level, ...]:
    """What is known before training: no model beats the floor, and pure guessing costs ln(vocabulary)."""
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
    return tuple(levels)


def _message(moment: Moment) -> str:
    if moment.rows or moment.evals:
        return "Every loss in this stretch is NaN or infinite." if moment.rows else ""
    if moment.ended is not None:
        return "This run ended before its first step."
    return _WAITING.get(moment.phase, "No loss yet: the first step is being taken.")
