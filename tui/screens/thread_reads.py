"""Journals and the list of runs, read in worker threads so that disk I/O never blocks the screen."""

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
    from babytrain.runs.store.folder import RunFolder
    from babytrain.runs.store.summary import RunSummary

Result = TypeVar("Result")


def read_in_thread(
    node: DOMNode, problem: str, read: Callable[[], Result], show: Callable[[Result], None], fail: Callable[[str], None]
) -> None:
    """Call `read` in a worker thread, then `show` with the result, or `fail` with a sentence. The sentence of an
    unexpected exception begins with `problem`. Both run as messages of the node. A newer call for the node replaces
    this one, and nothing is called after the node was removed."""

    async def work() -> None:
        try:
            result = await asyncio.to_thread(read)
        except Exception as error:  # noqa: BLE001 - a failed worker must not end the app and its training
            node.call_later(fail, read_problem(problem, error))
            return
        node.call_later(show, result)

    node.run_worker(work(), group="read", exclusive=True)


def read_journal_in_thread(app: App[Any], journal: Path, show: Callable[[RunState], None]) -> None:
    """Read `journal`, then `show` the run or report why it cannot be read; not if another screen is shown by then."""
    from babytrain.runs.journal import load_state

    below = app.screen

    def show_if_still_there(state: RunState) -> None:
        if app.screen is below:
            show(state)

    def notify(sentence: str) -> None:
        app.notify(safe_line(sentence), severity="error", markup=False)

    read_in_thread(app, "The run cannot be read", lambda: load_state(journal), show_if_still_there, notify)


def read_runs_in_thread(
    node: DOMNode,
    runs_dir: Path,
    show: Callable[[RunList], None],
    summarize: Callable[[RunFolder], RunSummary] | None = None,
) -> None:
    """Read the list of runs and `show` it; an empty one with its problem if it cannot be read."""

    def fail(sentence: str) -> None:
        show(RunList((), sentence))

    read_in_thread(node, "The runs cannot be read", lambda: read_rows(runs_dir, summarize), show, fail)
