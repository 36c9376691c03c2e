"""Journals and the list of runs, read in a thread: no disk holds up the screen, or what trains below it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App
from textual.dom import DOMNode

from babytrain.tui.engine_client.errors import read_problem
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.widgets.common.runs_table import RunList, read_rows

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunState

Result = TypeVar("Result")


def read_in_thread(
    node: DOMNode, problem: str, read: Callable[[], Result], show: Callable[[Result], None], fail: Callable[[str], None]
) -> None:
    """Call `read` in a thread, so that no disk holds up the screen, and then `show` the result.

    What `read` raises goes to `fail` as a sentence that begins with `problem` where nobody foresaw it. Both are called
    as messages of the node. A newer call for it replaces this one, and nothing happens once it has been removed.
    """

    async def work() -> None:
        try:
            result = await asyncio.to_thread(read)
        except Exception as error:  # noqa: BLE001 - the app, and what it trains, must not end with a worker
            node.call_later(fail, read_problem(problem, error))
            return
        node.call_later(show, result)

    node.run_worker(work(), group="read", exclusive=True)


def read_journal_in_thread(app: App[Any], journal: Path, show: Callable[[RunState], None]) -> None:
    """Read `journal` and then `show` the run, or say why it cannot be read.

    Nothing is shown to somebody who went to another screen meanwhile, or who asked for something else to be read.
    """
    from babytrain.runs.journal import load_state

    below = app.screen

    def show_if_still_there(state: RunState) -> None:
        if app.screen is below:
            show(state)

    def notify(sentence: str) -> None:
        app.notify(safe_line(sentence), severity="error", markup=False)

    read_in_thread(app, "The run cannot be read", lambda: load_state(journal), show_if_still_there, notify)


def read_runs_in_thread(node: DOMNode, runs_dir: Path, show: Callable[[RunList], None]) -> None:
    """Read the list of runs and then `show` it, an empty one with its problem where it cannot be read."""

    def fail(sentence: str) -> None:
        show(RunList((), sentence))

    read_in_thread(node, "The runs cannot be read", lambda: read_rows(runs_dir), show, fail)
