"""What a line chart shows, as plain data: curves, levels, marks, and the piece of the x axis to look at.

`x` columns are shared with whoever writes them, never copied; `Plot.x_scale` turns their unit into the one on the axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from babytrain.tui.widgets.axis import AxisKind
from babytrain.tui.widgets.canvas import Texture
from babytrain.tui.widgets.envelope import FloatArray, XArray

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

ZoneKind: TypeAlias = Literal["throttled", "resting"]
Sign: TypeAlias = Literal["point", "best", "bad", "up", "down", "saved", "resumed", "paused", "milestone"]


@dataclass(frozen=True)
class Series:
    """A curve: `line` (its mean in each column) over a band from the lowest `low` to the highest `high`.

    All arrays have one entry a point, `x` ascending; NaN is a missing point. Without `band` only the line is drawn.
    With `markers` points get a sign, or every k-th one where they are dense.
    """

    x: XArray
    low: FloatArray
    high: FloatArray
    line: FloatArray
    style: StyleName
    band: StyleName | None = None
    texture: Texture = "solid"
    markers: bool = False
    # A long curve may come with one entry for each `stride` points; these are then the points themselves.
    stride: int = 1
    points: tuple[FloatArray, FloatArray] | None = None

    @property
    def every_low(self) -> FloatArray:
        """The lower end of every point."""
        return self.low if self.points is None else self.points[0]

    @property
    def every_high(self) -> FloatArray:
        """The upper end of every point."""
        return self.high if self.points is None else self.points[1]


@dataclass(frozen=True)
class Level:
    """A horizontal line at a known value. With `reach` the chart makes a little room to show it."""

    value: float
    label: str
    reach: bool = False


@dataclass(frozen=True)
class Mark:
    """Something that happened at `x`: a sign with words at the top of the chart and a thin line down from it.

    A `quiet` one is only a sign on the axis, with words for whoever puts the crosshair there.
    """

    x: float
    sign: Sign
    label: str
    style: StyleName = "mark"
    quiet: bool = False


@dataclass(frozen=True)
class Pins:
    """Things that happened at each of `x` (ascending), often: signs on the x axis and nothing more."""

    x: FloatArray
    sign: Sign
    style: StyleName


@dataclass(frozen=True)
class Spots:
    """Single points, each drawn as a sign."""

    x: FloatArray
    y: FloatArray
    sign: Sign
    style: StyleName


@dataclass(frozen=True)
class Zone:
    """A stretch of the x axis in which something went on: filled behind everything else, at least one column wide."""

    x_low: float
    x_high: float
    kind: ZoneKind


@dataclass(frozen=True)
class Plot:
    """Everything on a chart. `message` stands in the middle while there is no curve."""

    series: tuple[Series, ...] = ()
    x_low: float = 0.0
    x_high: float = 1.0
    x_kind: AxisKind = "count"
    x_scale: float = 1.0
    x_name: str = ""
    levels: tuple[Level, ...] = ()
    marks: tuple[Mark, ...] = ()
    pins: tuple[Pins, ...] = ()
    spots: tuple[Spots, ...] = ()
    zones: tuple[Zone, ...] = ()
    log_y: bool = False
    crosshair: float | None = None
    message: str = ""
