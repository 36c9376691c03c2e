"""A diagnosis as a sign, a word and a style, so that colour never carries it alone. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babytrain.tui.glyphs import Glyphs
from babytrain.tui.safe_text import safe_line
from babytrain.tui.wording import State

if TYPE_CHECKING:
    from babytrain.runs.events import VerdictName

FINE: frozenset[str] = frozenset({"learning", "done"})
# In these a run gets worse, or gets nowhere, unless somebody does something.
NEEDS_A_PERSON: frozenset[str] = frozenset(
    {"plateau", "lr too high", "lr too low", "overfitting", "memorising", "diverging"}
)
_ALARMING: frozenset[str] = frozenset({"diverging", "overfitting", "memorising"})
_LONGEST_VERDICT = 20


def verdict_state(verdict: VerdictName, glyphs: Glyphs) -> State:
    """How a run is doing, as its newest verdict has it."""
    word = safe_line(verdict, _LONGEST_VERDICT)
    if verdict in FINE:
        return State(glyphs.done, word, "bold $success")
    if verdict == "warming up":
        return State(glyphs.waiting, word, "bold $accent")
    if verdict in _ALARMING:
        return State(glyphs.failed, word, "bold $error")
    return State("!", word, "bold $warning")
