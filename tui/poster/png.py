"""The poster as a picture in dots, by resvg; it writes with the fonts of this computer."""

from __future__ import annotations

import resvg_py

DOTS_PER_INCH = 200
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40" width="40" height="40">{}</svg>'
NO_FONTS = (
    "There is no font on this computer to write a PNG with: install one (Debian: apt install fonts-dejavu), "
    "or take the SVG or the HTML, which any browser shows."
)


class NoFontsError(RuntimeError):
    """A PNG would lack all its words."""

    def __init__(self) -> None:
        super().__init__(NO_FONTS)


def poster_png(svg: str) -> bytes:
    """The SVG as a PNG, A3 at 200 dots an inch. Raises NoFontsError where text cannot be drawn."""
    if not can_write():
        raise NoFontsError
    return resvg_py.svg_to_bytes(svg_string=svg, dpi=DOTS_PER_INCH)


def screen_png(svg: str) -> bytes:
    """A picture of the screen as a PNG, two dots for each unit. Raises NoFontsError where text cannot be drawn."""
    if not can_write():
        raise NoFontsError
    return resvg_py.svg_to_bytes(svg_string=svg, zoom=2.0)


def can_write(*, system_fonts: bool = True) -> bool:
    """Whether a letter leaves a trace."""
    letter = '<text x="5" y="30" font-size="30" font-family="serif">M</text>'
    blank, probe = (
        resvg_py.svg_to_bytes(svg_string=_PROBE.format(content), skip_system_fonts=not system_fonts)
        for content in ("", letter)
    )
    return blank != probe
