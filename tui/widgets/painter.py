"""Draws a `Plot` on a `Canvas` of any size: a pure function of both.

Order matters, since a later layer covers an earlier one: known levels and guides, bands, lines, points, axes, words.
Words go only where nothing else is; a label that finds no room is left out, its sign stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from babytrain.tui.widgets.axis import Tick, axis_ticks
from babytrain.tui.widgets.bounds import pad, robust_range
from babytrain.tui.widgets.canvas import Canvas, Charset, column_dots
from babytrain.tui.widgets.envelope import (
    FloatArray,
    IntArray,
    Intervals,
    bridge,
    bucket_extremes,
    bucket_means,
    bucket_rows,
    dot_rows,
    join,
    outer_points,
)
from babytrain.tui.widgets.plot import STYLE_NUMBERS, Mark, Plot, Series, StyleName

_GUTTER = 5
_SOFT = tuple(STYLE_NUMBERS[name] for name in ("level", "crosshair"))
_BIGGEST = 1e300


@dataclass(frozen=True)
class Area:
    """Where on the canvas the curves are: its top left cell is (`left`, 0)."""

    left: int
    columns: int
    rows: int
    axis: bool
    labels: bool

    @classmethod
    def of(cls, width: int, height: int, gutter: int) -> Area:
        """Room for the axes where the canvas is large enough to spare it."""
        axis = width >= 16 and height >= 4
        labels = axis and height >= 7
        left = min(gutter, width // 3) if axis else 0
        return cls(left, width - left, height - axis - labels, axis, labels)


@dataclass(frozen=True)
class Picture:
    """A finished drawing and how its columns map to x."""

    canvas: Canvas
    area: Area
    x_low: float
    x_high: float
    gutter: int
    off_screen: int = 0

    @property
    def x_per_column(self) -> float:
        """Width of one character column in units of x."""
        return (self.x_high - self.x_low) / max(1, self.area.columns)

    def x_at(self, column: int) -> float:
        """The x in the middle of a column of the canvas."""
        return self.x_low + (column - self.area.left + 0.5) * self.x_per_column


@dataclass(frozen=True)
class _Curve:
    """A series cut into dot columns, y already on the scale of the axis."""

    series: Series
    rows: IntArray
    band: Intervals
    line: FloatArray


@dataclass(frozen=True)
class _Layout:
    """The curves at the resolution of the canvas, and the y axis that suits them; no `limits`: nothing to draw."""

    area: Area
    curves: list[_Curve]
    limits: tuple[float, float] | None
    ticks: list[Tick]

    @property
    def needed_gutter(self) -> int:
        return max(_GUTTER, 1 + max((len(tick.label) for tick in self.ticks), default=0))


def draw(plot: Plot, width: int, height: int, charset: Charset, gutter: int = _GUTTER) -> Picture:
    """Draw `plot` on `width` x `height` cells. `gutter` is the last picture's, which is usually right again."""
    canvas = Canvas(width, height, charset)
    x_low, x_high = _proper_range(plot.x_low, plot.x_high)
    layout = _lay_out(plot, canvas, x_low, x_high, gutter)
    needed = layout.needed_gutter
    if layout.area.axis and (needed > gutter or needed < gutter - 1):
        # The columns move, so everything is cut anew; a gutter one too wide is kept rather than flickering.
        gutter = needed
        layout = _lay_out(plot, canvas, x_low, x_high, gutter)
    if layout.limits is None:
        _write_message(plot, canvas)
        return Picture(canvas, Area(0, canvas.width, canvas.height, False, False), x_low, x_high, _GUTTER)
    off_screen = sum(_off_screen(curve, layout.limits, plot.log_y) for curve in layout.curves)
    _Painter(plot, canvas, layout, x_low, x_high, layout.limits).paint(off_screen)
    return Picture(canvas, layout.area, x_low, x_high, gutter, off_screen)


def _lay_out(plot: Plot, canvas: Canvas, x_low: float, x_high: float, gutter: int) -> _Layout:
    area = Area.of(canvas.width, canvas.height, gutter)
    if area.columns <= 0 or area.rows <= 0:
        return _Layout(area, [], None, [])
    columns = area.columns * canvas.charset.dots_across
    curves = [_cut(series, x_low, x_high, columns, plot.log_y) for series in plot.series]
    limits = _limits(plot, curves)
    return _Layout(area, curves, limits, [] if limits is None else _y_ticks(limits, area.rows, plot.log_y))


