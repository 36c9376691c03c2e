"""Sensor readings as curves: over the whole run on the loss chart's x axis, or the last minutes if space is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from babytrain.runs.events import Vitals
from babytrain.runs.formatting import format_count, format_seconds
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.tui.charts.canvas import Canvas, ChartCharset, Texture
from babytrain.tui.charts.downsampling import ChartValues
from babytrain.tui.charts.painter import Drawing, draw_plot
from babytrain.tui.charts.plot import Plot, Series, ShadedInterval, StyleName
from babytrain.tui.charts.ticks import axis_ticks
from babytrain.tui.charts.x_axis import AXIS_KINDS, XScale
from babytrain.tui.text.styled_lines import LinePart, StyledLine, fit_parts

MIN_HISTORY_COLUMNS = 40
NAME_WIDTH = 6
RANGE_WIDTH = 14
_FEWEST_READINGS = 3
SensorValue = Callable[[Vitals], float | None]


@dataclass(frozen=True)
class SensorTrack:
    """One sensor: its name, its unit, the style of its curve, and how to read it."""

    name: str
    unit: str
    style: StyleName
    quantity: SensorValue


@dataclass(frozen=True)
class HistoryRow:
    """One line of the history: row `row` of `canvas`, with a name at its left and words at its right."""

    name: str
    canvas: Canvas
    row: int
    words: str


def _of_training_gpu(field: str) -> SensorValue:
    return lambda reading: getattr(reading.training_gpu, field, None)


GPU_TRACKS = (
    SensorTrack("util", "%", "train", _of_training_gpu("utilization_percent")),
    SensorTrack("temp", "°C", "notice", _of_training_gpu("temperature_celsius")),
    SensorTrack("fan", "%", "val", _of_training_gpu("fan_percent")),
    SensorTrack("power", "W", "mark", _of_training_gpu("power_watts")),
    SensorTrack("clock", "MHz", "saved", _of_training_gpu("clock_mhz")),
)
HOST_TRACKS = (
    SensorTrack("cpu", "%", "train", attrgetter("host.cpu_percent")),
    SensorTrack("temp", "°C", "notice", attrgetter("host.temperature_celsius")),
    SensorTrack("fan", "rpm", "val", attrgetter("host.fan_rpm")),
    SensorTrack("power", "W", "mark", attrgetter("host.processor_watts")),
)


class VitalsHistory:
    """All readings of a run as columns, converted once when they arrive."""

    def __init__(self) -> None:
        self._source: tuple[RunState, tuple[SensorTrack, ...]] | None = None
        self._taken: list[Vitals] = []
        self._columns: list[list[float | None]] = []
        self._times: list[float] = []

    def update(self, snapshot: RunSnapshot) -> None:
        """Append new readings."""
        events, newest = snapshot.state.vitals.events, snapshot.vitals
        tracks = GPU_TRACKS if newest is not None and newest.training_gpu is not None else HOST_TRACKS
        count = len(self._taken)
        same = self._source is not None and self._source[0] is snapshot.state and self._source[1] is tracks
        if not same or count > len(events) or (count and events[count - 1] is not self._taken[-1]):
            self._source = (snapshot.state, tracks)
            self._taken, self._times, self._columns = [], [], [[] for _ in tracks]
        for reading in events[len(self._taken) :]:
            self._taken.append(reading)
            self._times.append(max(reading.t, self._times[-1]) if self._times else reading.t)
            for track, column in zip(tracks, self._columns, strict=True):
                column.append(track.quantity(reading))

    def curves(self, snapshot: RunSnapshot, x: XScale) -> list[tuple[SensorTrack, Series]]:
        """The tracks that have readings up to the snapshot, as curves over `x`."""
        self.update(snapshot)
        count = snapshot.state.vitals.count_until(snapshot.t)
        times = np.array(self._times[:count], dtype=np.float64)
        kept = self._on_current_path(snapshot, times, x)
        positions = x.of_times(times[kept])
        found = []
        for track, column in zip(self._source[1] if self._source else (), self._columns, strict=True):
            values = np.array(column[:count], dtype=np.float64)[kept]
            values[~np.isfinite(values)] = np.nan
            if np.isfinite(values).sum() >= _FEWEST_READINGS:
                found.append((track, Series(positions, values, values, values, track.style)))
        return found

    def _on_current_path(self, snapshot: RunSnapshot, times: ChartValues, x: XScale) -> np.ndarray:
        """Mask of the readings to show: on an axis of steps, none from steps a rollback discarded."""
        kept = np.ones(len(times), dtype=np.bool_)
        steps = np.array([reading.step for reading in self._taken[: len(times)]], dtype=np.int64)
        for resumed in snapshot.state.resumes.until(snapshot.t) if x.mode != "time" else ():
            kept &= ~((times <= resumed.t) & (steps > resumed.step))
        return kept


def history_rows(
    curves: Sequence[tuple[SensorTrack, Series]],
    x: XScale,
    limits: tuple[float, float],
    size: tuple[int, int],
    charset: ChartCharset,
    shaded_intervals: tuple[ShadedInterval, ...] = (),
) -> list[HistoryRow]:
    """As many of the curves as there are lines, each on one to four, and below them the axis; none if too narrow."""
    width, height = size
    columns = width - NAME_WIDTH - RANGE_WIDTH - 1
    shown = list(curves[: max(0, height - 1)])
    if width < MIN_HISTORY_COLUMNS or not shown:
        return []
    least, over = divmod(height - 1, len(shown))
    rows: list[HistoryRow] = []
    for number, (track, series) in enumerate(shown):
        tall = min(4, least + (number < over))
        plot = Plot(series=(series,), x_low=limits[0], x_high=limits[1], shaded_intervals=shaded_intervals)
        # With four rows `draw_plot` would add an axis; there is one at the bottom already.
        canvas = draw_plot(plot, columns, tall, charset, axis=False).canvas
        words = _range_words(series, limits, track.unit)
        rows += [
            HistoryRow(track.name if not row else "", canvas, row, words if not row else "") for row in range(tall)
        ]
    return [*rows, HistoryRow(x.mode, _axis(x, limits, columns, charset), 0, "")]


def _range_words(series: Series, limits: tuple[float, float], unit: str) -> str:
    seen = series.line[(series.x >= limits[0]) & (series.x <= limits[1])]
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return ""
    low, high = format_count(float(seen.min())), format_count(float(seen.max()))
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"


def _axis(x: XScale, limits: tuple[float, float], columns: int, charset: ChartCharset) -> Canvas:
    canvas = Canvas(columns, 1, charset)
    low, high = limits
    free_from = 0
    for tick in axis_ticks(low * x.scale, high * x.scale, max(2, columns // 11), AXIS_KINDS[x.mode]):
        share = (tick.value / x.scale - low) / (high - low) if high > low else 0.0
        start = min(int(share * columns) - len(tick.label) // 2, columns - len(tick.label))
        start = max(start, 0) if not free_from else start
        if start >= free_from:
            canvas.put(start, 0, tick.label, 2)
            free_from = start + len(tick.label) + 2
    return canvas


MIN_CHART_ROWS = 6  # rows; below that a sparkline shows more
RECENT_READINGS = 600
_MIN_RECENT_READINGS = 5


def recent_chart(
    vitals: Sequence[Vitals], width: int, height: int, charset: ChartCharset
) -> tuple[StyledLine, Drawing] | None:
    """A legend and a drawing of `height` - 1 rows; None with too little room or too few readings."""
    few = len(vitals) < _MIN_RECENT_READINGS or not vitals[-1].t > vitals[0].t
    if height < MIN_CHART_ROWS or width < 20 or few:
        return None
    times = np.array([reading.t for reading in vitals])
    series, parts = [], []
    styles: tuple[tuple[StyleName, Texture, str, str], ...] = (
        ("train", "solid", charset.solid_line, "heat-ok"),
        ("val", "dashed", charset.dashed_line[0] * 3, "fan"),
    )
    for (style, texture, sign, sign_style), (name, quantity) in zip(styles, _quantities(vitals[-1]), strict=False):
        values = np.array([quantity(reading) for reading in vitals], dtype=np.float64)
        if np.isfinite(values).sum() >= _MIN_RECENT_READINGS:
            series.append(Series(times, values, values, values, style, texture=texture))
            parts.append(LinePart(((f"{sign} ", sign_style), (name, "label"))))
    if not series:
        return None
    first, last = float(times[0]), float(times[-1])
    parts.append(LinePart(((f"last {format_seconds(last - first)}", "label"),), 1))
    plot = Plot(series=tuple(series[::-1]), x_low=first, x_high=last, x_kind="time")
    return fit_parts(parts, width), draw_plot(plot, width, height - 1, charset)


def _quantities(newest: Vitals) -> list[tuple[str, SensorValue]]:
    """The curves to show: the training card's temperature and fan, else the computer's temperature and load."""
    found: list[tuple[str, SensorValue]] = []
    if newest.training_gpu is not None:
        found = [
            ("temp °C", _of_training_gpu("temperature_celsius")),
            ("fan %", _of_training_gpu("fan_percent")),
            ("util %", _of_training_gpu("utilization_percent")),
        ]
    found += [("temp °C", attrgetter("host.temperature_celsius")), ("cpu %", attrgetter("host.cpu_percent"))]
    return [(name, quantity) for name, quantity in found if quantity(newest) is not None]
