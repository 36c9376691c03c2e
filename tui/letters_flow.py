"""From a wish to see the letters of a run to their screen. What the screen needs is imported here."""

from __future__ import annotations

from typing import Any

from textual.app import App

from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.journal_flow import show_when_read
from babytrain.tui.messages import LettersWanted
from babytrain.tui.screens.letters import LettersScreen


class LettersFlow:
    """Opens the letter board."""

    def __init__(self, app: App[Any], charset: CharsetName) -> None:
        self._app = app
        self._charset = charset

    def show(self, wanted: LettersWanted) -> None:
        """Of a run in memory at once, of one on disk as soon as it was read."""

        def show(moment: Moment) -> None:
            self._app.push_screen(LettersScreen(moment, self._charset, folder=wanted.folder))

        if wanted.moment is not None:
            show(wanted.moment)
        elif wanted.journal is not None:
            show_when_read(self._app, wanted.journal, lambda state: show(state.at()))
