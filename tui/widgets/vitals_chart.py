"""The last minutes of heat and wind as a curve, for a vitals pane that has room to spare. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from babytrain.runs.events import Vitals
from babytrain.tui.widgets.canvas import Charset, Texture
from babytrain.tui.widgets.painter import Picture, draw
from babytrain.tui.widgets.plot import Plot, Series, StyleName
from babytrain.tui.widgets.spans import Chunk, Line, choose
from babytrain.tui.widgets.units import format_seconds

LOWEST_CHART = 6  # rows; below that a curve says less than a sparkline
READINGS = 600
_FEWEST_READINGS = 5

Quantity: TypeAlias = Callable[[Vitals], float | None]


def history_chart(vitals: Sequence[Vitals], width: int, height: int, charset: Charset) -> tuple[Line, Picture] | None:
    """A legend and a drawing of `height` - 1 rows; None when there is too little room or too little to show."""
    few = len(vitals) < _FEWEST_READINGS or not vitals[-1].t > vitals[0].t
    if height < LOWEST_CHART or width < 20 or few:
        return None
    times = np.array([look.t for look in vitals])
    series, chunks = [], []
    styles: tuple[tuple[StyleName, str], ...] = (("train", charset.solid_line), ("val", charset.dashed_line[0] * 3))
    for (style, sign), (name, quantity) in zip(styles, _quantities(vitals[-1]), strict=False):
        values = np.array([_number(quantity(look)) for look in vitals])
        texture: Texture = "solid" if style == "train" else "dashed"
        if np.isfinite(values).sum() >= _FEWEST_READINGS:
            series.append(Series(times, values, values, values, style, texture=texture))
            chunks.append(Chunk(((f"{sign} ", f"chart-{style}"), (name, "label"))))
    if not series:
        return None
    first, last = float(times[0]), float(times[-1])
    chunks.append(Chunk(((f"last {format_seconds(last - first)}", "label"),), 1))
    plot = Plot(series=tuple(series[::-1]), x_low=first, x_high=last, x_kind="time")
    return choose(chunks, width), draw(plot, width, height - 1, charset)


def _quantities(newest: Vitals) -> list[tuple[str, Quantity]]:
    """What is worth a curve: of a card its heat and its fan, else the computer's heat and load."""
    found: list[tuple[str, Quantity]] = []
    if newest.gpus:
        hottest = max(newest.gpus, key=lambda gpu: gpu.temperature_celsius or 0.0).index
        found = [
            ("temp °C", lambda look: _of_card(look, hottest, "temperature_celsius")),
            ("fan %", lambda look: _fan_of_card(look, hottest)),
            ("util %", lambda look: _of_card(look, hottest, "utilization_percent")),
        ]
    found += [
        ("temp °C", lambda look: look.host.temperature_celsius),
        ("cpu %", lambda look: look.host.cpu_percent),
    ]
    return [(name, quantity) for name, quantity in found if quantity(newest) is not None]


def _of_card(look: Vitals, index: int, field: str) -> float | None:
    return next((getattr(gpu, field) for gpu in look.gpus if gpu.index == index), None)


def _fan_of_card(look: Vitals, index: int) -> float | None:
    fans = next((gpu.fans for gpu in look.gpus if gpu.index == index), ())
    return max((fan.percent for fan in fans if fan.percent is not None), default=None)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
