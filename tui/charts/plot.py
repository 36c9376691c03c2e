"""The contents of a line chart as plain data: curves, levels, marks and the visible x range.

`x` columns are shared with their writer, never copied; `Plot.x_scale` converts them to the unit of the axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from babytrain.tui.charts.canvas import Texture
from babytrain.tui.charts.downsampling import ChartValues, XValues
from babytrain.tui.charts.ticks import AxisKind

StyleName: TypeAlias = Literal[
    "base",
    "axis",
    "label",
    "band",
    "train",
    "val",
    "best",
    "level",
    "mark",
    "saved",
    "bad",
    "crosshair",
    "notice",
    "throttled",
    "resting",
]
STYLE_NAMES: tuple[StyleName, ...] = get_args(StyleName)
STYLE_NUMBERS: dict[StyleName, int] = {name: number for number, name in enumerate(STYLE_NAMES)}

IntervalKind: TypeAlias = Literal["throttled", "resting"]
SignName: TypeAlias = Literal["point", "best", "bad", "up", "down", "saved", "resumed", "paused", "milestone"]


@dataclass(frozen=True)
class Series:
    """A curve: `line` (its mean in each column) over a band from the lowest `low` to the highest `high`. All arrays
    have one entry per point, `x` ascending; NaN is a missing point. Without `band` only the line is drawn. With
    `markers` points get a sign, or every k-th one where they are dense."""

    x: XValues
    low: ChartValues
    high: ChartValues
    line: ChartValues
    style: StyleName
    band: StyleName | None = None
    texture: Texture = "solid"
    markers: bool = False
    aside: bool = False  # whether the y range is decided by the other curves
    # A long curve may have one entry per `stride` points; `points` are then the `low` and `high` of each.
    stride: int = 1
    points: tuple[ChartValues, ChartValues] | None = None


@dataclass(frozen=True)
class ReferenceLevel:
    """A horizontal line at a known value. With `reach` the y range is extended a little to include it."""

    value: float
    label: str
    reach: bool = False


@dataclass(frozen=True)
class EventMark:
    """An event at `x`: a sign with a label at the top of the chart and a thin line down from it. A `quiet` one is only
    a sign on the axis, whose label is shown at the crosshair."""

    x: float
    sign: SignName
    label: str
    style: StyleName = "mark"
    quiet: bool = False


@dataclass(frozen=True)
class AxisMarks:
    """Frequent events at each of `x` (ascending): signs on the x axis only."""

    x: ChartValues
    sign: SignName
    style: StyleName


@dataclass(frozen=True)
class PointMarks:
    """Single points, each drawn as a sign."""

    x: ChartValues
    y: ChartValues
    sign: SignName
    style: StyleName


@dataclass(frozen=True)
class ShadedInterval:
    """A part of the x axis shaded behind everything else, at least one column wide."""

    x_low: float
    x_high: float
    kind: IntervalKind


@dataclass(frozen=True)
class Plot:
    """A whole chart. `message` is shown in the middle while there is no curve."""

    series: tuple[Series, ...] = ()
    x_low: float = 0.0
    x_high: float = 1.0
    x_kind: AxisKind = "count"
    x_scale: float = 1.0
    x_name: str = ""
    levels: tuple[ReferenceLevel, ...] = ()
    marks: tuple[EventMark, ...] = ()
    axis_marks: tuple[AxisMarks, ...] = ()
    point_marks: tuple[PointMarks, ...] = ()
    shaded_intervals: tuple[ShadedInterval, ...] = ()
    log_y: bool = False
    crosshair: float | None = None
    message: str = ""
