"""SVG as text, with nothing in it that was not put there on purpose.

Every attribute and every text is escaped here and nowhere else; control characters, which XML forbids, are made visible
first. Only presentation attributes are used, no style sheet: the same SVG stands alone, is turned into a PNG, and lies
in a page whose security policy allows no foreign style.
"""

from __future__ import annotations

import math
from html import escape
from typing import NewType

from babytrain.tui.safe_text import safe_line

Markup = NewType("Markup", str)
NOTHING = Markup("")


def number(value: float) -> str:
    """A length with at most two decimals; what is not finite is 0, since one bad number must not void a picture."""
    if not math.isfinite(value):
        return "0"
    digits = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def element(name: str, *children: Markup, **attributes: str | float | None) -> Markup:
    """`<name attributes>children</name>`; underscores in attribute names are hyphens, None leaves one out."""
    written = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(children)
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")


def text(x: float, y: float, words: str, **attributes: str | float | None) -> Markup:
    """One line of text with its baseline at `y`. Its direction cannot spill over into anything else."""
    return element("text", written(words), x=x, y=y, unicode_bidi="isolate", **attributes)


def written(words: str) -> Markup:
    """Any text as one line of character data."""
    return Markup(escape(safe_line(words), quote=False))


def joined(*parts: Markup) -> Markup:
    """Elements one after another."""
    return Markup("".join(parts))


def path(points: list[tuple[float, float]], *, closed: bool = False) -> str:
    """The `d` of a polygonal line through `points`."""
    if not points:
        return "M0 0"
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{steps}{'Z' if closed else ''}"


def _value(value: str | float | None) -> str:
    return safe_line(value) if isinstance(value, str) else number(float(value or 0.0))
