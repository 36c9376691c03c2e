"""Which characters of a picture no font of this computer has: in a PNG each of them is an empty box.

An SVG or an HTML page is drawn by its reader, with the reader's fonts; a PNG is drawn here. resvg looks through all
fonts for a character and draws the box of the first one when none has it, so a character whose picture is that box is
missing. One probe takes milliseconds, and only what is not ASCII is asked for.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

import resvg_py

_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40" width="40" height="40">'
    '<text x="5" y="30" font-size="30" font-family="serif">{}</text></svg>'
)
_IN_NO_FONT = "\U0010fffd"  # of the private use area
_WORDS = re.compile(r">([^<]+)</(?:text|tspan)>")
_SHOWN = 12
_LONGEST_QUOTE = 24


def missing_characters(svg: str) -> str:
    """The characters of the texts in `svg` that no font here has, each once, in order of appearance."""
    found = dict.fromkeys(char for words in _texts(svg) for char in words if not char.isascii() and char.isprintable())
    return "".join(char for char in found if _is_box(char))


def boxes_sentence(svg: str) -> str:
    """What a PNG of `svg` lacks and what to do about it, in a sentence or two; empty when it lacks nothing."""
    missing = missing_characters(svg)
    if not missing:
        return ""
    count = "1 character" if len(missing) == 1 else f"{len(missing)} characters"
    longest = max((words.strip() for words in _texts(svg) if not set(missing).isdisjoint(words)), key=len)
    quoted = longest if len(longest) <= _LONGEST_QUOTE else longest[:_LONGEST_QUOTE] + "..."
    return (
        f"The PNG shows boxes for {count} that no font on this computer has ({listed(missing)}), for instance in "
        f"'{quoted}': install a font with them (Debian: apt install {' '.join(_packages(missing))}) and make it again. "
        "The SVG and the HTML are complete."
    )


def listed(characters: str) -> str:
    """The first of them, with spaces between."""
    return " ".join(characters[:_SHOWN]) + (" ..." if len(characters) > _SHOWN else "")


def _texts(svg: str) -> list[str]:
    return [html.unescape(words) for words in _WORDS.findall(svg)]


def _packages(missing: str) -> list[str]:
    """The packages of Debian that most likely have them."""
    return sorted({_package(char) for char in missing})


def _package(char: str) -> str:
    if 0x1F000 <= ord(char) < 0x20000:
        return "fonts-noto-color-emoji"
    is_wide = unicodedata.east_asian_width(char) in "WF"
    return "fonts-noto-cjk" if is_wide or ord(char) >= 0x20000 else "fonts-noto-core"


def _is_box(char: str) -> bool:
    return _picture(char) == _picture(_IN_NO_FONT)


@cache
def _picture(char: str) -> bytes:
    return resvg_py.svg_to_bytes(svg_string=_PROBE.format(char))
