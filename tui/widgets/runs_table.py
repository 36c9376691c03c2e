"""The table of runs. Columns come and go with the width; the name and the state are always there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from babytrain.tui.branches import branch
from babytrain.tui.charset import CharsetName
from babytrain.tui.glyphs import GLYPHS, Glyphs
from babytrain.tui.run_rows import RunRow
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.units import format_compact, format_count, format_loss
from babytrain.tui.wording import State, format_ago, status_of

# In the order in which they stand; the numbers say which goes last when the terminal gets narrower.
COLUMNS: dict[str, int] = {"run": 0, "state": 1, "steps": 3, "best val": 2, "corpus": 6, "params": 5, "when": 4}
RIGHT_ALIGNED = frozenset({"steps", "best val", "params"})
WIDE = 100
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
        super().__init__(id="runs", cursor_type="row", zebra_stripes=False, cell_padding=2)
        self._charset: CharsetName = charset
        self._rows: tuple[RunRow, ...] = ()
        self._now = 0.0
        self._filled_width = -1

    def on_mount(self) -> None:
        """The cells carry colours of the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

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
        if self._rows and self.size.width != self._filled_width:
            self._fill()

    def _fill(self) -> None:
        current = self.highlighted
        self._filled_width = self.size.width
        self.cell_padding = 2 if self.size.width >= WIDE else 1
        colours = self.app.theme_variables
        cells = [run_cells(row, self._now, self._charset, colours) for row in self._rows]
        self.clear(columns=True)
        headings = fitting_columns(cells, self.size.width, self.cell_padding)
        for heading in headings:
            self.add_column(Text(heading, justify="right" if heading in RIGHT_ALIGNED else "left"), key=heading)
        for row, texts in zip(self._rows, cells, strict=True):
            self.add_row(*(texts[heading] for heading in headings), key=row.key)
        if current is not None:
            self.highlight(current.key)


def fitting_columns(cells: Sequence[dict[str, Text]], width: int, padding: int) -> list[str]:
    """The columns that fit side by side, the important ones first chosen; the first two are always there."""
    chosen: list[str] = []
    room = width
    for heading in sorted(COLUMNS, key=COLUMNS.__getitem__):
        room -= max([len(heading), *(row[heading].cell_len for row in cells)]) + 2 * padding
        if room < 0 and len(chosen) >= 2:
            break
        chosen.append(heading)
    return [heading for heading in COLUMNS if heading in chosen]


def run_cells(row: RunRow, now: float, charset: CharsetName, colours: Mapping[str, str]) -> dict[str, Text]:
    """What stands in each column for a run. Everything from outside is made safe here."""
    glyphs = GLYPHS[charset]
    state = row_state(row, glyphs)
    steps = f"{format_count(row.step)}/{format_count(row.total_steps)}" if row.total_steps else "–"
    name = Text(safe_line(row.name, LONGEST_NAME), style="bold")
    if row.kinship:
        where = f" @{format_count(row.parent_step)}" if row.kinship == "fork" else ""
        name = Text.assemble(
            (branch(row.is_last, charset), "dim"),
            (safe_line(row.name, LONGEST_NAME - 7), "bold"),
            (f"  {row.kinship}{where}", "italic dim"),
        )
    if row.is_demo:
        name = Text.assemble((safe_line(row.name, LONGEST_NAME - 7), "bold"), ("  demo", "italic dim"))
    return {
        "run": name,
        "state": Text.assemble((state.symbol, _rich_style(state.style, colours)), f" {state.word}"),
        "steps": Text(steps, justify="right"),
        "best val": Text(format_loss(row.best_val_loss), justify="right"),
        "corpus": Text(safe_line(row.corpus, LONGEST_CORPUS)),
        "params": Text(format_compact(row.parameters) if row.parameters else "–", justify="right"),
        "when": Text(format_ago(now - row.started_wall_time) if row.started_wall_time and not row.is_demo else "–"),
    }


def row_state(row: RunRow, glyphs: Glyphs) -> State:
    """The state of a run in a list."""
    if row.status == "empty":
        return State(glyphs.waiting, "never started", "$foreground 60%")
    if row.status == "unreadable":
        return State(glyphs.failed, "unreadable", "$error")
    if row.status == "interrupted" and not row.is_demo and not row.can_resume:
        return State(glyphs.stopped, "stopped", "$warning")
    return status_of(row.status, glyphs)


def _rich_style(style: str, colours: Mapping[str, str]) -> str:
    """A style that names a colour of the theme (`bold $success`), with the colour itself; faint ones stay plain."""
    words = style.split()
    name = words[-1].removeprefix("$")
    return " ".join([*words[:-1], colours[name]]) if words[-1].startswith("$") and name in colours else ""