def _write_message(plot: Plot, canvas: Canvas) -> None:
    text = plot.message[: canvas.width]
    canvas.put((canvas.width - len(text)) // 2, (canvas.height - 1) // 2, text, STYLE_NUMBERS["label"])


def _proper_range(low: float, high: float) -> tuple[float, float]:
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    low, high = max(-_BIGGEST, min(low, _BIGGEST)), max(-_BIGGEST, min(high, _BIGGEST))
    if high > low and (high - low) > abs(high) * 1e-12:
        return low, high
    air = max(0.5, abs(low) * 1e-6)
    return low - air, low + air


def _cut(series: Series, x_low: float, x_high: float, columns: int, log: bool) -> _Curve:
    rows = bucket_rows(series.x, x_low, x_high, columns)
    band = bucket_extremes(series.low, series.high, rows)
    line = bucket_means(series.line, rows)
    # The line is smoothed and knows no gaps; where every point of a column is missing, so is the line.
    line[np.isnan(band.high)] = np.nan
    if log:
        band, line = _log_band(band), _log(line)
    before, after = outer_points(series.x, _log(series.line) if log else series.line, rows, x_low, x_high)
    bridged = bridge(Intervals(line, line), rows, before, after).low
    return _Curve(series, rows, bridge(band, rows) if series.band else band, bridged)


def _log(values: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        result: FloatArray = np.where(values > 0, np.log10(values), np.nan)
    return result


def _log_band(band: Intervals) -> Intervals:
    """A column whose lowest point has no logarithm still shows its highest."""
    high, low = _log(band.high), _log(band.low)
    return Intervals(np.where(np.isnan(low), high, low), high)


def _limits(plot: Plot, curves: Sequence[_Curve]) -> tuple[float, float] | None:
    """The y range on the scale of the axis, with room for a known level that is near."""
    found = robust_range([curve.line for curve in curves], [curve.band for curve in curves])
    if found is None:
        return None
    low, high = found
    room = 0.35 * (high - low)
    for level in plot.levels:
        value = _scaled(level.value, plot.log_y)
        if level.reach and value is not None and low - room <= value <= high + room:
            low, high = min(low, value), max(high, value)
    return pad(low, high)


def _scaled(value: float, log: bool) -> float | None:
    if not math.isfinite(value) or (log and value <= 0):
        return None
    return math.log10(value) if log else value


def _y_ticks(limits: tuple[float, float], rows: int, log: bool) -> list[Tick]:
    most = max(2, rows // 3)
    if not log:
        return axis_ticks(*limits, most)
    low, high = (10.0 ** max(-300.0, min(limit, 300.0)) for limit in limits)
    ticks = axis_ticks(low, high, most, log=True)
    return [Tick(math.log10(tick.value), tick.label) for tick in ticks if tick.value > 0]


def _off_screen(curve: _Curve, limits: tuple[float, float], log: bool) -> int:
    """How many points of a curve lie outside the picture; looked for only if a column says that there are any."""
    low, high = (10.0 ** min(limit, 300.0) for limit in limits) if log else limits
    first, last = int(curve.rows[0]), int(curve.rows[-1])
    series = curve.series
    below, above = series.low[first:last], series.high[first:last]
    with np.errstate(invalid="ignore"):
        if not log and not ((curve.band.low < low).any() or (curve.band.high > high).any()):
            return 0
        return int(np.count_nonzero((below < low) | (above > high)))


class _Painter:
    """The state of one drawing: what is drawn, where, and at which scale."""

    def __init__(
        self, plot: Plot, canvas: Canvas, layout: _Layout, x_low: float, x_high: float, limits: tuple[float, float]
    ) -> None:
        self.plot = plot
        self.canvas = canvas
        self.charset = canvas.charset
        self.area = area = layout.area
        self.curves = layout.curves
        self.y_ticks = layout.ticks
        self.x_low, self.x_high = x_low, x_high
        self.y_low, self.y_high = limits
        self.dots_across = area.columns * self.charset.dots_across
        self.dots_down = area.rows * self.charset.dots_down

    def paint(self, off_screen: int) -> None:
        """Everything, back to front."""
        self._levels()
        for mark in self.plot.marks:
            self._guide(mark.x, "level", every=2 if self.charset.dots_down % 2 == 0 else 3)
        for curve in self.curves:
            if curve.series.band is not None:
                self._band(curve, curve.series.band)
        if self.plot.crosshair is not None:
            self._guide(self.plot.crosshair, "crosshair", every=1)
        for curve in self.curves:
            self._line(curve)
        for curve in self.curves:
            if curve.series.markers:
                self._markers(curve.series)
        self._spots()
        if self.area.axis:
            self._y_axis()
            self._x_axis()
        self._mark_labels()
        self._notice(off_screen)
        self._level_labels()

    def _column(self, x: float) -> int | None:
        """The canvas column of `x`, None when it is out of view."""
        if not self.x_low <= x <= self.x_high:
            return None
        share = (x - self.x_low) / (self.x_high - self.x_low)
        return self.area.left + min(self.area.columns - 1, int(share * self.area.columns))

    def _row(self, value: float) -> int | None:
        """The canvas row of a native y value, at the edge when out of range."""
        scaled = _scaled(value, self.plot.log_y)
        if scaled is None:
            return None
        dot = int(dot_rows(np.array([scaled]), self.y_low, self.y_high, self.dots_down)[0])
        return dot // self.charset.dots_down

    def _levels(self) -> None:
        for level in self.plot.levels:
            scaled = _scaled(level.value, self.plot.log_y)
            if scaled is None or not self.y_low <= scaled <= self.y_high:
                continue
            row = dot_rows(np.full(self.dots_across, scaled), self.y_low, self.y_high, self.dots_down)
            dots = column_dots(row, row, self.dots_down, "dotted")
            self.canvas.stamp(self.area.left, 0, dots, STYLE_NUMBERS["level"])

    def _guide(self, x: float, style: StyleName, every: int) -> None:
        column = self._column(x)
        if column is None:
            return
        dots = np.zeros((self.dots_down, self.charset.dots_across), dtype=np.bool_)
        dots[::every, 0] = True
        self.canvas.stamp(column, 0, dots, STYLE_NUMBERS[style])

    def _band(self, curve: _Curve, style: StyleName) -> None:
        top = dot_rows(curve.band.high, self.y_low, self.y_high, self.dots_down)
        bottom = dot_rows(curve.band.low, self.y_low, self.y_high, self.dots_down)
        top, bottom = join(top, bottom)
        dots = column_dots(top, bottom, self.dots_down, "stipple")
        self.canvas.stamp(self.area.left, 0, dots, STYLE_NUMBERS[style], shade=True)

    def _line(self, curve: _Curve) -> None:
        row = dot_rows(curve.line, self.y_low, self.y_high, self.dots_down)
        top, bottom = join(row, row)
        dots = column_dots(top, bottom, self.dots_down, curve.series.texture)
        self.canvas.stamp(self.area.left, 0, dots, STYLE_NUMBERS[curve.series.style], joins=STYLE_NUMBERS["train"])

    def _markers(self, series: Series) -> None:
        first = int(np.searchsorted(series.x, self.x_low))
        last = int(np.searchsorted(series.x, self.x_high, side="right"))
        if (last - first) * 3 > self.area.columns:
            return
        for x, y in zip(series.x[first:last], series.line[first:last], strict=True):
            self._sign(float(x), float(y), self.charset.point, series.style)

    def _spots(self) -> None:
        for spots in self.plot.spots:
            glyph = getattr(self.charset, spots.sign)
            # One sign a cell is all that can be seen; a run of a million NaNs must not be drawn one by one.
            seen: set[tuple[int, int]] = set()
            visible = np.flatnonzero((spots.x >= self.x_low) & (spots.x <= self.x_high))
            step = max(1, len(visible) // (4 * self.area.columns))
            for index in visible[::step]:
                x, y = float(spots.x[index]), float(spots.y[index])
                column, row = self._column(x), self._row(y) if math.isfinite(y) else 0
                if column is not None and row is not None and (column, row) not in seen:
                    seen.add((column, row))
                    self.canvas.put(column, row, glyph, STYLE_NUMBERS[spots.style])

    def _sign(self, x: float, y: float, glyph: str, style: StyleName) -> None:
        column, row = self._column(x), self._row(y)
        if column is not None and row is not None:
            self.canvas.put(column, row, glyph, STYLE_NUMBERS[style])

    def _y_axis(self) -> None:
        area, charset = self.area, self.charset
        for row in range(area.rows):
            self.canvas.put(area.left - 1, row, charset.vertical, STYLE_NUMBERS["axis"])
        used: set[int] = set()
        for tick in self.y_ticks:
            dot = int(dot_rows(np.array([tick.value]), self.y_low, self.y_high, self.dots_down)[0])
            row = dot // charset.dots_down
            if row in used or (row + 1 in used and area.rows > 4) or len(tick.label) >= area.left:
                continue
            used.add(row)
            self.canvas.put(0, row, tick.label.rjust(area.left - 1), STYLE_NUMBERS["label"])
            self.canvas.put(area.left - 1, row, charset.tick_left, STYLE_NUMBERS["axis"])

    def _x_axis(self) -> None:
        area, charset = self.area, self.charset
        line = area.rows
        self.canvas.put(area.left - 1, line, charset.corner + charset.horizontal * area.columns, STYLE_NUMBERS["axis"])
        scale = self.plot.x_scale
        ticks = axis_ticks(self.x_low * scale, self.x_high * scale, max(2, area.columns // 11), self.plot.x_kind)
        labels_line = line + 1 if area.labels else line
        free_from = 0 if area.labels else area.left
        for tick in ticks:
            column = self._column(min(max(tick.value / scale, self.x_low), self.x_high))
            if column is None:
                continue
            start = min(column - len(tick.label) // 2, self.canvas.width - len(tick.label))
            if area.labels:
                self.canvas.put(column, line, charset.tick_down, STYLE_NUMBERS["axis"])
            if start >= free_from:
                self.canvas.put(start, labels_line, tick.label, STYLE_NUMBERS["label"])
                free_from = start + len(tick.label) + 2
        name_start = self.canvas.width - len(self.plot.x_name)
        if area.labels and name_start >= free_from:
            self.canvas.put(name_start, labels_line, self.plot.x_name, STYLE_NUMBERS["label"])
        for pins in self.plot.pins:
            visible = pins.x[(pins.x >= self.x_low) & (pins.x <= self.x_high)]
            shares = (visible - self.x_low) / (self.x_high - self.x_low)
            for column in np.unique(np.minimum((shares * area.columns).astype(np.int64), area.columns - 1)):
                sign = getattr(charset, pins.sign)
                self.canvas.put(area.left + int(column), line, sign, STYLE_NUMBERS[pins.style])
        for mark in self.plot.marks:
            self._pin(mark, line)

    def _pin(self, mark: Mark, line: int) -> None:
        column = self._column(mark.x)
        if column is not None:
            self.canvas.put(column, line, getattr(self.charset, mark.sign), STYLE_NUMBERS[mark.style])

    def _mark_labels(self) -> None:
        """Signs with their words in the upper rows, each where it is free, newest first."""
        for mark in reversed(self.plot.marks):
            column = self._column(mark.x)
            if column is None:
                continue
            sign = getattr(self.charset, mark.sign)
            if not self._place_mark(mark, column, sign + mark.label):
                self._place_mark(mark, column, sign)

    def _place_mark(self, mark: Mark, column: int, text: str) -> bool:
        for row in range(max(1, min(4, self.area.rows // 3))):
            for start in (column, column - len(text) + 1):
                if start >= self.area.left and self.canvas.is_free(start, row, len(text) + 1, _SOFT):
                    words = text if start == column else text[1:] + text[0]
                    self.canvas.put(start, row, words, STYLE_NUMBERS[mark.style])
                    return True
        return False

    def _level_labels(self) -> None:
        for level in self.plot.levels:
            scaled = _scaled(level.value, self.plot.log_y)
            if scaled is None or not self.y_low <= scaled <= self.y_high:
                continue
            row = self._row(level.value)
            text = f" {level.label} "
            if row is None or self.area.rows < 4:
                continue
            right = self.canvas.width - len(text) - 1
            for start, line in ((right, row), (self.area.left + 2, row), (right, row - 1), (right, row + 1)):
                if (
                    line < self.area.rows
                    and start > self.area.left
                    and self.canvas.is_free(start, line, len(text), _SOFT)
                ):
                    self.canvas.put(start, line, text, STYLE_NUMBERS["level"])
                    break

    def _notice(self, off_screen: int) -> None:
        """Cutting off an outlier in silence would look like losing data."""
        if not off_screen:
            return
        long = f"{off_screen:,} off-screen"
        for text in (long, f"{off_screen:,} off"):
            for row in range(max(1, min(3, self.area.rows))):
                start = self.canvas.width - len(text) - 1
                if start > self.area.left and self.canvas.is_free(start, row, len(text), _SOFT):
                    self.canvas.put(start, row, text, STYLE_NUMBERS["notice"])
                    return
