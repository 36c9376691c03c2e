"""The charts of a report, each as inline SVG that the script can zoom.

The curves are in an inner `svg` of `PLOT_WIDTH` by `PLOT_HEIGHT`, stretched to fit; zooming moves its `viewBox`.
Text and grid are placed by percentages, so they have the same size on every page width. The data attributes of the
figure give the values at the corners.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from babytrain.runs.events import Vitals
from babytrain.runs.formatting import format_compact, format_count
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.state.throttling import throttled_intervals
from babytrain.tui.export.curve_data import (
    DownsampledCurve,
    Scale,
    downsample,
    left_behind_curves,
    round_numbers,
    speed_curve,
    spread_labels,
    step_column_curve,
    training_loss_curve,
    validation_losses,
    without_untrained,
)
from babytrain.tui.export.markup import Markup, escaped_text, html_element, html_text, path_data, svg_element
from babytrain.tui.export.run_facts import distinct_run_names, loss_levels, losses_are_comparable, shared_loss_unit

_MOST_INTERVALS = 1600  # of one curve; divided by the number of runs
_FEWEST_INTERVALS = 250


@dataclass(frozen=True)
class ReportCurve:
    """A curve of a chart. `colour` is a number of the style sheet; `strong`: bold, without its range."""

    name: str
    line: DownsampledCurve
    colour: int
    strong: bool = False


@dataclass(frozen=True)
class ReportChart:
    """Curves over the steps. `levels`: (name, value). `bands`: (first step, last step, meaning)."""

    title: str
    unit: str
    curves: tuple[ReportCurve, ...]
    levels: tuple[tuple[str, float], ...] = ()
    bands: tuple[tuple[float, float, str], ...] = ()
    logarithmic: bool = False


def report_charts(snapshots: Sequence[RunSnapshot]) -> list[ReportChart]:
    """The charts of one or several runs, without empty ones."""
    most = max(_FEWEST_INTERVALS, _MOST_INTERVALS // max(1, len(snapshots)))
    bands = _throttle_bands(snapshots[0]) if len(snapshots) == 1 else ()
    chart = partial(_chart_of_one_curve, snapshots)
    temperature_unit = "degrees Celsius of the card, or of the processor"
    charts = [
        _loss(snapshots, most),
        chart("Learning rate", "as used", lambda run: step_column_curve(run, "learning_rate", most)),
        chart("Gradient norm", "before clipping, logarithmic", partial(_gradient_norm, most=most), logarithmic=True),
        chart("Speed", "tokens per second", lambda run: speed_curve(run, most // 4), bands=bands),
        chart("Temperature", temperature_unit, lambda run: _sensor(run, most, _temperature), bands=bands),
        chart("Power", "watts", lambda run: _sensor(run, most, _power), bands=bands),
    ]
    return [chart for chart in charts if chart.curves]


def _gradient_norm(snapshot: RunSnapshot, most: int) -> DownsampledCurve:
    curve = step_column_curve(snapshot, "gradient_norm", most)
    return curve[curve.low > 0]  # the axis is logarithmic


def _loss(snapshots: Sequence[RunSnapshot], most: int) -> ReportChart:
    curves: list[ReportCurve] = []
    bands: list[tuple[float, float, str]] = []
    several, unit = len(snapshots) > 1, shared_loss_unit(snapshots)
    for colour, (run_name, snapshot) in enumerate(zip(distinct_run_names(snapshots), snapshots, strict=True)):
        name = run_name if several else ""
        training = training_loss_curve(snapshot, most)
        if len(training):
            curves.append(ReportCurve(f"{name} training".strip(), training, colour))
        left = left_behind_curves(snapshot, most)
        curves += [ReportCurve(f"{name} left behind".strip(), line, _LEFT_BEHIND) for line, _ in left if len(line)]
        bands += [(steps[0] - 1.0, float(steps[-1]), "NaN or infinite") for _, steps in left if steps]
        evals = without_untrained(validation_losses(snapshot))
        if evals:
            steps, losses = zip(*evals, strict=True)
            line = downsample(steps, losses, losses, losses, most)
            curves.append(ReportCurve(f"{name} validation".strip(), line, colour if several else 1, strong=True))
    levels = loss_levels(snapshots) if losses_are_comparable(snapshots) else []
    return ReportChart("Loss", f"nats per {unit}", tuple(curves), tuple(levels), tuple(bands))


def _chart_of_one_curve(
    snapshots: Sequence[RunSnapshot],
    title: str,
    unit: str,
    read_curve: Callable[[RunSnapshot], DownsampledCurve],
    *,
    bands: tuple[tuple[float, float, str], ...] = (),
    logarithmic: bool = False,
) -> ReportChart:
    lines = enumerate(zip(distinct_run_names(snapshots), map(read_curve, snapshots), strict=True))
    curves = tuple(ReportCurve(name, line, colour) for colour, (name, line) in lines if len(line))
    return ReportChart(title, unit, curves, bands=bands, logarithmic=logarithmic)


def _sensor(snapshot: RunSnapshot, most: int, read: Callable[[Vitals], float | None]) -> DownsampledCurve:
    vitals = snapshot.state.vitals.until(snapshot.t)
    readings = sorted((event.step, value) for event in vitals if (value := read(event)) is not None)
    steps, values = zip(*readings, strict=True) if readings else ((), ())
    return downsample(steps, values, values, values, most)


def _temperature(vitals: Vitals) -> float | None:
    card = vitals.training_gpu
    return vitals.host.temperature_celsius if card is None else card.temperature_celsius


def _power(vitals: Vitals) -> float | None:
    card = vitals.training_gpu
    return vitals.host.processor_watts if card is None else card.power_watts


def _throttle_bands(snapshot: RunSnapshot) -> tuple[tuple[float, float, str], ...]:
    times, steps = snapshot.column("t"), snapshot.column("step")
    if not len(steps):
        return ()
    bands = []
    for interval in throttled_intervals(snapshot.state.vitals.until(snapshot.t)):
        first, last = np.searchsorted(times, (interval.start, interval.end))
        ends = [float(steps[min(int(row), len(steps) - 1)]) for row in (first, last)]
        bands.append((ends[0], ends[1], f"slowed by {interval.cause}"))
    return tuple(bands)


PLOT_WIDTH, PLOT_HEIGHT = 1000.0, 300.0
COLOUR_COUNT = 8
_LEFT_BEHIND = COLOUR_COUNT - 1  # the colour of steps that a rollback left behind
_NAME_DISTANCE = 5.0  # percent of the height, between two names
_BESIDE = 0.1  # of the height: closer to the end of a curve, a name would cover it
_NEAR_THE_END = 0.85  # of the steps
_LOG_STEPS = (1, 2, 5)
_MOST_LOG_TICKS = 6
_OUTLIER_ROOM = 1.6  # a spike extends the axis by at most this factor of the usual range


def draw_chart(chart: ReportChart, last_step: float) -> Markup:
    """The figure of a chart whose axis ends at `last_step` or later."""
    first, last = _range_of_steps(chart, last_step)
    low, high = _range_of_values(chart)
    x, y = Scale(first, last, 0.0, PLOT_WIDTH), Scale(low, high, PLOT_HEIGHT, 0.0)
    inner = svg_element(
        "svg",
        *(_band(start, end, meaning, x) for start, end, meaning in chart.bands),
        *(_level_line(value, y) for _, value in chart.levels if low <= value <= high),
        *(_curve(curve, x, y, chart.logarithmic) for curve in chart.curves),
        _class="plot",
        width="100%",
        height="100%",
        viewBox=f"0 0 {PLOT_WIDTH:g} {PLOT_HEIGHT:g}",
        preserveAspectRatio="none",
    )
    outer = svg_element(
        "svg",
        _grid(low, high, chart.logarithmic),
        _steps(first, last),
        inner,
        _level_names(chart, low, high, last),
        svg_element("line", _class="cross", x1="0%", x2="0%", y1="0%", y2="100%"),
        _class="area",
        role="img",
        aria_label=f"{chart.title} over the steps",
    )
    caption = html_element(
        "figcaption", html_element("b", html_text(chart.title)), html_text(f" {chart.unit} "), _legend(chart)
    )
    return html_element(
        "figure",
        caption,
        outer,
        html_element("output", _class="reading"),
        _class="chart",
        data_first=repr(first),
        data_last=repr(last),
        data_low=repr(low),
        data_high=repr(high),
        data_log="1" if chart.logarithmic else "",
    )


def _range_of_steps(chart: ReportChart, last_step: float) -> tuple[float, float]:
    first = min((float(curve.line.x[0]) for curve in chart.curves), default=0.0)
    return first, max(last_step, first + 1.0)


def _range_of_values(chart: ReportChart) -> tuple[float, float]:
    """The range of the axis: all values, except for a few outliers."""
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


def _curve(curve: ReportCurve, x: Scale, y: Scale, logarithmic: bool) -> Markup:
    def height(value: float) -> float:
        return y(math.log10(value) if logarithmic else value)

    upper, lower, middle = (
        [(x(step), height(value)) for step, value in zip(curve.line.x, values, strict=True)]
        for values in (curve.line.high, curve.line.low, curve.line.mean)
    )
    if len(middle) == 1:  # a single point would not be drawn
        middle = [(middle[0][0] - 2, middle[0][1]), (middle[0][0] + 2, middle[0][1])]
    colour = f"c{curve.colour % COLOUR_COUNT}"
    line = svg_element(
        "path",
        _class=f"line {colour}{' strong' if curve.strong else ''}",
        d=path_data(middle),
        data_name=curve.name,
        vector_effect="non-scaling-stroke",
    )
    if curve.strong or not (curve.line.high > curve.line.low).any():
        return line
    band = svg_element("path", _class=f"range {colour}", d=path_data(upper + lower[::-1], closed=True))
    return Markup(band + line)


def _band(start: float, end: float, meaning: str, x: Scale) -> Markup:
    title = html_element("title", escaped_text(meaning))
    left, right = x(start), x(end)
    return svg_element("rect", title, _class="band", x=left, y=0, width=max(1.0, right - left), height=PLOT_HEIGHT)


def _level_line(value: float, y: Scale) -> Markup:
    return svg_element(
        "line", _class="level", x1=0, x2=PLOT_WIDTH, y1=y(value), y2=y(value), vector_effect="non-scaling-stroke"
    )


def _level_names(chart: ReportChart, low: float, high: float, last: float) -> Markup:
    """Names of the levels at the right end, or at the left where a curve ends beside them."""
    shown = [(name, value) for name, value in chart.levels if low <= value <= high]
    ends = [float(curve.line.mean[-1]) for curve in chart.curves if curve.line.x[-1] > _NEAR_THE_END * last]
    heights = Scale(low, high, 100.0, 0.0)
    parts = []
    for at_left, x, dx, anchor in ((True, "0%", "6", "start"), (False, "100%", "-4", "end")):
        side = [
            level for level in shown if at_left == any(abs(level[1] - end) < _BESIDE * (high - low) for end in ends)
        ]
        spread = spread_labels([heights(value) for _, value in side], _NAME_DISTANCE, _NAME_DISTANCE, 100.0)
        parts += [
            _text(name, x, _percent(height), dx=dx, dy="-3", anchor=anchor, kind="tick level-name")
            for (name, _), height in zip(side, spread, strict=True)
        ]
    return svg_element("g", *parts)


def _grid(low: float, high: float, logarithmic: bool) -> Markup:
    heights, parts = Scale(low, high, 100.0, 0.0), []
    for value in _log_ticks(low, high) if logarithmic else round_numbers(low, high, 5):
        at = _percent(heights(value))
        label = f"{10**value:g}" if logarithmic else _height_label(value)
        parts.append(svg_element("line", _class="grid", x1="0%", x2="100%", y1=at, y2=at))
        parts.append(_text(label, "0%", at, dx="-8", dy="4", anchor="end"))
    return svg_element("g", *parts)


def _log_ticks(low: float, high: float) -> list[float]:
    """The decimal logarithms of 1, 2, 5, 10, ... between `low` and `high`; powers of ten for a wide range."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    for factors in (_LOG_STEPS, (1,)):
        ticks = [power + math.log10(factor) for power in powers for factor in factors]
        within = [tick for tick in ticks if low <= tick <= high]
        if len(within) <= _MOST_LOG_TICKS:
            return within
    return within[:: -(-len(within) // _MOST_LOG_TICKS)]


def _height_label(value: float) -> str:
    if abs(value) >= 1_000_000:
        return format_compact(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _steps(first: float, last: float) -> Markup:
    scale = Scale(first, last, 0.0, 100.0)
    ticks = [
        _text(
            format_count(value),
            _percent(scale(value)),
            "100%",
            dy="18",
            anchor="end" if scale(value) > 97 else "middle",
        )
        for value in round_numbers(first, last, 8)
        if value == int(value)
    ]
    return svg_element("g", *ticks, _class="steps")


def _text(
    words: str, x: str, y: str, *, anchor: str, dx: str | None = None, dy: str | None = None, kind: str = "tick"
) -> Markup:
    return svg_element("text", escaped_text(words), _class=kind, x=x, y=y, dx=dx, dy=dy, text_anchor=anchor)


def _percent(per_cent: float) -> str:
    return f"{per_cent:.2f}%"


def _legend(chart: ReportChart) -> Markup:
    if len(chart.curves) < 2:
        return Markup("")
    entries = []
    for curve in {curve.name: curve for curve in chart.curves}.values():
        colour = f"key c{curve.colour % COLOUR_COUNT}{' strong' if curve.strong else ''}"
        entries.append(html_element("span", html_element("i", _class=colour), html_text(curve.name), _class="entry"))
    return html_element("span", *entries, _class="legend")
