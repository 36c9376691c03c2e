"""A history in one line of text: `▂▃▅▇▆▅`.

With more values than columns the newest are shown, one per column; with fewer, the line is right-aligned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from babytrain.tui.terminal.charset import CharsetName

# Eight levels each. The Linux console's font has shades and full blocks, but no eighths.
BAR_LEVELS: dict[CharsetName, str] = {"braille": "▁▂▃▄▅▆▇█", "blocks": "░░▒▒▓▓██", "ascii": ".:-=+*#@"}
MISSING_VALUE_SIGN = " "


def sparkline(
    values: Sequence[float | None],
    width: int,
    low: float | None = None,
    high: float | None = None,
    charset: CharsetName = "braille",
) -> str:
    """`width` characters, the newest value last; a value that is None or not finite is a gap. `low` and `high` fix the
    scale (values outside are clipped); without them it is the range of the values, with a constant history in the
    middle."""
    if width <= 0:
        return ""
    recent = list(values[-width:])
    known = [value for value in recent if value is not None and math.isfinite(value)]
    bottom = low if low is not None else min(known, default=0.0)
    top = high if high is not None else max(known, default=0.0)
    text = "".join(_level(value, bottom, top, BAR_LEVELS[charset]) for value in recent)
    return MISSING_VALUE_SIGN * (width - len(text)) + text


def _level(value: float | None, bottom: float, top: float, levels: str) -> str:
    if value is None or not math.isfinite(value):
        return MISSING_VALUE_SIGN
    span = top - bottom
    if not (math.isfinite(span) and span > 0):
        return levels[3] if value <= top else levels[-1]
    share = (min(max(value, bottom), top) - bottom) / span
    return levels[min(len(levels) - 1, int(share * len(levels)))]
