"""Draws a `Plot` on a `Canvas` of any size, as a pure function.

Layers, back to front: intervals, levels and guides, bands, lines, points, axes, text. Text is placed on free cells
only; a label without room is left out, its sign stays.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from babytrain.tui.charts.canvas import Canvas, ChartCharset, column_dots
from babytrain.tui.charts.downsampling import ChartIntegers, ChartValues, connect_columns, dot_row, dot_rows
from babytrain.tui.charts.layout import (
    NARROWEST_GUTTER,
    ChartLayout,
    ColumnCurve,
    PlotArea,
    count_off_screen,
    drawable_range,
    lay_out_plot,
    to_axis_scale,
)
from babytrain.tui.charts.plot import STYLE_NUMBERS, EventMark, Plot, ReferenceLevel, Series, StyleName
from babytrain.tui.charts.ticks import axis_ticks

_PIN_SPACE = 5  # free columns needed around a sign on the axis and around a marker on a curve
_MARKER_SPACE = 3
_LABEL_STRIDE = 4
_SOFT = tuple(STYLE_NUMBERS[name] for name in ("level", "crosshair", "throttled", "resting"))


@dataclass(frozen=True)
class Drawing:
    """A finished drawing and its mapping from columns to x."""

    canvas: Canvas
    area: PlotArea
    x_low: float
    x_high: float
    gutter: int
    off_screen: int = 0

    @property
    def x_per_column(self) -> float:
        """Width of one character column in units of x."""
        return (self.x_high - self.x_low) / max(1, self.area.columns)

    def x_at(self, column: int) -> float:
        """The x at the middle of a canvas column."""
        return self.x_low + (column - self.area.left + 0.5) * self.x_per_column


def draw_plot(
    plot: Plot, width: int, height: int, charset: ChartCharset, gutter: int = NARROWEST_GUTTER, *, axis: bool = True
) -> Drawing:
    """Draw `plot` on `width` x `height` cells, axes only with `axis`; `gutter`: first guess at the y labels' width."""
    canvas = Canvas(width, height, charset)
    x_low, x_high = drawable_range(plot.x_low, plot.x_high)
    layout = lay_out_plot(plot, canvas, x_low, x_high, gutter, axis=axis)
    needed = layout.needed_gutter
    if layout.area.axis and (needed > gutter or needed < gutter - 1):
        # The columns move, so everything is resampled; a gutter one too wide is kept to avoid flicker.
        gutter = needed
        layout = lay_out_plot(plot, canvas, x_low, x_high, gutter)
    if layout.limits is None:
        _write_message(plot, canvas)
        return Drawing(canvas, PlotArea(0, canvas.width, canvas.height, False, False), x_low, x_high, NARROWEST_GUTTER)
    off_screen = sum(count_off_screen(curve, layout.limits, plot.log_y) for curve in layout.curves)
    _Painter(plot, canvas, layout, x_low, x_high, layout.limits).paint(off_screen)
    return Drawing(canvas, layout.area, x_low, x_high, gutter, off_screen)


