"""The sensors over the course of a run, on the x axis of the loss chart: small curves one above the other.

Readings are turned into numbers once, as they come; a look at four hours of them is then a handful of array slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from babytrain.runs.events import GpuReading, Vitals
from babytrain.runs.state import Moment, RunState
from babytrain.tui.widgets.axis import axis_ticks
from babytrain.tui.widgets.canvas import Canvas, Charset
from babytrain.tui.widgets.envelope import FloatArray
from babytrain.tui.widgets.painter import draw
from babytrain.tui.widgets.plot import Plot, Series, StyleName, Zone
from babytrain.tui.widgets.units import format_count
from babytrain.tui.widgets.x_scale import AXIS_KINDS, XScale

NARROWEST = 40
TALLEST_ROW = 4
NAME_WIDTH = 6
RANGE_WIDTH = 14
_FEWEST_READINGS = 3

Quantity = Callable[[Vitals], float | None]


@dataclass(frozen=True)
class Track:
    """One sensor: its name, how a value of it is said, and the readings."""

    name: str
    unit: str
    style: StyleName
    quantity: Quantity


@dataclass(frozen=True)
class HistoryRow:
    """One line of the history: what stands left and right of `canvas` row `row`, in what style."""

    name: str
    canvas: Canvas
    row: int
    words: str


def training_card(vitals: Vitals) -> GpuReading | None:
    """The card that trains, else the first one."""
    return next((card for card in vitals.gpus if card.trains), vitals.gpus[0] if vitals.gpus else None)


def _of_card(field: str) -> Quantity:
    def quantity(look: Vitals) -> float | None:
        card = training_card(look)
        value: float | None = None if card is None else getattr(card, field)
        return value

    return quantity


def _fan_of_card(look: Vitals) -> float | None:
    card = training_card(look)
    fans = () if card is None else card.fans
    return max((fan.percent for fan in fans if fan.percent is not None), default=None)


CARD_TRACKS = (
    Track("util", "%", "train", _of_card("utilization_percent")),
    Track("temp", "°C", "notice", _of_card("temperature_celsius")),
    Track("fan", "%", "val", _fan_of_card),
    Track("power", "W", "mark", _of_card("power_watts")),
    Track("clock", "MHz", "saved", _of_card("clock_mhz")),
)
HOST_TRACKS = (
    Track("cpu", "%", "train", lambda look: look.host.cpu_percent),
    Track("temp", "°C", "notice", lambda look: look.host.temperature_celsius),
    Track("fan", "rpm", "val", lambda look: look.host.fan_rpm),
    Track("power", "W", "mark", lambda look: look.host.processor_watts),
)


class VitalsHistory:
    """All readings of a run as columns."""

    def __init__(self) -> None:
        self._state: RunState | None = None
        self._tracks: tuple[Track, ...] = ()
        self._last: Vitals | None = None
        self._count = 0
        self._columns: list[list[float]] = []
        self._times: list[float] = []
        self._steps: list[int] = []

    def update(self, moment: Moment) -> None:
        """Take in new readings."""
        events, newest = moment.state.vitals.events, moment.vitals
        tracks = CARD_TRACKS if newest is not None and newest.gpus else HOST_TRACKS
        same = self._state is moment.state and self._tracks is tracks and self._count <= len(events)
        if not same or (self._count and events[self._count - 1] is not self._last):
            self._state, self._tracks, self._count, self._last = moment.state, tracks, 0, None
            self._columns, self._times, self._steps = [[] for _ in tracks], [], []
        for look in events[self._count :]:
            self._times.append(max(look.t, self._times[-1]) if self._times else look.t)
            self._steps.append(look.step)
            for track, column in zip(tracks, self._columns, strict=True):
                value = track.quantity(look)
                column.append(math.nan if value is None else float(value))
            self._last = look
        self._count = len(events)

    def curves(self, moment: Moment, x: XScale) -> list[tuple[Track, Series]]:
        """The tracks that have something to show up to a moment, as curves over `x`."""
        self.update(moment)
        count = moment.state.vitals.count_until(moment.t)
        times = np.array(self._times[:count], dtype=np.float64)
        kept = self._still_true(moment, times, x.mode == "time")
        times = times[kept]
        places = times if x.mode == "time" else _places(x, times)
        found = []
        for track, column in zip(self._tracks, self._columns, strict=True):
            values = np.array(column[:count], dtype=np.float64)[kept]
            values[~np.isfinite(values)] = np.nan
            if np.isfinite(values).sum() >= _FEWEST_READINGS:
                found.append((track, Series(places, values, values, values, track.style)))
        return found

    def _still_true(self, moment: Moment, times: FloatArray, by_time: bool) -> np.ndarray:
        """On an axis of steps, what was read during steps that were given up since has no place."""
        kept = np.ones(len(times), dtype=np.bool_)
        if by_time:
            return kept
        steps = np.array(self._steps[: len(times)], dtype=np.int64)
        for resumed in moment.state.resumes.until(moment.t):
            kept &= ~((times <= resumed.t) & (steps > resumed.step))
        return kept


def _places(x: XScale, times: FloatArray) -> FloatArray:
    """Where moments belong on an axis of steps or tokens."""
    rows = np.searchsorted(x.times, times, side="right") - 1
    if not len(x.column):
        return np.zeros(len(times))
    places: FloatArray = np.where(rows >= 0, x.column[np.maximum(rows, 0)], 0).astype(np.float64)
    return places


def history_rows(
    curves: Sequence[tuple[Track, Series]],
    x: XScale,
    limits: tuple[float, float],
    size: tuple[int, int],
    charset: Charset,
    zones: tuple[Zone, ...] = (),
) -> list[HistoryRow]:
    """As many of the curves as there are lines, each on one to four, and below them the axis; none if too narrow."""
    width, height = size
    columns = width - NAME_WIDTH - RANGE_WIDTH - 1
    shown = list(curves[: max(0, height - 1)])
    if width < NARROWEST or not shown:
        return []
    least, over = divmod(height - 1, len(shown))
    rows: list[HistoryRow] = []
    for number, (track, series) in enumerate(shown):
        tall = min(TALLEST_ROW, least + (number < over))
        plot = Plot(series=(series,), x_low=limits[0], x_high=limits[1], zones=zones)
        # Four lines would have an axis of their own, which is the one at the bottom already.
        canvas = draw(plot, columns, tall, charset, axis=False).canvas
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


def _axis(x: XScale, limits: tuple[float, float], columns: int, charset: Charset) -> Canvas:
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
