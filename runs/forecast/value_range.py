"""An interval of values, the form of every estimate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ValueRange:
    """From `low` to `high`, in seconds unless stated otherwise."""

    low: float
    high: float

    def times(self, count: float) -> ValueRange:
        """`count` times as much."""
        return ValueRange(self.low * count, self.high * count)

    def plus(self, other: ValueRange) -> ValueRange:
        """Both together."""
        return ValueRange(self.low + other.low, self.high + other.high)


ZERO = ValueRange(0.0, 0.0)
