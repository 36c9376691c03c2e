"""A small dialog: choose a run from the list of runs, to be held against the one on the screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from babytrain.tui.engine_client.errors import read_problem
from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.formatting import format_count, format_loss
from babytrain.tui.widgets.common.runs_table import RunList, RunRow, read_rows, row_status_label

_MAX_NAME = 30


class ChooseRunScreen(ModalScreen[RunRow | None]):
    """Dismissed with the row of a run, None when it was cancelled. `wanted` says which rows are offered."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("dialog", "picture"))

    def __init__(self, question: str, runs_dir: Path, glyphs: Glyphs, wanted: Callable[[RunRow], bool]) -> None:
        super().__init__(classes="dialog")
        self._question = question
        self._runs_dir = runs_dir
        self._glyphs = glyphs
        self._wanted = wanted
        self.rows: list[RunRow] = []

    def compose(self) -> ComposeResult:
        """The question and the list."""
        with Vertical(classes="box"):
            yield Label(safe_content(self._question), classes="question")
            yield Label("Reading the runs.", classes="detail", id="state")
            yield OptionList(id="choices", compact=True, markup=False)

    def on_mount(self) -> None:
        """The list is read in a thread; the dialog does not wait for a disk."""
        self.query_one("#choices").focus()
        self.query_one("#choices").display = False
        runs_dir = self._runs_dir
        self.run_worker(lambda: read_rows(runs_dir), thread=True, exit_on_error=False, group="rows")

    @on(Worker.StateChanged)
    def _read(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.SUCCESS and isinstance(event.worker.result, RunList):
            self._show(event.worker.result)
        elif event.worker.error is not None:
            problem = read_problem("The runs cannot be read", event.worker.error)
            self.query_one("#state", Label).update(safe_content(problem))

    def _show(self, runs: RunList) -> None:
        self.rows = [
            row for row in runs.rows if row.summary.status not in ("empty", "unreadable") and self._wanted(row)
        ]
        choices = self.query_one("#choices", OptionList)
        choices.add_options([Option(safe_content(self._line(row), one_line=True)) for row in self.rows])
        state = self.query_one("#state", Label)
        choices.display = bool(self.rows)
        if self.rows:
            choices.highlighted = 0
            choices.focus()
            state.update("enter chooses, esc leaves it")
        else:
            state.update(safe_content(runs.problem or "There is no other run yet."))

    def _line(self, row: RunRow) -> str:
        state = row_status_label(row, self._glyphs)
        loss = "" if row.summary.best_val_loss is None else f"   val {format_loss(row.summary.best_val_loss)}"
        name = safe_line(row.summary.name, _MAX_NAME) + ("  demo" if row.is_demo else "")
        return f"{state.symbol} {name:<18}  step {format_count(row.summary.step)}{loss}"

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.rows[event.option_index])

    def action_cancel(self) -> None:
        """Close without one."""
        self.dismiss(None)
