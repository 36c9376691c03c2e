"""Screens as text, compared with files that a person can read in a diff.

`pytest tests/tui --update-golden` writes the files anew; look at the diff before believing it.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from textual.app import App

GOLDEN = Path(__file__).parent / "golden"


def screen_text(app: App[object]) -> str:
    """What the terminal shows, one line a row. The only place that touches Textual's private compositor."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


class Golden:
    """Compares a screen with `golden/NAME.txt`."""

    def __init__(self, *, update: bool) -> None:
        self._update = update

    def check(self, name: str, app: App[object]) -> None:
        """Fails with a diff where the screen is not what it was."""
        path = GOLDEN / f"{name}.txt"
        shown = screen_text(app)
        if self._update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(shown, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"There is no {path.name} yet; run pytest tests/tui --update-golden and look at it:\n{shown}")
        expected = path.read_text(encoding="utf-8")
        if shown != expected:
            diff = difflib.unified_diff(expected.splitlines(), shown.splitlines(), "golden", "screen", lineterm="")
            pytest.fail(f"{path.name} differs:\n" + "\n".join(diff), pytrace=False)
