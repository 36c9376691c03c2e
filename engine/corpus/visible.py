"""Text made safe to put in a sentence: nothing in it that a terminal could obey."""

from __future__ import annotations


def visible(text: str) -> str:
    """`text` on one line: escapes for control characters and raw bytes, a bent arrow for a line break."""
    return "".join(char if char.isprintable() else "⏎" if char == "\n" else ascii(char)[1:-1] for char in text)
