"""One chart as inline SVG in a figure: readable as it is, and marked up so that the script can zoom it.

The curves lie in an inner `svg` of `PLOT_WIDTH` by `PLOT_HEIGHT`, stretched to fit; zooming moves its `viewBox` and
leaves every stroke as wide as it was. Nothing around it is stretched: words and grid stand at percentages of the area
that the style sheet lays out, the words of the axes beside it, so that they are as large on a telephone as on a desk.
The figure's data attributes say what the corners of the inner picture mean.
"""

from __future__ import annotations

import math

from babytrain.tui.poster.markup import Markup, element, path, written
from babytrain.tui.poster.scale import Scale, round_numbers, spread
from babytrain.tui.report.curves import Chart, Curve
from babytrain.tui.report.hypertext import tag, words
from babytrain.tui.widgets.units import format_compact, format_count

PLOT_WIDTH, PLOT_HEIGHT = 1000.0, 300.0
COLOURS = 8
_NAME_DISTANCE = 5.0  # per cent of the height, between the names of two levels
_BESIDE = 0.1  # of the height: so near to the end of a curve the name of a level would cover it
_NEAR_THE_END = 0.85  # of the steps
_LOG_STEPS = (1, 2, 5)
_MOST_LOG_TICKS = 6
_OUTLIER_ROOM = 1.6  # a spike may stretch the axis by this much of the usual range, no more


def draw_chart(chart: Chart, last_step: float) -> Markup:
    """The figure of a chart whose axis ends at `last_step` or later."""
    first, last = _range_of_steps(chart, last_step)
    low, high = _range_of_values(chart)
    x, y = Scale(first, last, 0.0, PLOT_WIDTH), Scale(low, high, PLOT_HEIGHT, 0.0)
    inner = element(
        "svg",
        *(_band(start, end, meaning, x) for start, end, meaning in chart.bands),
        *(_level(value, y) for _, value in chart.levels if low <= value <= high),
        *(_curve(curve, x, y, chart.logarithmic) for curve in chart.curves),
        _class="plot", width="100%", height="100%",
        viewBox=f"0 0 {PLOT_WIDTH:g} {PLOT_HEIGHT:g}", preserveAspectRatio="none",
    )  # fmt: skip
    outer = element(
        "svg", _grid(low, high, chart.logarithmic), _steps(first, last), inner,
        _level_names(chart, low, high, last),
        element("line", _class="cross", x1="0%", x2="0%", y1="0%", y2="100%"),
        _class="area", role="img", aria_label=f"{chart.title} over the steps",
    )  # fmt: skip
    caption = tag("figcaption", tag("b", words(chart.title)), words(f" {chart.unit} "), _legend(chart))
    return tag(
        "figure", caption, outer, tag("output", _class="reading"), _class="chart",
        data_first=repr(first), data_last=repr(last), data_low=repr(low), data_high=repr(high),
        data_log="1" if chart.logarithmic else "",
    )  # fmt: skip


def _range_of_steps(chart: Chart, last_step: float) -> tuple[float, float]:
    first = min((float(curve.line.x[0]) for curve in chart.curves), default=0.0)
    return first, max(last_step, first + 1.0)


def _range_of_values(chart: Chart) -> tuple[float, float]:
    """What the axis spans: everything, but a few wild values may not press the rest flat."""
    if chart.logarithmic:
        logs = [math.log10(value) for curve in chart.curves for value in (curve.line.low.min(), curve.line.high.max())]
        return math.floor(min(logs) * 10) / 10, math.ceil(max(logs) * 10 + 0.01) / 10
    low = min(float(curve.line.low.min()) for curve in chart.curves)
    high = max(float(curve.line.high.max()) for curve in chart.curves)
    usual = sorted(value for curve in chart.curves for value in curve.line.mean.tolist())
    likely = usual[int(0.985 * (len(usual) - 1))]
    high = min(high, max(likely, low) + _OUTLIER_ROOM * max(likely - low, abs(likely) * 0.1, 1e-9))
    room = 0.04 * max(high - low, abs(high) * 1e-3, 1e-9)
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _curve(curve: Curve, x: Scale, y: Scale, logarithmic: bool) -> Markup:
    def height(value: float) -> float:
        return y(math.log10(value) if logarithmic else value)

    steps = [x(step) for step in curve.line.x]
    middle = [(across, height(value)) for across, value in zip(steps, curve.line.mean, strict=True)]
    if len(middle) == 1:  # a point alone would leave no stroke
        middle = [(middle[0][0] - 2, middle[0][1]), (middle[0][0] + 2, middle[0][1])]
    colour = f"c{curve.colour % COLOURS}"
    line = element(
        "path", _class=f"line {colour}{' strong' if curve.strong else ''}", d=path(middle), data_name=curve.name,
        vector_effect="non-scaling-stroke",
    )  # fmt: skip
    if curve.strong or not (curve.line.high > curve.line.low).any():
        return line
    upper = [(across, height(value)) for across, value in zip(steps, curve.line.high, strict=True)]
    lower = [(across, height(value)) for across, value in zip(steps, curve.line.low, strict=True)]
    band = element("path", _class=f"range {colour}", d=path(upper + lower[::-1], closed=True))
    return Markup(band + line)


