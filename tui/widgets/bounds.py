"""How far the y axis reaches: what belongs to the curve is shown, a lone accident does not flatten the rest.

The rule is deliberately mild. The beginning and the end of a curve are never called accidents (a loss does start high,
and a run that blows up must be seen to), nor is anything that lasts for several columns; only an isolated peak far
beyond everything else is cut off, and then the chart says so.
"""

from __future__ import annotations

import math

import numpy as np

from babytrain.tui.widgets.envelope import FloatArray, Intervals

_WINDOW = 5
_MILD = 0.5  # a peak this much of the span above the curve is simply shown
_NOISE = 1.0  # the usual noise may reach this far
_ENDS = 4.0  # the first and last values may


def robust_range(lines: list[FloatArray], bands: list[Intervals]) -> tuple[float, float] | None:
    """The interval worth showing for some curves and the noise around them; None when there is no finite value."""
    tops = [_finite(values) for values in (*lines, *(band.high for band in bands))]
    bottoms = [_finite(values) for values in (*lines, *(band.low for band in bands))]
    if not any(len(values) for values in (*tops, *bottoms)):
        return None
    curves = [values for values in (tops[: len(lines)] if lines else tops) if len(values)] or [
        values for values in tops if len(values)
    ]
    low = -_reach([-values for values in curves], [-values for values in bottoms if len(values)])
    high = _reach(curves, [values for values in tops if len(values)])
    return (low, high) if low <= high else (high, low)


def pad(low: float, high: float, share: float = 0.03) -> tuple[float, float]:
    """A little air around a range, and a range around a point."""
    limit = 1e300
    low, high = max(-limit, min(low, limit)), max(-limit, min(high, limit))
    span = high - low
    if span <= abs(high) * 1e-12:
        air = abs(high) * 0.05 or 0.5
        return low - air, high + air
    return low - share * span, high + share * span


def _reach(curves: list[FloatArray], everything: list[FloatArray]) -> float:
    """The upper limit; the lower one is the same with all signs turned."""
    steady = max(float(_rolling_median(curve).max()) for curve in curves)
    floor = min(float(_rolling_median(curve).min()) for curve in curves)
    span = max(steady - floor, abs(steady) * 0.02, 1e-9)
    peak = max(float(values.max()) for values in everything)
    if peak <= steady + _MILD * span or not math.isfinite(span):
        return peak
    reach = steady
    for values in everything:
        usual = float(np.quantile(values, 0.97, method="lower"))
        if usual <= steady + _NOISE * span:
            reach = max(reach, usual)
        for end in (float(values[0]), float(values[-1])):
            if end <= steady + _ENDS * span:
                reach = max(reach, end)
    return peak if peak <= reach + 0.1 * span else reach


def _rolling_median(values: FloatArray) -> FloatArray:
    """Median of the values around each value; a short series is its own."""
    if len(values) < _WINDOW:
        return values
    middle = np.median(np.lib.stride_tricks.sliding_window_view(values, _WINDOW), axis=1)
    return np.asarray(middle, dtype=np.float64)


def _finite(values: FloatArray) -> FloatArray:
    finite: FloatArray = values[np.isfinite(values)]
    return finite
