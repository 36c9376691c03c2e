"""Which characters the terminal can show (braille, half blocks or ASCII), and the replacement of all others.

Every replacement has the width of the original.
"""

from __future__ import annotations

import locale
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

from rich.cells import split_graphemes

CharsetName: TypeAlias = Literal["braille", "blocks", "ascii"]


def detect_charset(environ: Mapping[str, str], encoding: str | None = None) -> CharsetName:
    """The richest charset the terminal is likely to show.

    `BABYTRAIN_CHARSET` decides when it names one. ASCII without a UTF-8 `encoding` (default: the locale's), in the C
    locale and on terminals older than Unicode; the Linux console (`TERM=linux`) has no braille in its font.
    """
    chosen = environ.get("BABYTRAIN_CHARSET", "").strip().lower()
    for name in get_args(CharsetName):
        if chosen == name:
            return name  # type: ignore[no-any-return]
    codec = (encoding if encoding is not None else locale.getpreferredencoding(False)).lower()
    if codec.replace("-", "").replace("_", "") not in {"utf8", "cp65001"}:
        return "ascii"
    if _locale(environ) in {"C", "POSIX"} or environ.get("TERM", "").startswith(_OLD_TERMINALS):
        return "ascii"
    return "blocks" if environ.get("TERM", "") in {"linux", "linux-16color"} else "braille"


def _locale(environ: Mapping[str, str]) -> str:
    """The locale that was chosen, "" for none. In the C locale Python prints UTF-8 (PEP 540), and in place of one that
    `LANG` names it sets a UTF-8 one, also in its environment (PEP 538)."""
    chosen = environ.get("LC_ALL") or environ.get("LC_CTYPE", "")
    return environ.get("LANG", "") if chosen in {"", "C.UTF-8", "C.utf8", "UTF-8"} else chosen


_OLD_TERMINALS = ("vt52", "vt100", "vt102", "vt220", "vt320", "vt420", "ansi", "dumb", "cons25", "sun", "wyse", "hp")
# The characters of the first 32 codes of code page 437, which Python's codec decodes as control characters.
_CP437_SIGNS = frozenset("☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼")
# Replacement -> replaced characters.
# fmt: off
_BLOCKS_FOR = {
    "┌": "╭┏", "┐": "╮┓", "└": "╰┗", "┘": "╯┛", "─": "━╸╺╌┄⎯", "│": "┃╎┆▏▕", "█": "▅▆▇▉", "▄": "▁▂▃", "▀": "▔",
    "▌": "▊▋▍▎", "►": "▶▸", "◄": "◀", "♥": "★", "√": "✓", "X": "✗", "•": "●", "○": "◌◉", "♦": "◆", "x": "×",
    "~": "…", "-": "–—", "<": "‹", ">": "›", "/": "⏎", "'": "‘’", '"': "“”",
}
_ASCII_FOR = {
    "-": "─━═╌┄╸╺⎯▁▔–—", "|": "│┃║╎┆▏▎▍▌▋▊▐▕", "+": "┌┐└┘╭╮╰╯┏┓┗┛├┤┬┴┼╞╡✓√", "#": "█▓▒░▉▇▆▅▄▃▂▀■", ".": "·◌○",
    "*": "•●", "O": "◉", "x": "×", "~": "…", "'": "°‘’", "X": "✗", ">": "▶►▸›→", "<": "◀◄‹←", "^": "▲↑", "v": "▼↓",
    "@": "★♥", "o": "♦◆", "/": "⏎", '"': "“”",
}
# fmt: on
_BLOCKS = {ord(char): replacement for replacement, chars in _BLOCKS_FOR.items() for char in chars}
_ASCII = {ord(char): replacement for replacement, chars in _ASCII_FOR.items() for char in chars}


@lru_cache(maxsize=4096)
def fold_to_charset(text: str, charset: CharsetName) -> str:
    """`text` in the characters of `charset`, at the same width; `?` where there is no replacement."""
    if charset == "braille" or text.isascii():
        return text
    in_charset = _in_ascii if charset == "ascii" else _in_blocks
    # What is drawn as one, such as an emoji of several characters, is replaced as one.
    graphemes, _ = split_graphemes(text)
    return "".join(in_charset(text[start]) + "?" * (width - 1) for start, _, width in graphemes if width)


def _in_ascii(char: str) -> str:
    replacement = char.translate(_ASCII)
    return replacement if replacement.isascii() else "?"


def _in_blocks(char: str) -> str:
    if char in _CP437_SIGNS or _is_cp437(char):
        return char
    replacement = char.translate(_BLOCKS)
    return replacement if replacement != char else "?"


def _is_cp437(char: str) -> bool:
    try:
        char.encode("cp437")
    except UnicodeEncodeError:
        return False
    return True
