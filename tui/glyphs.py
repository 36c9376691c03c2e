"""The signs the screen uses besides letters, in the three character sets a terminal may have.

The chart brings its own (`widgets/canvas.py`), frames follow by `charset_filter.py`; these are for words and bars. The
middle set is what code page 437, the font of a bare Linux console, can show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from babytrain.tui.charset import CharsetName


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
