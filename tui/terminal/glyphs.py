"""The symbols of the screen in the three character sets, and the lines of a tree of runs.

"blocks" has the characters of code page 437, the font of a Linux console. For charts see `charts/canvas.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from babytrain.tui.terminal.charset import CharsetName


@dataclass(frozen=True)
class Glyphs:
    """Symbols, each one column wide."""

    running: str
    waiting: str
    paused: str
    playing: str
    done: str
    failed: str
    stopped: str
    best: str
    milestone: str
    dot: str  # between two facts
    times: str
    arrow: str
    range: str  # between the ends of a range
    ellipsis: str
    caret: str  # end of a text being generated
    bar_full: str
    bar_tip: str
    bar_rest: str
    tick: str  # an event on the replay bar
    head: str  # position of the replay


# Name and symbol in "braille", "blocks" and "ascii".
_SIGNS: tuple[tuple[str, str, str, str], ...] = (
    ("running", "●", "•", "*"),
    ("waiting", "◌", "○", "."),
    ("paused", "‖", "║", "="),
    ("playing", "▶", "►", ">"),
    ("done", "✓", "√", "+"),
    ("failed", "✗", "X", "X"),
    ("stopped", "■", "■", "#"),
    ("best", "★", "♥", "@"),
    ("milestone", "✦", "☼", "&"),
    ("dot", "·", "·", "|"),
    ("times", "×", "x", "x"),
    ("arrow", "→", "→", ">"),
    ("range", "–", "-", "-"),
    ("ellipsis", "…", "~", "~"),
    ("caret", "▌", "▌", "_"),
    ("bar_full", "━", "█", "="),
    ("bar_tip", "╸", "▌", ">"),
    ("bar_rest", "─", "░", "-"),
    ("tick", "╿", "│", "'"),
    ("head", "◉", "█", "O"),
)
_CHARSETS: tuple[CharsetName, ...] = ("braille", "blocks", "ascii")
GLYPHS: Mapping[CharsetName, Glyphs] = {
    charset: Glyphs(**{name: signs[column] for name, *signs in _SIGNS}) for column, charset in enumerate(_CHARSETS)
}
MAX_TREE_INDENTS = 5  # deeper generations are indented like this one
_ASCII_TREE = str.maketrans({"│": "|", "├": "|", "└": "`", "─": "-"})


def tree_prefix(is_last: tuple[bool, ...], charset: CharsetName = "braille") -> str:
    """The lines before a run. `is_last`: of each generation below the root, whether it is the last there."""
    if not is_last:
        return ""
    shown = is_last if len(is_last) <= MAX_TREE_INDENTS else (*is_last[: MAX_TREE_INDENTS - 1], is_last[-1])
    lines = "".join("   " if last else "│  " for last in shown[:-1]) + ("└─ " if shown[-1] else "├─ ")
    return lines.translate(_ASCII_TREE) if charset == "ascii" else lines
