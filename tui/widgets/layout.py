"""A `Plot` cut to the size it will be drawn at: how many columns and rows, what each column shows, which y axis suits.

Everything here is arithmetic on arrays; nothing is drawn yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from babytrain.tui.widgets.axis import Tick, axis_ticks
from babytrain.tui.widgets.bounds import pad, robust_range
from babytrain.tui.widgets.canvas import Canvas
from babytrain.tui.widgets.envelope import (
    FloatArray,
    IntArray,
    Intervals,
    bridge,
    bucket_extremes,
    bucket_means,
    bucket_rows,
    outer_points,
)
from babytrain.tui.widgets.plot import Plot, Series

NARROWEST_GUTTER = 5
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
    def of(cls, width: int, height: int, gutter: int, *, axis: bool = True) -> Area:
        """Room for the axes, if wanted, where the canvas is large enough to spare it."""
        axis = axis and width >= 16 and height >= 4
        labels = axis and height >= 7
        left = min(gutter, width // 3) if axis else 0
        return cls(left, width - left, height - axis - labels, axis, labels)


@dataclass(frozen=True)
class Curve:
    """A series cut into dot columns, y already on the scale of the axis.

    `band` and `line` are what is drawn, bridges included; `known` is what the points themselves say, and `raw` the same
    before any logarithm.
    """

    series: Series
    rows: IntArray
    raw: Intervals
    known: Intervals
    band: Intervals
    line: FloatArray


@dataclass(frozen=True)
class Layout:
    """The curves at the resolution of the canvas, and the y axis that suits them; no `limits`: nothing to draw."""

    area: Area
    curves: list[Curve]
    limits: tuple[float, float] | None
    ticks: list[Tick]

    @property
    def needed_gutter(self) -> int:
        """Columns for the longest label and the axis."""
        return max(NARROWEST_GUTTER, 1 + max((len(tick.label) for tick in self.ticks), default=0))


def lay_out(plot: Plot, canvas: Canvas, x_low: float, x_high: float, gutter: int, *, axis: bool = True) -> Layout:
    """Cut `plot` to a canvas whose curves begin after `gutter` columns and reach from `x_low` to `x_high`."""
    area = Area.of(canvas.width, canvas.height, gutter, axis=axis)
    if area.columns <= 0 or area.rows <= 0:
        return Layout(area, [], None, [])
    columns = area.columns * canvas.charset.dots_across
    curves = [_cut(series, x_low, x_high, columns, plot.log_y) for series in plot.series]
    limits = _limits(plot, curves)
    return Layout(area, curves, limits, [] if limits is None else _y_ticks(limits, area.rows, plot.log_y))


def proper_range(low: float, high: float) -> tuple[float, float]:
    """The range itself if an axis can show it, else one around it that can be shown."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    low, high = max(-_BIGGEST, min(low, _BIGGEST)), max(-_BIGGEST, min(high, _BIGGEST))
    if high > low and (high - low) > abs(high) * 1e-12:
        return low, high
    air = max(0.5, abs(low) * 1e-6)
    return low - air, low + air


def _cut(series: Series, x_low: float, x_high: float, columns: int, log: bool) -> Curve:
    rows = bucket_rows(series.x, x_low, x_high, columns)
    raw = band = bucket_extremes(series.low, series.high, rows)
    line = bucket_means(series.line, rows)
    # The line is smoothed and knows no gaps; where every point of a column is missing, so is the line.
    line[np.isnan(band.high)] = np.nan
    outer = outer_points(series.x, series.line, rows, x_low, x_high)
    if log:
        band, line = _log_band(band), _log(line)
        outer = _log_point(outer[0]), _log_point(outer[1])
    bridged = bridge(Intervals(line, line), rows, *outer).low
    return Curve(series, rows, raw, band, bridge(band, rows) if series.band else band, bridged)


def _log_point(point: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if point is None or point[1] <= 0 else (point[0], math.log10(point[1]))


def _log(values: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        result: FloatArray = np.where(values > 0, np.log10(values), np.nan)
    return result


def _log_band(band: Intervals) -> Intervals:
    """A column whose lowest point has no logarithm still shows its highest."""
    high, low = _log(band.high), _log(band.low)
    return Intervals(np.where(np.isnan(low), high, low), high)


def _limits(plot: Plot, curves: Sequence[Curve]) -> tuple[float, float] | None:
    """The y range on the scale of the axis, with room for a known level that is near."""
    found = robust_range([curve.line for curve in curves], [curve.known for curve in curves])
    if found is None:
        return None
    low, high = found
    room = 0.35 * (high - low)
    values = [scaled(level.value, plot.log_y) for level in plot.levels if level.reach]
    near = [value for value in values if value is not None and found[0] - room <= value <= found[1] + room]
    low, high = min([low, *near]), max([high, *near])
    return pad(low, high)


def scaled(value: float, log: bool) -> float | None:
    """A y value on the scale of the axis; None if it has no place there."""
    if not math.isfinite(value) or (log and value <= 0):
        return None
    return math.log10(value) if log else value


def _y_ticks(limits: tuple[float, float], rows: int, log: bool) -> list[Tick]:
    most = max(2, round(rows / 2.2))
    if not log:
        return axis_ticks(*limits, most)
    low, high = (10.0 ** max(-300.0, min(limit, 300.0)) for limit in limits)
    ticks = axis_ticks(low, high, most, log=True)
    return [Tick(math.log10(tick.value), tick.label) for tick in ticks if tick.value > 0]


def count_off_screen(curve: Curve, limits: tuple[float, float], log: bool) -> int:
    """How many points of a curve lie outside the picture; only columns that reach beyond it are searched."""
    low, high = (10.0 ** min(limit, 300.0) for limit in limits) if log else limits
    series, count = curve.series, 0
    with np.errstate(invalid="ignore"):
        for column in np.flatnonzero((curve.raw.low < low) | (curve.raw.high > high)):
            points = slice(int(curve.rows[column]) * series.stride, int(curve.rows[column + 1]) * series.stride)
            below, above = series.every_low[points], series.every_high[points]
            count += int(np.count_nonzero((below < low) | (above > high)))
    return count
