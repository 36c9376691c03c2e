"""A fork from the screen: ask how, check it, and where this program trains the original, stop that in order.

The checkpoint is read before the run is stopped: one that is damaged costs nothing, and the tidying that comes with the
last checkpoint of the run cannot take it away. Only `last` is read afterwards, because stopping saves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App

from babytrain.runs.folder import RunFolder
from babytrain.runs.places import list_places
from babytrain.tui.charset import CharsetName
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.validation import fork_rules
from babytrain.tui.fork_input import ForkRequest
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.safe_text import safe_line
from babytrain.tui.screens.ask import ConfirmScreen, TellScreen
from babytrain.tui.screens.fork import LONGEST_NAME, ForkScreen


class ForkFlow:
    """Opens the dialog of a fork. `running` says which session trains now; `show` opens the screen of another one."""

    def __init__(
        self,
        app: App[Any],
        client: EngineClient,
        charset: CharsetName,
        *,
        running: Callable[[], TrainingSession | None],
        show: Callable[[TrainingSession], None],
    ) -> None:
        self._next: TrainingSession | None = None  # waits for the run before it to be saved
        self._app = app
        self._client = client
        self._glyphs = GLYPHS[charset]
        self._running = running
        self._show = show

    def take_next(self) -> TrainingSession | None:
        """The fork that waited for the run before it to be saved, if one did. It is the caller's from now on."""
        waiting, self._next = self._next, None
        return waiting

    def ask(self, folder: Path, name: str) -> None:
        """Open the dialog for the run in a folder."""
        if self._next is not None:
            self._app.notify("A fork begins as soon as this run is saved.", markup=False, timeout=4)
            return
        shown = safe_line(name, LONGEST_NAME)
        places = list_places(RunFolder(folder))
        screen = ForkScreen(
            shown,
            fork_rules(),
            places,
            lambda request: self._client.fork_problems(folder, request.at, request.changes, step=self._step()),
            self._glyphs,
        )

        def done(typed: str | None) -> None:
            if typed is not None:
                self._go(folder, shown, screen.request(typed))

        self._app.push_screen(screen, done)

    def _step(self) -> int | None:
        """Where the run stands that is going to be stopped."""
        running = self._running()
        if running is None:
            return None
        steps = running.feed.steps
        return int(steps.step[steps.count - 1]) if steps.count else 0

    def _go(self, folder: Path, name: str, request: ForkRequest) -> None:
        if self._running() is None:
            self._app.run_worker(self._open(folder, request), group="fork")
            return

        def done(agreed: bool | None) -> None:
            if agreed:
                self._app.run_worker(self._open(folder, request), group="fork", exclusive=True)

        detail = "This run is saved and stops, the fork goes on in its place. It can be resumed to the bit."
        self._app.push_screen(ConfirmScreen(f"Stop {name} and train the fork?", detail=detail), done)

    async def _open(self, folder: Path, request: ForkRequest) -> None:
        """Make the session; stop what trains now, if something does."""
        running = self._running()
        read_now = running is not None and request.at != "last"
        try:
            session = await asyncio.to_thread(self._client.fork, folder, request.at, request.changes, read_now=read_now)
        except UsageError as error:
            self._app.push_screen(TellScreen("It cannot be forked", str(error)))
            return
        running = self._running()  # it may have come to its end meanwhile
        if running is None:
            self._show(session)
            return
        self._next = session
        self._app.notify("Saving this run; then the fork begins.", markup=False, timeout=4)
        running.feed.ask("stop")
