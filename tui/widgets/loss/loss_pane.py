"""LossPane: newest losses, the curve, and a crosshair. Its actions are bound by the screen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from babytrain.runs.events import Started
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.line_chart import LineChart
from babytrain.tui.charts.styled_widget import StyledWidget
from babytrain.tui.charts.x_axis import X_MODES, XScale
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.text.styled_lines import StyledLine, to_strip
from babytrain.tui.widgets.common.full_text import Readable
from babytrain.tui.widgets.loss.loss_legend import legend_line, row_of_step
from babytrain.tui.widgets.loss.loss_plot import SMOOTHING_DECAYS, ChartQuantity, ChartSettings, LossPlotter

_WHEEL = 1.25
_FULL_COLUMNS = 1000


class LossHeader(StyledWidget):
    """One line of styled text."""

    DEFAULT_CSS = "LossHeader { height: 1; }"

    def __init__(self, charset: CharsetName) -> None:
        super().__init__()
        self._charset = charset
        self._line: StyledLine = ()

    def show_line(self, line: StyledLine) -> None:
        """Show this line from now on."""
        if line != self._line:
            self._line = line
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        return to_strip(self._line if y == 0 else (), self.size.width, self.palette, self._charset)


class LossPane(Readable, Widget, can_focus=True):
    """Training and validation loss, or the speed, over steps, tokens, time or epochs."""

    class ViewChanged(Message):
        """The window of the run or the unit of the x axis changed."""

    DEFAULT_CSS = "LossPane { layout: vertical; height: 1fr; width: 1fr; }"

    def __init__(self, charset: CharsetName) -> None:
        super().__init__(id="loss", classes="pane")
        self.border_title = "1 loss"
        self._charset = CHART_CHARSETS[charset]
        self._header = LossHeader(charset)
        self._chart = LineChart(self._charset)
        self._plotter = LossPlotter()
        self._settings = ChartSettings()
        self._snapshot: RunSnapshot | None = None
        self._seen: object = None
        self._started: Started | None = None
        self._legend: Callable[[], StyledLine] = tuple  # the line above the curve, uncut

    def compose(self) -> ComposeResult:
        """Numbers above, curve below."""
        yield self._header
        yield self._chart

    def in_full(self) -> list[Content]:
        """The numbers above the curve, with all labels under the crosshair."""
        line = "".join(text for text, _ in self._legend())
        return [Content(line)] if line else []

    @property
    def settings(self) -> ChartSettings:
        """How the curve is shown at present."""
        return self._settings

    @property
    def crosshair_step(self) -> int | None:
        """The step under the crosshair, None without one."""
        return self._settings.crosshair

    def show(self, snapshot: RunSnapshot) -> None:
        """Show the run as of `snapshot`; does nothing when nothing shown has changed."""
        self._snapshot = snapshot
        self._redraw()

    def toggle_log_y(self) -> None:
        """Toggle the logarithmic y axis."""
        self._change(log_y=not self._settings.log_y)

    def cycle_x_axis(self) -> None:
        """Cycle through steps, tokens, time and epochs."""
        at = X_MODES.index(self._settings.x_mode)
        self._change(x_mode=X_MODES[(at + 1) % len(X_MODES)])

    def cycle_smoothing(self) -> None:
        """Cycle through the levels of smoothing, including none."""
        at = SMOOTHING_DECAYS.index(self._settings.decay)
        self._change(decay=SMOOTHING_DECAYS[(at + 1) % len(SMOOTHING_DECAYS)])

    def toggle_speed(self) -> None:
        """Toggle between losses and tokens per second."""
        shown: ChartQuantity = "loss" if self._settings.shown == "speed" else "speed"
        self.border_title = "1 loss" if shown == "loss" else "1 tokens per second"
        self._change(shown=shown)

    def toggle_baselines(self) -> None:
        """Toggle the n-gram baselines."""
        self._change(baselines=not self._settings.baselines)

    def move_crosshair(self, columns: int) -> None:
        """Move the crosshair by screen columns (at least by one recorded step); the first call shows it."""
        snapshot = self._snapshot
        if snapshot is None or not snapshot.rows or not columns:
            return
        step = self._settings.crosshair
        row = snapshot.rows - 1
        if step is not None:
            scale = XScale(snapshot, self._settings.x_mode)
            goal = scale.of_step(step) + columns * self._chart.picture.x_per_column
            row = self._row_towards(snapshot, scale, goal, row_of_step(snapshot, step) or 0, columns > 0)
        self._set_crosshair(snapshot, row)

    def clear_crosshair(self) -> None:
        """Hide the crosshair."""
        self._change(crosshair=None)

    def zoom(self, factor: float) -> None:
        """Zoom in by `factor` (below 1: out), around the crosshair or else the newest step."""
        if self._snapshot is None or factor <= 0:
            return
        newest = float(self._snapshot.step)
        columns = max(1, self._chart.picture.area.columns)
        whole = XScale(self._snapshot, "step").limits(ChartSettings().view, columns)[1]
        step = self._settings.crosshair
        view = self._settings.view.zoomed(factor, newest, whole, None if step is None else float(step))
        self._change(view=view)

    def show_all(self) -> None:
        """Show the whole run."""
        self._change(view=ChartSettings().view)

    def follow(self) -> None:
        """Show the newest part of the run and follow it."""
        if self._snapshot is not None:
            self._change(view=self._settings.view.following(float(self._snapshot.step)))

    def on_resize(self) -> None:
        """Redraw the header for the new width."""
        self._redraw()

    def on_click(self, event: events.Click) -> None:
        """Set the crosshair at a click."""
        offset = event.get_content_offset(self._chart)
        snapshot = self._snapshot
        if offset is None or snapshot is None or not snapshot.rows:
            return
        scale = XScale(snapshot, self._settings.x_mode)
        goal = self._chart.picture.x_at(offset.x)
        self._set_crosshair(snapshot, self._nearest_row(snapshot, scale, goal))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in."""
        event.stop()
        self.zoom(_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        event.stop()
        self.zoom(1 / _WHEEL)

    @staticmethod
    def _nearest_row(snapshot: RunSnapshot, scale: XScale, goal: float) -> int:
        column = scale.column
        right = min(int(column.searchsorted(goal)), snapshot.rows - 1)
        left = max(0, right - 1)
        return left if abs(float(column[left]) - goal) <= abs(float(column[right]) - goal) else right

    def _row_towards(self, snapshot: RunSnapshot, scale: XScale, goal: float, row: int, forward: bool) -> int:
        """The row nearest to `goal`, but at least one row away, so that every key press moves the crosshair."""
        found = self._nearest_row(snapshot, scale, goal)
        found = max(found, row + 1) if forward else min(found, row - 1)
        return max(0, min(found, snapshot.rows - 1))

    def _set_crosshair(self, snapshot: RunSnapshot, row: int) -> None:
        step = int(snapshot.state.steps.step[row])
        self._change(crosshair=step, view=self._settings.view.containing(step, float(snapshot.step)))

    def _change(self, **changes: object) -> None:
        before = self._settings
        self._settings = dataclasses.replace(before, **changes)  # type: ignore[arg-type]
        self._redraw()
        if (before.x_mode, before.view) != (self._settings.x_mode, self._settings.view):
            self.post_message(self.ViewChanged())

    def _redraw(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or not self.is_attached or not self.size.width:
            return
        state, t = snapshot.state, snapshot.t
        rare = (state.evals, state.commands, state.checkpoints, state.resumes, state.guard_events, state.session_ends)
        rarer = (state.milestones, state.baselines, state.letters)
        newest = (snapshot.rows, snapshot.step, float(state.steps.t[snapshot.rows - 1]) if snapshot.rows else t)
        counts = [line.count_until(t) for line in (*rare, *rarer)]
        intervals = self._plotter.intervals.key(snapshot)
        seen = (id(state), newest, counts, intervals, snapshot.phase, self._settings, self.size)
        if seen == self._seen and state.started is self._started:
            return
        self._seen, self._started = seen, state.started
        area = self._chart.picture.area
        self._chart.show_plot(self._plotter.plot(snapshot, self._settings, area.columns or self.size.width))
        width = self.size.width
        reach = self._chart.picture.x_per_column / 2 if self._settings.crosshair is not None else 0.0
        legend = partial(legend_line, snapshot, self._plotter, self._settings, self._charset)
        self._header.show_line(legend(width, reach))
        self._legend = partial(legend, _FULL_COLUMNS, reach)
