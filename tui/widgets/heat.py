"""How warm is warm: a word and a style for a temperature, so that colour never says it alone."""

from __future__ import annotations

from typing import Literal, TypeAlias

Heat: TypeAlias = Literal["ok", "warm", "hot"]

# Without a threshold of its own: what cards and processors live with all day, and where they begin to slow down.
_WARM_CELSIUS = 75.0
_HOT_CELSIUS = 88.0
_WARM_MARGIN = 15.0  # degrees below the slowdown threshold
_HOT_MARGIN = 5.0


def heat_of(celsius: float, slowdown_celsius: float | None = None) -> Heat:
    """`hot` within 5 degrees of slowing down, `warm` within 15."""
    if slowdown_celsius is not None:
        margin = slowdown_celsius - celsius
        return "hot" if margin <= _HOT_MARGIN else "warm" if margin <= _WARM_MARGIN else "ok"
    return "hot" if celsius >= _HOT_CELSIUS else "warm" if celsius >= _WARM_CELSIUS else "ok"
