"""The table of runs. Columns come and go with the width; the name and the state are always there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from babytrain.tui.glyphs import GLYPHS, Glyphs
from babytrain.tui.run_rows import RunRow
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.canvas import CharsetName
from babytrain.tui.widgets.units import format_compact, format_count, format_loss
from babytrain.tui.wording import State, format_ago, status_of

# heading, from which table width on, right-aligned
COLUMNS: tuple[tuple[str, int, bool], ...] = (
    ("run", 0, False),
    ("state", 0, False),
    ("steps", 58, True),
    ("best val", 46, True),
    ("corpus", 84, False),
    ("params", 74, True),
    ("when", 66, False),
)
LONGEST_NAME = 24
LONGEST_CORPUS = 18


class RunsTable(DataTable[Text], inherit_bindings=False):
    """One run a row; the screen binds what can be done with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", show=False),
        Binding("down", "cursor_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home", "scroll_top", show=False),
        Binding("end", "scroll_bottom", show=False),
    ]

    def __init__(self, charset: CharsetName = "braille") -> None:
        super().__init__(id="runs", cursor_type="row", zebra_stripes=False, cell_padding=1)
        self._glyphs = GLYPHS[charset]
        self._rows: tuple[RunRow, ...] = ()
        self._now = 0.0
        self._headings: tuple[str, ...] = ()

    def show_rows(self, rows: Sequence[RunRow], now: float) -> None:
        """Show these runs, the cursor staying on the run it was on. `now` is Unix seconds."""
        self._rows, self._now = tuple(rows), now
        self._fill()

    @property
    def highlighted(self) -> RunRow | None:
        """The run the cursor is on."""
        if 0 <= self.cursor_row < len(self._rows):
            return self._rows[self.cursor_row]
        return None

    def highlight(self, key: str) -> None:
        """Put the cursor on a run, if it is there."""
        for index, row in enumerate(self._rows):
            if row.key == key:
                self.move_cursor(row=index)

    def on_resize(self) -> None:
        """Other columns may fit."""
        if self._fitting() != self._headings:
            self._fill()

    def _fitting(self) -> tuple[str, ...]:
        return tuple(heading for heading, width, _ in COLUMNS if self.size.width >= width)

    def _fill(self) -> None:
        current = self.highlighted
        self.clear(columns=True)
        self._headings = self._fitting()
        right = {heading for heading, _, is_right in COLUMNS if is_right}
        for heading in self._headings:
            self.add_column(Text(heading, justify="right" if heading in right else "left"), key=heading)
        for row in self._rows:
            cells = run_cells(row, self._now, self._glyphs)
            for heading in right:
                cells[heading].justify = "right"
            self.add_row(*(cells[heading] for heading in self._headings), key=row.key)
        if current is not None:
            self.highlight(current.key)


def run_cells(row: RunRow, now: float, glyphs: Glyphs) -> dict[str, Text]:
    """What stands in each column for a run. Everything from outside is made safe here."""
    state = row_state(row, glyphs)
    steps = f"{format_count(row.step)}/{format_count(row.total_steps)}" if row.total_steps else "–"
    name = Text(safe_line(row.name, LONGEST_NAME), style="bold")
    if row.is_demo:
        name = Text.assemble((safe_line(row.name, LONGEST_NAME - 7), "bold"), ("  demo", "italic dim"))
    return {
        "run": name,
        "state": Text(f"{state.symbol} {state.word}"),
        "steps": Text(steps),
        "best val": Text(format_loss(row.best_val_loss)),
        "corpus": Text(safe_line(row.corpus, LONGEST_CORPUS)),
        "params": Text(format_compact(row.parameters) if row.parameters else "–"),
        "when": Text(format_ago(now - row.started_wall_time) if row.started_wall_time and not row.is_demo else "–"),
    }


def row_state(row: RunRow, glyphs: Glyphs) -> State:
    """The state of a run in a list."""
    if row.status == "empty":
        return State(glyphs.waiting, "never started", "$text-muted")
    if row.status == "unreadable":
        return State(glyphs.failed, "unreadable", "$error")
    if row.status == "interrupted" and not row.is_demo and not row.can_resume:
        return State(glyphs.stopped, "stopped", "$warning")
    return status_of(row.status, glyphs)
