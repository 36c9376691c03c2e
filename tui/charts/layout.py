"""A `Plot` resampled to the size at which it is drawn: the value of each column and the range of the y axis.

The y range always includes the first and last values of a curve and whatever lasts several columns. Only isolated
peaks far outside the rest are cut off, and the chart reports them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from babytrain.tui.charts.canvas import Canvas
from babytrain.tui.charts.downsampling import (
    ChartIntegers,
    ChartValues,
    ColumnIntervals,
    bucket_extremes,
    bucket_means,
    bucket_rows,
    fill_empty_columns,
    outer_points,
)
from babytrain.tui.charts.plot import Plot, Series
from babytrain.tui.charts.ticks import Tick, axis_ticks

_WINDOW = 5
_USUAL = 0.97  # quantile of columns that counts as usual noise
_MILD = 0.5  # a peak this share of the span beyond the usual is included
_PADDING = 0.03  # margin above and below, as a share of the range
_BIGGEST = 1e300
_ENDS = 4.0  # limit for the first and last values, in spans


def robust_range(lines: list[ChartValues], bands: list[ColumnIntervals]) -> tuple[float, float] | None:
    """The y interval to show for some curves and their noise; None without finite values. `lines` are drawn values
    (bridges included), `bands` the extremes of the points in each column."""
    curves = _finite(lines)
    tops, bottoms = _finite([band.high for band in bands]), _finite([band.low for band in bands])
    tops, bottoms = tops or bottoms, bottoms or tops
    if not curves and not tops:
        return None
    steady = [_rolling_median(curve) for curve in curves]
    usual_high = [*(float(values.max()) for values in steady), *(_quantile(values) for values in tops)]
    usual_low = [*(float(values.min()) for values in steady), *(-_quantile(-values) for values in bottoms)]
    low, high = min(usual_low), max(usual_high)
    span = max(high - low, abs(high) * 0.02, 1e-9)
    reach_high = _reach(high, span, [*curves, *tops])
    reach_low = -_reach(-low, span, [-values for values in (*curves, *bottoms)])
    return reach_low, reach_high


def padded_range(low: float, high: float) -> tuple[float, float]:
    """The range with a margin; a single value gets a range around it."""
    low, high = _bounded(low), _bounded(high)
    span = high - low
    if span <= abs(high) * 1e-12:
        air = abs(high) * 0.05 or 0.5
        return low - air, high + air
    return low - _PADDING * span, high + _PADDING * span


def _bounded(value: float) -> float:
    return max(-_BIGGEST, min(value, _BIGGEST))


def _reach(usual: float, span: float, everything: list[ChartValues]) -> float:
    """The upper limit; the lower one is computed with all signs reversed."""
    peak = max(float(values.max()) for values in everything)
    if peak <= usual + _MILD * span or not math.isfinite(span):
        return peak
    ends = [float(values[at]) for values in everything for at in (0, -1)]
    return max([usual, *(end for end in ends if end <= usual + _ENDS * span)])


def _quantile(values: ChartValues) -> float:
    """The largest value but for a few columns."""
    return float(np.sort(values)[int(_USUAL * (len(values) - 1))])


def _rolling_median(values: ChartValues) -> ChartValues:
    """Median around each value; a short series is returned as is."""
    if len(values) < _WINDOW:
        return values
    middle: ChartValues = np.sort(np.lib.stride_tricks.sliding_window_view(values, _WINDOW), axis=1)[:, _WINDOW // 2]
    return middle


def _finite(arrays: list[ChartValues]) -> list[ChartValues]:
    return [finite for values in arrays if len(finite := values[np.isfinite(values)])]


NARROWEST_GUTTER = 5


@dataclass(frozen=True)
class PlotArea:
    """The cells of the canvas used by the curves; the top left one is (`left`, 0)."""

    left: int
    columns: int
    rows: int
    axis: bool
    labels: bool

    @classmethod
    def of(cls, width: int, height: int, gutter: int, *, axis: bool = True) -> PlotArea:
        """The area left by the axes, which are omitted on a small canvas."""
        axis = axis and width >= 16 and height >= 4
        labels = axis and height >= 7
        left = min(gutter, width // 3) if axis else 0
        return cls(left, width - left, height - axis - labels, axis, labels)


@dataclass(frozen=True)
class ColumnCurve:
    """A series resampled to dot columns, y on the axis scale. `band` and `line` are drawn, bridges included; `known`
    are the points alone, `raw` the same before any logarithm."""

    series: Series
    rows: ChartIntegers
    raw: ColumnIntervals
    known: ColumnIntervals
    band: ColumnIntervals
    line: ChartValues


@dataclass(frozen=True)
class ChartLayout:
    """The curves at the resolution of the canvas, and their y axis; without `limits` there is nothing to draw."""

    area: PlotArea
    curves: list[ColumnCurve]
    limits: tuple[float, float] | None
    ticks: list[Tick]

    @property
    def needed_gutter(self) -> int:
        """Columns for the longest label and the axis."""
        return max(NARROWEST_GUTTER, 1 + max((len(tick.label) for tick in self.ticks), default=0))


def lay_out_plot(
    plot: Plot, canvas: Canvas, x_low: float, x_high: float, gutter: int, *, axis: bool = True
) -> ChartLayout:
    """Resample `plot` to a canvas whose curves start after `gutter` columns and span `x_low` to `x_high`."""
    area = PlotArea.of(canvas.width, canvas.height, gutter, axis=axis)
    if area.columns <= 0 or area.rows <= 0:
        return ChartLayout(area, [], None, [])
    columns = area.columns * canvas.charset.dots_across
    curves = [_cut(series, x_low, x_high, columns, plot.log_y) for series in plot.series]
    limits = _limits(plot, curves)
    return ChartLayout(area, curves, limits, [] if limits is None else _y_ticks(limits, area.rows, plot.log_y))


def drawable_range(low: float, high: float) -> tuple[float, float]:
    """The range if an axis can show it, else one around it that can be shown."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    low, high = _bounded(low), _bounded(high)
    if high > low and (high - low) > abs(high) * 1e-12:
        return low, high
    air = max(0.5, abs(low) * 1e-6)
    return low - air, low + air


