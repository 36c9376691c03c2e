"""SVG to PNG by resvg with the fonts of this computer, and the characters those fonts lack.

resvg draws a missing character as the box of the first font, so a character rendered like that box is missing.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from typing import Any

import resvg_py

from babytrain.tui.export.generator_mark import png_with_generator

DOTS_PER_INCH = 200
_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40" width="40" height="40">'
    '<text x="5" y="30" font-size="30" font-family="serif">{}</text></svg>'
)
NO_FONTS_MESSAGE = (
    "There is no font on this computer to write a PNG with: install one (Debian: apt install fonts-dejavu), "
    "or take the SVG or the HTML, which any browser shows."
)


class NoFontsError(RuntimeError):
    """There is no font to draw text with."""

    def __init__(self) -> None:
        super().__init__(NO_FONTS_MESSAGE)


def poster_png(svg: str) -> bytes:
    """The SVG as a PNG, A3 at 200 dots per inch. Raises NoFontsError."""
    return png_with_generator(_png(svg, dpi=DOTS_PER_INCH))


def screenshot_png(svg: str) -> bytes:
    """A screenshot as a PNG, two dots per unit. Raises NoFontsError."""
    return _png(svg, zoom=2.0)


def _png(svg: str, **scale: Any) -> bytes:
    if not has_fonts():
        raise NoFontsError
    return resvg_py.svg_to_bytes(svg_string=svg, **scale)


def has_fonts(*, system_fonts: bool = True) -> bool:
    """Whether any font can draw an M."""
    return _rendered("", system_fonts) != _rendered("M", system_fonts)


_IN_NO_FONT = "\U0010fffd"  # private use area
_WORDS = re.compile(r">([^<]+)</(?:text|tspan)>")
_SHOWN = 12
_LONGEST_QUOTE = 24


def missing_characters(svg: str) -> str:
    """The characters in `svg` that no font has, each once, in order of appearance."""
    found = dict.fromkeys(char for words in _texts(svg) for char in words if not char.isascii() and char.isprintable())
    return "".join(char for char in found if _is_box(char))


def missing_glyphs_sentence(svg: str) -> str:
    """A message about missing characters in `svg` and the fonts to install; "" when none are missing."""
    missing = missing_characters(svg)
    if not missing:
        return ""
    count = "1 character" if len(missing) == 1 else f"{len(missing)} characters"
    longest = max((words.strip() for words in _texts(svg) if not set(missing).isdisjoint(words)), key=len)
    quoted = longest if len(longest) <= _LONGEST_QUOTE else longest[:_LONGEST_QUOTE] + "..."
    return (
        f"The PNG shows boxes for {count} that no font on this computer has ({first_characters(missing)}), for "
        f"instance in '{quoted}': install a font with them (Debian: apt install "
        f"{' '.join(sorted(set(map(_package, missing))))}) and make it again. The SVG and the HTML are complete."
    )


def first_characters(characters: str) -> str:
    """The first few of `characters`, separated by spaces."""
    return " ".join(characters[:_SHOWN]) + (" ..." if len(characters) > _SHOWN else "")


def _texts(svg: str) -> list[str]:
    return [html.unescape(words) for words in _WORDS.findall(svg)]


def _package(char: str) -> str:
    """The Debian package that most likely has the character."""
    if 0x1F000 <= ord(char) < 0x20000:
        return "fonts-noto-color-emoji"
    is_wide = unicodedata.east_asian_width(char) in "WF"
    return "fonts-noto-cjk" if is_wide or ord(char) >= 0x20000 else "fonts-noto-core"


def _is_box(char: str) -> bool:
    return _rendered(char) == _rendered(_IN_NO_FONT)


@cache
def _rendered(char: str, system_fonts: bool = True) -> bytes:
    return resvg_py.svg_to_bytes(svg_string=_PROBE.format(char), skip_system_fonts=not system_fonts)
