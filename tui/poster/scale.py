"""Axes: a range with room in it, and round numbers along it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A straight map of [low, high] onto [start, end]; values outside stop at the ends."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value lies."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return float(self.start + (self.end - self.start) * min(1.0, max(0.0, share)))


def round_numbers(low: float, high: float, about: int = 5) -> list[float]:
    """About so many round numbers within [low, high]."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    raw = (high - low) / max(1, about)
    if raw <= 0 or not math.isfinite(raw):
        return []
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in _STEPS if factor * power >= raw * 0.999)
    if step <= 0 or abs(low / step) > 1e12:
        return []
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def spread(heights: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Places for labels near `heights`, at least `distance` apart and within [low, high] where that is possible."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    places = [min(max(heights[index], low), high) for index in order]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + distance)
    ceiling = high
    for index in reversed(range(len(places))):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - distance
    result = [0.0] * len(heights)
    for place, index in zip(places, order, strict=True):
        result[index] = place
    return result