def _cut(series: Series, x_low: float, x_high: float, columns: int, log: bool) -> ColumnCurve:
    rows = bucket_rows(series.x, x_low, x_high, columns)
    raw = band = bucket_extremes(series.low, series.high, rows)
    line = bucket_means(series.line, rows)
    # The line is smoothed without gaps; where all points of a column are missing, so is the line.
    line[np.isnan(band.high)] = np.nan
    outer = outer_points(series.x, series.line, rows, x_low, x_high)
    if log:
        band, line = _log_band(band), _log(line)
        outer = _log_point(outer[0]), _log_point(outer[1])
    bridged = fill_empty_columns(ColumnIntervals(line, line), rows, *outer).low
    return ColumnCurve(series, rows, raw, band, fill_empty_columns(band, rows) if series.band else band, bridged)


def _log_point(point: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if point is None or point[1] <= 0 else (point[0], math.log10(point[1]))


def _log(values: ChartValues) -> ChartValues:
    with np.errstate(divide="ignore", invalid="ignore"):
        result: ChartValues = np.where(values > 0, np.log10(values), np.nan)
    return result


def _log_band(band: ColumnIntervals) -> ColumnIntervals:
    """A column whose lowest point has no logarithm still shows its highest."""
    high, low = _log(band.high), _log(band.low)
    return ColumnIntervals(np.where(np.isnan(low), high, low), high)


def _limits(plot: Plot, curves: Sequence[ColumnCurve]) -> tuple[float, float] | None:
    """The y range on the axis scale, extended to a known level that is near."""
    main = [curve for curve in curves if not curve.series.aside] or curves
    found = robust_range([curve.line for curve in main], [curve.known for curve in main])
    if found is None:
        return None
    low, high = found
    room = 0.35 * (high - low)
    values = [to_axis_scale(level.value, plot.log_y) for level in plot.levels if level.reach]
    near = [value for value in values if value is not None and found[0] - room <= value <= found[1] + room]
    for line in _finite([curve.line for curve in curves if curve.series.aside]):
        near += np.clip(line, low - room, high + room).tolist()
    low, high = min([low, *near]), max([high, *near])
    return padded_range(low, high)


def to_axis_scale(value: float, log: bool) -> float | None:
    """A y value on the axis scale; None if it has no logarithm or is not finite."""
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


def count_off_screen(curve: ColumnCurve, limits: tuple[float, float], log: bool) -> int:
    """How many points of a curve are outside the y range; only columns that exceed it are searched."""
    low, high = (10.0 ** min(limit, 300.0) for limit in limits) if log else limits
    series, count = curve.series, 0
    lows, highs = series.points or (series.low, series.high)
    with np.errstate(invalid="ignore"):
        for column in np.flatnonzero((curve.raw.low < low) | (curve.raw.high > high)):
            points = slice(int(curve.rows[column]) * series.stride, int(curve.rows[column + 1]) * series.stride)
            below, above = lows[points], highs[points]
            count += int(np.count_nonzero((below < low) | (above > high)))
    return count
