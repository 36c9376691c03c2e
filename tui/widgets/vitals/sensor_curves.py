"""Sensor readings as curves: over the whole run on the x axis of the loss chart, or the last minutes where there is
less room.

Readings are turned into numbers once, as they come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from babytrain.runs.events import GpuReading, Vitals
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.tui.charts.canvas import Canvas, ChartCharset, Texture
from babytrain.tui.charts.downsampling import ChartValues
from babytrain.tui.charts.painter import Drawing, draw_plot
from babytrain.tui.charts.plot import Plot, Series, ShadedInterval, StyleName
from babytrain.tui.charts.ticks import axis_ticks
from babytrain.tui.charts.x_axis import AXIS_KINDS, XScale
from babytrain.tui.text.formatting import format_count, format_seconds
from babytrain.tui.text.styled_lines import LinePart, StyledLine, fit_parts

MIN_HISTORY_COLUMNS = 40
_MAX_CURVE_ROWS = 4
NAME_WIDTH = 6
RANGE_WIDTH = 14
_FEWEST_READINGS = 3
SensorValue = Callable[[Vitals], float | None]


@dataclass(frozen=True)
class SensorTrack:
    """One sensor: its name, how a value of it is said, and the readings."""

    name: str
    unit: str
    style: StyleName
    quantity: SensorValue


@dataclass(frozen=True)
class HistoryRow:
    """One line of the history: what stands left and right of `canvas` row `row`, in what style."""

    name: str
    canvas: Canvas
    row: int
    words: str


def training_gpu(vitals: Vitals) -> GpuReading | None:
    """The card that trains, else the first one."""
    return next((card for card in vitals.gpus if card.trains), vitals.gpus[0] if vitals.gpus else None)


def _of_card(field: str) -> SensorValue:
    def quantity(look: Vitals) -> float | None:
        card = training_gpu(look)
        value: float | None = None if card is None else getattr(card, field)
        return value

    return quantity


def _fan_of_card(look: Vitals) -> float | None:
    card = training_gpu(look)
    fans = () if card is None else card.fans
    return max((fan.percent for fan in fans if fan.percent is not None), default=None)


GPU_TRACKS = (
    SensorTrack("util", "%", "train", _of_card("utilization_percent")),
    SensorTrack("temp", "°C", "notice", _of_card("temperature_celsius")),
    SensorTrack("fan", "%", "val", _fan_of_card),
    SensorTrack("power", "W", "mark", _of_card("power_watts")),
    SensorTrack("clock", "MHz", "saved", _of_card("clock_mhz")),
)
HOST_TRACKS = (
    SensorTrack("cpu", "%", "train", lambda look: look.host.cpu_percent),
    SensorTrack("temp", "°C", "notice", lambda look: look.host.temperature_celsius),
    SensorTrack("fan", "rpm", "val", lambda look: look.host.fan_rpm),
    SensorTrack("power", "W", "mark", lambda look: look.host.processor_watts),
)


class VitalsHistory:
    """All readings of a run as columns."""

    def __init__(self) -> None:
        self._state: RunState | None = None
        self._tracks: tuple[SensorTrack, ...] = ()
        self._last: Vitals | None = None
        self._count = 0
        self._columns: list[list[float]] = []
        self._times: list[float] = []
        self._steps: list[int] = []

    def update(self, snapshot: RunSnapshot) -> None:
        """Take in new readings."""
        events, newest = snapshot.state.vitals.events, snapshot.vitals
        tracks = GPU_TRACKS if newest is not None and newest.gpus else HOST_TRACKS
        same = self._state is snapshot.state and self._tracks is tracks and self._count <= len(events)
        if not same or (self._count and events[self._count - 1] is not self._last):
            self._state, self._tracks, self._count, self._last = snapshot.state, tracks, 0, None
            self._columns, self._times, self._steps = [[] for _ in tracks], [], []
        for look in events[self._count :]:
            self._times.append(max(look.t, self._times[-1]) if self._times else look.t)
            self._steps.append(look.step)
            for track, column in zip(tracks, self._columns, strict=True):
                value = track.quantity(look)
                column.append(math.nan if value is None else float(value))
            self._last = look
        self._count = len(events)

    def curves(self, snapshot: RunSnapshot, x: XScale) -> list[tuple[SensorTrack, Series]]:
        """The tracks that have something to show up to a moment, as curves over `x`."""
        self.update(snapshot)
        count = snapshot.state.vitals.count_until(snapshot.t)
        times = np.array(self._times[:count], dtype=np.float64)
        kept = self._still_true(snapshot, times, x.mode == "time")
        times = times[kept]
        places = times if x.mode == "time" else _x_values(x, times)
        found = []
        for track, column in zip(self._tracks, self._columns, strict=True):
            values = np.array(column[:count], dtype=np.float64)[kept]
            values[~np.isfinite(values)] = np.nan
            if np.isfinite(values).sum() >= _FEWEST_READINGS:
                found.append((track, Series(places, values, values, values, track.style)))
        return found

    def _still_true(self, snapshot: RunSnapshot, times: ChartValues, by_time: bool) -> np.ndarray:
        """On an axis of steps, what was read during steps that were given up since has no place."""
        kept = np.ones(len(times), dtype=np.bool_)
        if by_time:
            return kept
        steps = np.array(self._steps[: len(times)], dtype=np.int64)
        for resumed in snapshot.state.resumes.until(snapshot.t):
            kept &= ~((times <= resumed.t) & (steps > resumed.step))
        return kept


def _x_values(x: XScale, times: ChartValues) -> ChartValues:
    """Where moments belong on an axis of steps or tokens."""
    rows = np.searchsorted(x.times, times, side="right") - 1
    if not len(x.column):
        return np.zeros(len(times))
    places: ChartValues = np.where(rows >= 0, x.column[np.maximum(rows, 0)], 0).astype(np.float64)
    return places


def history_rows(
    curves: Sequence[tuple[SensorTrack, Series]],
    x: XScale,
    limits: tuple[float, float],
    size: tuple[int, int],
    charset: ChartCharset,
    zones: tuple[ShadedInterval, ...] = (),
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
        tall = min(_MAX_CURVE_ROWS, least + (number < over))
        plot = Plot(series=(series,), x_low=limits[0], x_high=limits[1], zones=zones)
        # Four lines would have an axis of their own, which is the one at the bottom already.
        canvas = draw_plot(plot, columns, tall, charset, axis=False).canvas
        words = _range_words(series, limits, track.unit)
        rows += [
            HistoryRow(track.name if not row else "", canvas, row, words if not row else "") for row in range(tall)
        ]
    return [*rows, HistoryRow(x.mode, _axis(x, limits, columns, charset), 0, "")]


def _range_words(series: Series, limits: tuple[float, float], unit: str) -> str:
    """From the lowest to the highest value in view."""
    seen = series.line[(series.x >= limits[0]) & (series.x <= limits[1])]
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return ""
    low, high = format_count(float(seen.min())), format_count(float(seen.max()))
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"


def _axis(x: XScale, limits: tuple[float, float], columns: int, charset: ChartCharset) -> Canvas:
    """The numbers under the curves."""
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


MIN_CHART_ROWS = 6  # rows; below that a curve says less than a sparkline
RECENT_READINGS = 600
_MIN_RECENT_READINGS = 5


def recent_chart(
    vitals: Sequence[Vitals], width: int, height: int, charset: ChartCharset
) -> tuple[StyledLine, Drawing] | None:
    """A legend and a drawing of `height` - 1 rows; None when there is too little room or too little to show."""
    few = len(vitals) < _MIN_RECENT_READINGS or not vitals[-1].t > vitals[0].t
    if height < MIN_CHART_ROWS or width < 20 or few:
        return None
    times = np.array([look.t for look in vitals])
    series, chunks = [], []
    styles: tuple[tuple[StyleName, str], ...] = (("train", charset.solid_line), ("val", charset.dashed_line[0] * 3))
    for (style, sign), (name, quantity) in zip(styles, _quantities(vitals[-1]), strict=False):
        values = np.array([_number(quantity(look)) for look in vitals])
        texture: Texture = "solid" if style == "train" else "dashed"
        if np.isfinite(values).sum() >= _MIN_RECENT_READINGS:
            series.append(Series(times, values, values, values, style, texture=texture))
            chunks.append(LinePart(((f"{sign} ", f"chart-{style}"), (name, "label"))))
    if not series:
        return None
    first, last = float(times[0]), float(times[-1])
    chunks.append(LinePart(((f"last {format_seconds(last - first)}", "label"),), 1))
    plot = Plot(series=tuple(series[::-1]), x_low=first, x_high=last, x_kind="time")
    return fit_parts(chunks, width), draw_plot(plot, width, height - 1, charset)


def _quantities(newest: Vitals) -> list[tuple[str, SensorValue]]:
    """What is worth a curve: of a card its heat and its fan, else the computer's heat and load."""
    found: list[tuple[str, SensorValue]] = []
    if newest.gpus:
        hottest = max(newest.gpus, key=lambda gpu: gpu.temperature_celsius or 0.0).index
        found = [
            ("temp °C", lambda look: _gpu_value(look, hottest, "temperature_celsius")),
            ("fan %", lambda look: _gpu_fan_percent(look, hottest)),
            ("util %", lambda look: _gpu_value(look, hottest, "utilization_percent")),
        ]
    found += [
        ("temp °C", lambda look: look.host.temperature_celsius),
        ("cpu %", lambda look: look.host.cpu_percent),
    ]
    return [(name, quantity) for name, quantity in found if quantity(newest) is not None]


def _gpu_value(look: Vitals, index: int, field: str) -> float | None:
    return next((getattr(gpu, field) for gpu in look.gpus if gpu.index == index), None)


def _gpu_fan_percent(look: Vitals, index: int) -> float | None:
    fans = next((gpu.fans for gpu in look.gpus if gpu.index == index), ())
    return max((fan.percent for fan in fans if fan.percent is not None), default=None)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
