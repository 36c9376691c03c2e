"""From a wish to see the letters of a run to their screen. What the screen needs is imported here."""

from __future__ import annotations

import asyncio
from typing import Any

from textual.app import App

from babytrain.runs.errors import RunsError
from babytrain.runs.journal import load_state
from babytrain.tui.charset import CharsetName
from babytrain.tui.messages import LettersWanted
from babytrain.tui.safe_text import safe_line
from babytrain.tui.screens.letters import LettersScreen


class LettersFlow:
    """Opens the letter board; a journal is read in a thread first."""

    def __init__(self, app: App[Any], charset: CharsetName) -> None:
        self._app = app
        self._charset = charset

    def show(self, wanted: LettersWanted) -> None:
        """Of a run in memory at once, of one on disk as soon as it was read."""
        if wanted.moment is not None:
            self._app.push_screen(LettersScreen(wanted.moment, self._charset, folder=wanted.folder))
        elif wanted.journal is not None:
            self._app.run_worker(self._read(wanted), group="letters", exclusive=True)

    async def _read(self, wanted: LettersWanted) -> None:
        assert wanted.journal is not None
        below = self._app.screen
        try:
            state = await asyncio.to_thread(load_state, wanted.journal)
        except RunsError as error:
            self._app.notify(safe_line(str(error)), severity="error", markup=False)
            return
        if self._app.screen is below:  # nobody went elsewhere meanwhile
            self._app.push_screen(LettersScreen(state.at(), self._charset, folder=wanted.folder))
