"""The last thing before the terminal: nothing leaves that its character set does not have.

Our own signs are chosen for the set (`glyphs.py`, `widgets/canvas.py`); this is for everything else on the screen:
frames, scroll bars, Textual's own widgets, and text written by others. Every replacement is as wide as the original,
so nothing moves.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from babytrain.tui.charset import CharsetName

# What code page 437 shows for its first 32 codes, which Python's codec knows as control characters.
_CP437_SIGNS = frozenset("☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼")
# What stands in for what, by replacement.
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


class CharsetFilter(LineFilter):
    """Replaces what the terminal cannot show."""

    def __init__(self, charset: CharsetName) -> None:
        super().__init__()
        self._charset = charset

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in characters that the terminal has."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(fold_text(segment.text, self._charset), segment.style, segment.control)
            for segment in segments
        ]


@lru_cache(maxsize=4096)
def fold_text(text: str, charset: CharsetName) -> str:
    """`text` in the characters of a set, at the same width; what it has no likeness of becomes `?`."""
    if charset == "braille" or text.isascii():
        return text
    if charset == "ascii":
        text = text.translate(_ASCII)
        return "".join(char if char.isascii() else "?" * get_character_cell_size(char) for char in text)
    return "".join(char if char in _CP437_SIGNS or _is_cp437(char) else _in_blocks(char) for char in text)


def _in_blocks(char: str) -> str:
    replacement = char.translate(_BLOCKS)
    return replacement if replacement != char else "?" * get_character_cell_size(char)


def _is_cp437(char: str) -> bool:
    try:
        char.encode("cp437")
    except UnicodeEncodeError:
        return False
    return True
