"""A dialog that selects a run from the list of runs, for comparison."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from babytrain.runs.formatting import format_count, format_loss
from babytrain.tui.screens.dialogs.dialog import Dialog
from babytrain.tui.screens.thread_reads import read_runs_in_thread
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.widgets.common.runs_table import RunList, RunRow, row_status_label


class ChooseRunScreen(Dialog[RunRow]):
    """Dismissed with the row of a run; the run with the key `exclude` is not listed."""

    first_focus: ClassVar[str] = "#choices"

    def __init__(self, question: str, runs_dir: Path, glyphs: Glyphs, *, exclude: str) -> None:
        super().__init__()
        self._question = question
        self._runs_dir = runs_dir
        self._glyphs = glyphs
        self._exclude = exclude
        self.rows: list[RunRow] = []

    def compose(self) -> ComposeResult:
        """The question and the list."""
        with Vertical(classes="box"):
            yield Label(safe_content(self._question), classes="question")
            yield Label("Reading the runs.", classes="detail", id="state")
            yield OptionList(id="choices", compact=True, markup=False)

    def on_mount(self) -> None:
        """Read the list in a thread."""
        self.query_one("#choices").display = False
        read_runs_in_thread(self, self._runs_dir, self._show)

    def _show(self, runs: RunList) -> None:
        readable = [row for row in runs.rows if row.summary.status not in ("empty", "unreadable")]
        self.rows = [row for row in readable if row.key != self._exclude]
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
        name = safe_line(row.summary.name) + ("  demo" if row.is_demo else "")
        return f"{state.symbol} {name:<18}  step {format_count(row.summary.step)}{loss}"

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.rows[event.option_index])
