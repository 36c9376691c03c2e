"""The signs of the screen besides letters, in the three character sets a terminal may have, and the lines of a tree of
runs.

Charts have their own signs (`charts/canvas.py`). The middle set is what code page 437, the font of a Linux console,
can show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from babytrain.tui.terminal.charset import CharsetName


@dataclass(frozen=True)
class Glyphs:
    """One sign for each thing that has one. Every sign is one column wide."""

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
    caret: str  # where a text is being written
    bar_full: str
    bar_tip: str
    bar_rest: str
    tick: str  # an event on the replay bar
    head: str  # where the replay stands


# Each sign in the character sets "braille", "blocks" and "ascii".
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
MAX_TREE_INDENTS = 5  # shown one further in each; younger ones stand where these do
_ASCII_TREE = str.maketrans({"│": "|", "├": "|", "└": "`", "─": "-"})


def tree_prefix(is_last: tuple[bool, ...], charset: CharsetName = "braille") -> str:
    """What stands before a run. `is_last`: of each generation below the root, whether it is the youngest there."""
    if not is_last:
        return ""
    shown = is_last if len(is_last) <= MAX_TREE_INDENTS else (*is_last[: MAX_TREE_INDENTS - 1], is_last[-1])
    lines = "".join("   " if last else "│  " for last in shown[:-1]) + ("└─ " if shown[-1] else "├─ ")
    return lines.translate(_ASCII_TREE) if charset == "ascii" else lines