def _write_message(plot: Plot, canvas: Canvas) -> None:
    lines = textwrap.wrap(plot.message, max(1, canvas.width))[: canvas.height]
    for row, text in enumerate(lines, (canvas.height - len(lines)) // 2):
        canvas.put((canvas.width - len(text)) // 2, row, text, STYLE_NUMBERS["label"])


class _Painter:
    def __init__(
        self, plot: Plot, canvas: Canvas, layout: ChartLayout, x_low: float, x_high: float, limits: tuple[float, float]
    ) -> None:
        self.plot, self.canvas, self.charset = plot, canvas, canvas.charset
        self.area, self.curves, self.y_ticks = layout.area, layout.curves, layout.ticks
        self.x_low, self.x_high = x_low, x_high
        self.y_low, self.y_high = limits
        self.dots_across = self.area.columns * self.charset.dots_across
        self.dots_down = self.area.rows * self.charset.dots_down

    def paint(self, off_screen: int) -> None:
        """Draw all layers, back to front."""
        self._shaded_intervals()
        self._levels()
        for mark in self.plot.marks:
            if not mark.quiet:
                self._guide(mark.x, "level", every=2)
        for curve in self.curves:
            if curve.series.band is not None:
                self._band(curve, curve.series.band)
        if self.plot.crosshair is not None:
            self._guide(self.plot.crosshair, "crosshair", every=1)
        for number, curve in enumerate(self.curves):
            self._line(curve, [STYLE_NUMBERS[below.series.style] for below in self.curves[:number]])
        for curve in self.curves:
            if curve.series.markers:
                self._markers(curve.series)
        self._point_marks()
        if self.area.axis:
            self._y_axis()
            self._x_axis()
        self._mark_labels()
        self._notice(off_screen)
        self._level_labels()

    def _column(self, x: float) -> int:
        """The canvas column of `x`, -1 when it is out of view."""
        if not self.x_low <= x <= self.x_high:
            return -1
        share = (x - self.x_low) / (self.x_high - self.x_low)
        return self.area.left + min(self.area.columns - 1, int(share * self.area.columns))

    def _row(self, value: float) -> int:
        """The canvas row of a y value, clipped to the range; -1 if undefined on a log axis."""
        height = to_axis_scale(value, self.plot.log_y)
        return -1 if height is None else self._dot(height) // self.charset.dots_down

    def _dot(self, height: float) -> int:
        """The dot row of a value on the axis scale."""
        return dot_row(height, self.y_low, self.y_high, self.dots_down)

    def _dots(self, heights: ChartValues) -> ChartIntegers:
        return dot_rows(heights, self.y_low, self.y_high, self.dots_down)

    def _visible_levels(self) -> Iterator[tuple[ReferenceLevel, int]]:
        for level in self.plot.levels:
            height = to_axis_scale(level.value, self.plot.log_y)
            if height is not None and self.y_low <= height <= self.y_high:
                yield level, self._dot(height)

    def _shaded_intervals(self) -> None:
        """Shade intervals, with a pattern per kind so that they differ without colour."""
        for interval in self.plot.shaded_intervals:
            if interval.x_high < self.x_low or interval.x_low > self.x_high:
                continue
            first = self._column(max(interval.x_low, self.x_low))
            last = self._column(min(interval.x_high, self.x_high))
            glyph = self.charset.throttled if interval.kind == "throttled" else self.charset.resting
            for column in range(first, last + 1):
                self.canvas.put_column(column, self.area.rows, glyph, STYLE_NUMBERS[interval.kind])

    def _levels(self) -> None:
        sign, style = self.charset.level, STYLE_NUMBERS["level"]
        for _, dot in self._visible_levels():
            if sign:
                for column in range(self.area.left + 1, self.canvas.width, 4):
                    self.canvas.put_sign(column, dot // self.charset.dots_down, sign, style)
            else:
                row = np.full(self.dots_across, dot)
                self.canvas.stamp(self.area.left, column_dots(row, row, "dotted"), style)

    def _guide(self, x: float, style: StyleName, every: int) -> None:
        column = self._column(x)
        if column < 0:
            return
        if self.charset.guide:
            glyph = self.charset.vertical if every == 1 else self.charset.guide
            self.canvas.put_column(column, self.area.rows, glyph, STYLE_NUMBERS[style])
            return
        row = np.arange(0, self.dots_down, every)
        self.canvas.stamp(column, (row, np.zeros_like(row)), STYLE_NUMBERS[style])

    def _band(self, curve: ColumnCurve, style: StyleName) -> None:
        top, bottom = connect_columns(self._dots(curve.band.high), self._dots(curve.band.low))
        dots = column_dots(top, bottom, "stipple")
        self.canvas.stamp(self.area.left, dots, STYLE_NUMBERS[style], shade=True)

    def _line(self, curve: ColumnCurve, below: list[int]) -> None:
        row = self._dots(curve.line)
        top, bottom = connect_columns(row, row)
        dots = column_dots(top, bottom, curve.series.texture)
        # With few dots per cell two lines in one cell are unreadable; then the upper layer hides the lower.
        joins = below if self.charset.weights.size >= 8 else []
        self.canvas.stamp(self.area.left, dots, STYLE_NUMBERS[curve.series.style], joins=joins)

    def _markers(self, series: Series) -> None:
        first = int(np.searchsorted(series.x, self.x_low))
        last = int(np.searchsorted(series.x, self.x_high, side="right"))
        step = 1 + (last - first) * _MARKER_SPACE // self.area.columns
        for x, y in zip(series.x[first:last:step], series.line[first:last:step], strict=True):
            self.canvas.put_sign(self._column(x), self._row(y), self.charset.point, STYLE_NUMBERS[series.style])

    def _point_marks(self) -> None:
        for point_marks in self.plot.point_marks:
            # Draw one sign per cell, so that a run of a million NaNs is not drawn one by one.
            visible = np.flatnonzero((point_marks.x >= self.x_low) & (point_marks.x <= self.x_high))
            step = max(1, len(visible) // (4 * self.area.columns))
            xy = zip(point_marks.x[visible[::step]].tolist(), point_marks.y[visible[::step]].tolist(), strict=True)
            for column, row in {(self._column(x), self._row(y) if math.isfinite(y) else 0) for x, y in xy}:
                self.canvas.put_sign(
                    column, row, getattr(self.charset, point_marks.sign), STYLE_NUMBERS[point_marks.style]
                )

    def _y_axis(self) -> None:
        area, charset = self.area, self.charset
        self.canvas.put_column(area.left - 1, area.rows, charset.vertical, STYLE_NUMBERS["axis"])
        used: set[int] = set()
        for tick in self.y_ticks:
            row = self._dot(tick.value) // charset.dots_down
            if row in used or (row + 1 in used and area.rows > 4) or len(tick.label) >= area.left:
                continue
            used.add(row)
            self.canvas.put(0, row, tick.label.rjust(area.left - 1), STYLE_NUMBERS["label"])
            self.canvas.put_sign(area.left - 1, row, charset.tick_left, STYLE_NUMBERS["axis"])

    def _x_axis(self) -> None:
        """The axis line, its marks, and the tick labels: on a row of their own, or in the axis if space is short."""
        area, charset, canvas = self.area, self.charset, self.canvas
        line = area.rows
        canvas.put(area.left - 1, line, charset.corner + charset.horizontal * area.columns, STYLE_NUMBERS["axis"])
        scale = self.plot.x_scale
        ticks = axis_ticks(self.x_low * scale, self.x_high * scale, max(2, area.columns // 11), self.plot.x_kind)
        columns = [self._column(min(max(tick.value / scale, self.x_low), self.x_high)) for tick in ticks]
        if area.labels:
            for column in columns:
                canvas.put_sign(column, line, charset.tick_down, STYLE_NUMBERS["axis"])
        self._axis_marks(line)
        labels_line = line + 1 if area.labels else line
        free_from = 0 if area.labels else area.left
        for column, label in zip(columns, (tick.label for tick in ticks), strict=True):
            start = min(column - len(label) // 2, canvas.width - len(label))
            if start >= free_from:
                canvas.put(start, labels_line, label, STYLE_NUMBERS["label"])
                free_from = start + len(label) + 2
        name_start = canvas.width - len(self.plot.x_name)
        if area.labels and name_start >= free_from:
            canvas.put(name_start, labels_line, self.plot.x_name, STYLE_NUMBERS["label"])

    def _axis_marks(self, line: int) -> None:
        for axis_marks in self.plot.axis_marks:
            visible = axis_marks.x[(axis_marks.x >= self.x_low) & (axis_marks.x <= self.x_high)]
            shares = (visible - self.x_low) / (self.x_high - self.x_low)
            columns = np.unique(np.minimum((shares * self.area.columns).astype(np.int64), self.area.columns - 1))
            if len(columns) * _PIN_SPACE > self.area.columns:
                continue  # a full row of pins carries no information
            for column in columns:
                sign = getattr(self.charset, axis_marks.sign)
                self.canvas.put_sign(self.area.left + int(column), line, sign, STYLE_NUMBERS[axis_marks.style])
        for mark in self.plot.marks:
            self.canvas.put_sign(
                self._column(mark.x), line, getattr(self.charset, mark.sign), STYLE_NUMBERS[mark.style]
            )

    def _mark_labels(self) -> None:
        """Signs with labels in the upper rows, each where it is free, newest first."""
        for mark in reversed(self.plot.marks):
            column = self._column(mark.x)
            if column < 0 or mark.quiet:
                continue
            sign = getattr(self.charset, mark.sign)
            if not self._place_mark(mark, column, sign + mark.label):
                self._place_mark(mark, column, sign)

    def _place_mark(self, mark: EventMark, column: int, text: str) -> bool:
        for start in (column, column - len(text) + 1):
            for row in range(max(1, min(4, self.area.rows // 3))):
                # One blank column on the side where the label ends.
                first = start if start == column else max(self.area.left, start - 1)
                if start >= self.area.left and self.canvas.is_free(first, row, len(text) + 1, _SOFT):
                    words = text if start == column else text[1:] + text[0]
                    self.canvas.put(start, row, words, STYLE_NUMBERS[mark.style])
                    return True
        return False

    def _level_labels(self) -> None:
        """Labels on the levels, at the right end, else at the left, else inside; never on a curve or each other."""
        taken: list[tuple[int, int, int]] = []
        for level, dot in self._visible_levels() if self.area.rows >= 4 else ():
            row, text = dot // self.charset.dots_down, f" {level.label} "
            right, left = self.canvas.width - len(text) - 1, self.area.left + 2
            # Inside the row only one label: two would be ambiguous.
            alone = all(row != other for other, _, _ in taken)
            inner = range(right - _LABEL_STRIDE, left, -_LABEL_STRIDE) if alone else ()
            for start in (right, left, *inner):
                apart = all(row != other or start >= end or start + len(text) <= first for other, first, end in taken)
                if apart and start > self.area.left and self.canvas.is_free(start, row, len(text), _SOFT):
                    self.canvas.put(start, row, text, STYLE_NUMBERS["level"])
                    taken.append((row, start, start + len(text)))
                    break

    def _notice(self, off_screen: int) -> None:
        if not off_screen:
            return
        for text in (f"{off_screen:,} off-screen", f"{off_screen:,} off"):
            for row in range(max(1, min(3, self.area.rows))):
                start = self.canvas.width - len(text) - 1
                if start > self.area.left and self.canvas.is_free(start, row, len(text), _SOFT):
                    self.canvas.put(start, row, text, STYLE_NUMBERS["notice"])
                    return
