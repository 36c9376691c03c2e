"""From a journal on disk to a screen of its run: read in a thread, so that a long one holds up nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App

from babytrain.runs.journal import load_state
from babytrain.runs.state.run_state import RunState
from babytrain.tui.engine_client.errors import read_problem
from babytrain.tui.terminal.safe_text import safe_line


def show_after_reading(app: App[Any], journal: Path, show: Callable[[RunState], None]) -> None:
    """Read `journal` and then `show` the run, or say why it cannot be read.

    Nothing is shown to somebody who went to another screen meanwhile, or who asked for something else to be read.
    """
    app.run_worker(_read(app, journal, show), group="journal", exclusive=True)


async def _read(app: App[Any], journal: Path, show: Callable[[RunState], None]) -> None:
    below = app.screen
    try:
        state = await asyncio.to_thread(load_state, journal)
    except Exception as error:  # noqa: BLE001 - the edge of a worker: the app, and what it trains, must not end with it
        problem = read_problem("The run cannot be read", error)
        app.notify(safe_line(problem), severity="error", markup=False)
        return
    if app.screen is below:
        show(state)
