"""How far the y axis reaches: what belongs to the curve is shown, a lone accident does not flatten the rest.

The rule is deliberately mild. The beginning and the end of a curve are never called accidents (a loss does start high,
and a run that blows up must be seen to), nor is anything that lasts for several columns or happens in more than a few
of them; only an isolated peak far beyond everything else is cut off, and then the chart says so.
"""

from __future__ import annotations

import math

import numpy as np

from babytrain.tui.widgets.envelope import FloatArray, Intervals

_WINDOW = 5
_USUAL = 0.97  # the share of columns that counts as usual noise
_MILD = 0.5  # a peak this much of the span beyond the usual is simply shown
_ENDS = 4.0  # the first and last values may reach this far


def robust_range(lines: list[FloatArray], bands: list[Intervals]) -> tuple[float, float] | None:
    """The interval worth showing for some curves and the noise around them; None when there is no finite value.

    `lines` are drawn values (bridges included), `bands` the extremes of the points in each column.
    """
    curves = [values for values in map(_finite, lines) if len(values)]
    tops = [values for values in (_finite(band.high) for band in bands) if len(values)]
    bottoms = [values for values in (_finite(band.low) for band in bands) if len(values)]
    tops, bottoms = tops or bottoms, bottoms or tops
    if not curves and not tops:
        return None
    steady = [_rolling_median(curve) for curve in curves]
    usual_high = [*(float(values.max()) for values in steady), *(_quantile(values) for values in tops)]
    usual_low = [*(float(values.min()) for values in steady), *(-_quantile(-values) for values in bottoms)]
    low, high = min(usual_low), max(usual_high)
    span = max(high - low, abs(high) * 0.02, 1e-9)
    reach_high = _reach(high, span, [*curves, *tops])
    reach_low = -_reach(-low, span, [-values for values in (*curves, *bottoms)])
    return reach_low, reach_high


def pad(low: float, high: float, share: float = 0.03) -> tuple[float, float]:
    """A little air around a range, and a range around a point."""
    limit = 1e300
    low, high = max(-limit, min(low, limit)), max(-limit, min(high, limit))
    span = high - low
    if span <= abs(high) * 1e-12:
        air = abs(high) * 0.05 or 0.5
        return low - air, high + air
    return low - share * span, high + share * span


def _reach(usual: float, span: float, everything: list[FloatArray]) -> float:
    """The upper limit; the lower one is the same with all signs turned."""
    peak = max(float(values.max()) for values in everything)
    if peak <= usual + _MILD * span or not math.isfinite(span):
        return peak
    ends = [float(values[at]) for values in everything for at in (0, -1)]
    return max([usual, *(end for end in ends if end <= usual + _ENDS * span)])


def _quantile(values: FloatArray) -> float:
    """An existing value that all but a few columns stay below."""
    return float(np.sort(values)[int(_USUAL * (len(values) - 1))])


def _rolling_median(values: FloatArray) -> FloatArray:
    """Median of the values around each value; a short series is its own."""
    if len(values) < _WINDOW:
        return values
    middle: FloatArray = np.sort(np.lib.stride_tricks.sliding_window_view(values, _WINDOW), axis=1)[:, _WINDOW // 2]
    return middle


def _finite(values: FloatArray) -> FloatArray:
    finite: FloatArray = values[np.isfinite(values)]
    return finite
