"""The lines of a family tree that stand before a name: `├─`, `└─` and what leads past them. Pure."""

from __future__ import annotations

from babytrain.tui.charset import CharsetName

MOST_GENERATIONS = 5  # shown one further in each; younger ones stand where these do
_ASCII = str.maketrans({"│": "|", "├": "|", "└": "`", "─": "-"})


def branch(is_last: tuple[bool, ...], charset: CharsetName = "braille") -> str:
    """What stands before a run. `is_last`: of each generation below the root, whether it is the youngest there."""
    if not is_last:
        return ""
    shown = is_last if len(is_last) <= MOST_GENERATIONS else (*is_last[: MOST_GENERATIONS - 1], is_last[-1])
    lines = "".join("   " if last else "│  " for last in shown[:-1]) + ("└─ " if shown[-1] else "├─ ")
    return lines.translate(_ASCII) if charset == "ascii" else lines
