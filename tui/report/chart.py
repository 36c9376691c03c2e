"""One chart as inline SVG in a figure: readable as it is, and marked up so that the script can zoom it.

The curves lie in an inner `svg` of `PLOT_WIDTH` by `PLOT_HEIGHT`, stretched to fit; zooming moves its `viewBox` and
leaves every stroke as wide as it was. The figure's data attributes say what the corners of that inner picture mean.
"""

from __future__ import annotations

import math

from babytrain.tui.poster.markup import Markup, element, path, text, written
from babytrain.tui.poster.scale import Scale, round_numbers
from babytrain.tui.report.curves import Chart, Curve
from babytrain.tui.report.hypertext import tag, words
from babytrain.tui.widgets.units import format_compact, format_count

PLOT_WIDTH, PLOT_HEIGHT = 1000.0, 300.0
COLOURS = 8
_LEFT, _TOP, _RIGHT, _BOTTOM = 64.0, 8.0, 16.0, 26.0
_OUTER_WIDTH, _OUTER_HEIGHT = _LEFT + PLOT_WIDTH + _RIGHT, _TOP + PLOT_HEIGHT + _BOTTOM
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
        _class="plot", x=_LEFT, y=_TOP, width=PLOT_WIDTH, height=PLOT_HEIGHT,
        viewBox=f"0 0 {PLOT_WIDTH:g} {PLOT_HEIGHT:g}", preserveAspectRatio="none",
    )  # fmt: skip
    names = [_level_name(name, value, y) for name, value in chart.levels if low <= value <= high]
    outer = element(
        "svg", _grid(low, high, y, chart.logarithmic), _steps(first, last), inner, *names,
        element("line", _class="cross", x1=0, x2=0, y1=_TOP, y2=_TOP + PLOT_HEIGHT),
        viewBox=f"0 0 {_OUTER_WIDTH:g} {_OUTER_HEIGHT:g}", role="img", aria_label=f"{chart.title} over the steps",
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


def _level_name(name: str, value: float, y: Scale) -> Markup:
    return text(_LEFT + PLOT_WIDTH - 4, _TOP + y(value) - 3, name, _class="tick level-name", text_anchor="end")


def _grid(low: float, high: float, y: Scale, logarithmic: bool) -> Markup:
    parts = []
    for value in round_numbers(low, high, 5):
        at = _TOP + y(value)
        said = f"{10**value:.2g}" if logarithmic else _height_words(value)
        parts.append(element("line", _class="grid", x1=_LEFT, x2=_LEFT + PLOT_WIDTH, y1=at, y2=at))
        parts.append(text(_LEFT - 6, at + 4, said, _class="tick", text_anchor="end"))
    return element("g", *parts)


def _height_words(value: float) -> str:
    return format_compact(value) if abs(value) >= 1000 else f"{value:.4g}"


def _steps(first: float, last: float) -> Markup:
    scale = Scale(first, last, _LEFT, _LEFT + PLOT_WIDTH)
    ticks = [
        text(scale(value), _OUTER_HEIGHT - 6, format_count(value), _class="tick",
             text_anchor="end" if scale(value) > _OUTER_WIDTH - 40 else "middle")
        for value in round_numbers(first, last, 8)
        if value == int(value)
    ]  # fmt: skip
    return element("g", *ticks, _class="steps")


def _legend(chart: Chart) -> Markup:
    if len(chart.curves) < 2:
        return Markup("")
    entries = []
    for curve in chart.curves:
        colour = f"key c{curve.colour % COLOURS}{' strong' if curve.strong else ''}"
        entries.append(tag("span", tag("i", _class=colour), words(curve.name), _class="entry"))
    return tag("span", *entries, _class="legend")