def _band(start: float, end: float, meaning: str, x: Scale) -> Markup:
    title = tag("title", written(meaning))
    left, right = x(start), x(end)
    return element("rect", title, _class="band", x=left, y=0, width=max(1.0, right - left), height=PLOT_HEIGHT)


def _level(value: float, y: Scale) -> Markup:
    return element("line", _class="level", x1=0, x2=PLOT_WIDTH, y1=y(value), y2=y(value),
                   vector_effect="non-scaling-stroke")  # fmt: skip


def _level_names(chart: Chart, low: float, high: float, last: float) -> Markup:
    """What the levels are called: at their right end, or at the left where curves end beside them."""
    shown = [(name, value) for name, value in chart.levels if low <= value <= high]
    ends = [float(curve.line.mean[-1]) for curve in chart.curves if curve.line.x[-1] > _NEAR_THE_END * last]
    heights = Scale(low, high, 100.0, 0.0)
    parts = []
    for at_left, x, dx, anchor in ((True, "0%", "6", "start"), (False, "100%", "-4", "end")):
        side = [one for one in shown if at_left == any(abs(one[1] - end) < _BESIDE * (high - low) for end in ends)]
        places = spread([heights(value) for _, value in side], _NAME_DISTANCE, _NAME_DISTANCE, 100.0)
        parts += [
            _words(name, x, _share(place), dx=dx, dy="-3", anchor=anchor, kind="tick level-name")
            for (name, _), place in zip(side, places, strict=True)
        ]
    return element("g", *parts)


def _grid(low: float, high: float, logarithmic: bool) -> Markup:
    heights, parts = Scale(low, high, 100.0, 0.0), []
    for value in _log_ticks(low, high) if logarithmic else round_numbers(low, high, 5):
        at = _share(heights(value))
        said = f"{10**value:g}" if logarithmic else _height_words(value)
        parts.append(element("line", _class="grid", x1="0%", x2="100%", y1=at, y2=at))
        parts.append(_words(said, "0%", at, dx="-8", dy="4", anchor="end"))
    return element("g", *parts)


def _log_ticks(low: float, high: float) -> list[float]:
    """The decimal logarithms of 1, 2, 5, 10, ... within a range of logarithms; of a wide one only powers of ten."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    for factors in (_LOG_STEPS, (1,)):
        ticks = [power + math.log10(factor) for power in powers for factor in factors]
        within = [tick for tick in ticks if low <= tick <= high]
        if len(within) <= _MOST_LOG_TICKS:
            return within
    return within[:: -(-len(within) // _MOST_LOG_TICKS)]


def _height_words(value: float) -> str:
    if abs(value) >= 1_000_000:
        return format_compact(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _steps(first: float, last: float) -> Markup:
    scale = Scale(first, last, 0.0, 100.0)
    ticks = [
        _words(format_count(value), _share(scale(value)), "100%", dy="18",
               anchor="end" if scale(value) > 97 else "middle")
        for value in round_numbers(first, last, 8)
        if value == int(value)
    ]  # fmt: skip
    return element("g", *ticks, _class="steps")


def _words(
    said: str, x: str, y: str, *, anchor: str, dx: str | None = None, dy: str | None = None, kind: str = "tick"
) -> Markup:
    """Text at a place in the area, `dx` and `dy` pixels away from it."""
    return element("text", written(said), _class=kind, x=x, y=y, dx=dx, dy=dy, text_anchor=anchor)


def _share(per_cent: float) -> str:
    return f"{per_cent:.2f}%"


def _legend(chart: Chart) -> Markup:
    if len(chart.curves) < 2:
        return Markup("")
    entries = []
    for curve in chart.curves:
        colour = f"key c{curve.colour % COLOURS}{' strong' if curve.strong else ''}"
        entries.append(tag("span", tag("i", _class=colour), words(curve.name), _class="entry"))
    return tag("span", *entries, _class="legend")
