"""The table of runs on the home screen: the user's runs, then the bundled recordings.

`read_rows` reads every run folder and is called in a worker thread; it defers imports the first frame does not need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable

from babytrain.runs.errors import RunsError
from babytrain.runs.formatting import format_compact, format_count, format_loss
from babytrain.runs.store.folder import RunFolder
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS, Glyphs, tree_prefix
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.wording import StatusLabel, format_ago, status_label

if TYPE_CHECKING:
    from babytrain.runs.store.summary import RunSummary


@dataclass(frozen=True)
class RunRow:
    """One row. `folder` is None for a bundled recording, whose summary's path is its journal."""

    key: str
    summary: RunSummary
    folder: RunFolder | None
    relation: str = ""  # "fork", "rerun" or empty
    is_last: tuple[bool, ...] = ()  # its position in the tree, as in `RunNode`

    @property
    def is_demo(self) -> bool:
        """Whether it is a bundled recording."""
        return self.folder is None

    @property
    def journal(self) -> Path:
        """The path of its journal."""
        return self.summary.path if self.folder is None else self.folder.journal

    @property
    def can_resume(self) -> bool:
        """Whether it was interrupted and has a checkpoint."""
        return self.summary.has_checkpoint and self.summary.status in ("interrupted", "failed")


@dataclass(frozen=True)
class RunList:
    """The rows, and problems found while reading them."""

    rows: tuple[RunRow, ...]
    problem: str = ""


def read_rows(runs_dir: Path, summarize: Callable[[RunFolder], RunSummary] | None = None) -> RunList:
    """Every run, newest first, forks and reruns below their origin; then the recordings. `summarize` may remember."""
    from babytrain.runs.store.run_list import list_runs, recordings
    from babytrain.runs.store.run_tree import run_tree
    from babytrain.runs.store.summary import summarize_run

    summarize = summarize or summarize_run
    problem = ""
    summaries: list[RunSummary] = []
    try:
        summaries = list_runs(runs_dir, summarize)
    except RunsError as error:
        problem = str(error)
    rows = [
        RunRow(f"run:{node.summary.run_id}", node.summary, RunFolder(node.summary.path), node.relation, node.is_last)
        for node in run_tree(summaries)
    ]
    summaries_of_demos = ((demo, summarize(demo)) for demo in recordings())
    demos = [
        RunRow(f"demo:{demo.run_id}", replace(summary, path=demo.journal), None) for demo, summary in summaries_of_demos
    ]
    return RunList((*rows, *demos), problem)


# From left to right; columns with lower numbers are kept longer on narrow terminals.
COLUMN_PRIORITIES: dict[str, int] = {
    "run": 0,
    "state": 1,
    "steps": 3,
    "best val": 2,
    "corpus": 6,
    "params": 5,
    "when": 4,
}
RIGHT_ALIGNED = frozenset({"steps", "best val", "params"})
_WIDE_COLUMNS = 100
_MAX_NAME = 24
_MAX_CORPUS = 18


class RunsTable(DataTable[Text], inherit_bindings=False):
    """One run per row; the screen binds the commands."""

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
        """Redraw the cells when the theme changes, since they contain its colours."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill(self.highlighted))

    def show_rows(self, rows: Sequence[RunRow], now: float) -> None:
        """Show these runs and keep the cursor on its run. `now` is Unix seconds."""
        chosen = self.highlighted
        self._rows, self._now = tuple(rows), now
        self._fill(chosen)

    @property
    def highlighted(self) -> RunRow | None:
        """The run at the cursor, if any."""
        if 0 <= self.cursor_row < len(self._rows):
            return self._rows[self.cursor_row]
        return None

    def highlight(self, key: str) -> None:
        """Move the cursor to the run with `key`, if listed."""
        for index, row in enumerate(self._rows):
            if row.key == key:
                self.move_cursor(row=index)

    def on_resize(self) -> None:
        """Choose the columns again."""
        if self._rows and self.size.width != self._filled_width:
            self._fill(self.highlighted)

    def _fill(self, chosen: RunRow | None) -> None:
        """Show the rows with the cursor on `chosen`, and where that is gone, on the row that stands there now."""
        at = self.cursor_row
        self._filled_width = self.size.width
        self.cell_padding = 2 if self.size.width >= _WIDE_COLUMNS else 1
        colours = self.app.theme_variables
        cells = [run_cells(row, self._now, self._charset, colours) for row in self._rows]
        self.clear(columns=True)
        headings = fitting_columns(cells, self.size.width, self.cell_padding)
        for heading in headings:
            self.add_column(Text(heading, justify="right" if heading in RIGHT_ALIGNED else "left"), key=heading)
        for row, texts in zip(self._rows, cells, strict=True):
            self.add_row(*(texts[heading] for heading in headings), key=row.key)
        if chosen is not None:
            self.move_cursor(row=min(at, len(self._rows) - 1))
            self.highlight(chosen.key)


def fitting_columns(cells: Sequence[dict[str, Text]], width: int, padding: int) -> list[str]:
    """The columns that fit side by side, by priority; the first two are always included."""
    chosen: list[str] = []
    room = width
    for heading in sorted(COLUMN_PRIORITIES, key=COLUMN_PRIORITIES.__getitem__):
        room -= max([len(heading), *(row[heading].cell_len for row in cells)]) + 2 * padding
        if room < 0 and len(chosen) >= 2:
            break
        chosen.append(heading)
    return [heading for heading in COLUMN_PRIORITIES if heading in chosen]


def run_cells(row: RunRow, now: float, charset: CharsetName, colours: Mapping[str, str]) -> dict[str, Text]:
    """The text of each column for a run. All untrusted text is escaped here."""
    summary, state = row.summary, row_status_label(row, GLYPHS[charset])
    steps = f"{format_count(summary.step)}/{format_count(summary.total_steps)}" if summary.total_steps else "–"
    parameters = format_compact(summary.parameters) if summary.parameters else "–"
    started = summary.started_wall_time
    return {
        "run": _run_name(row, charset),
        "state": Text.assemble((state.symbol, _rich_style(state.style, colours)), f" {state.word}"),
        "steps": Text(steps, justify="right"),
        "best val": Text(format_loss(summary.best_val_loss), justify="right"),
        "corpus": Text(safe_line(summary.corpus, _MAX_CORPUS)),
        "params": Text(parameters, justify="right"),
        "when": Text(format_ago(now - started) if started and not row.is_demo else "–"),
    }


def _run_name(row: RunRow, charset: CharsetName) -> Text:
    note = row.relation
    if row.is_demo:
        note = "demo"
    elif row.relation == "fork":
        note = f"fork @{format_count(row.summary.parent_step)}"
    name = safe_line(row.summary.name, _MAX_NAME - 7 if note else _MAX_NAME)
    parts = [(tree_prefix(row.is_last, charset), "dim"), (name, "bold"), (f"  {note}" if note else "", "italic dim")]
    return Text.assemble(*(part for part in parts if part[0]))


def run_in_full(row: RunRow, now: float, charset: CharsetName) -> list[Content]:
    """Everything the list knows of a run, one fact a line."""
    cells = run_cells(row, now, charset, {})
    facts = {name: cell.plain for name, cell in cells.items()}
    facts |= {"run": safe_line(row.summary.name), "corpus": safe_line(row.summary.corpus)}
    facts |= {"id": safe_line(row.summary.run_id), "path": safe_line(str(row.summary.path))}
    if row.relation:
        facts["relation"] = cells["run"].plain.rpartition("  ")[2]
    return [Content.assemble((f"{name}  ", "$foreground 60%"), text) for name, text in facts.items()]


def row_status_label(row: RunRow, glyphs: Glyphs) -> StatusLabel:
    """The state of a run in a list."""
    status = row.summary.status
    if status == "empty":
        return StatusLabel(glyphs.waiting, "never started", "$foreground 60%")
    if status == "unreadable":
        return StatusLabel(glyphs.failed, "unreadable", "$error")
    if status == "interrupted" and not row.is_demo and not row.can_resume:
        return StatusLabel(glyphs.stopped, "stopped", "$warning")
    return status_label(status, glyphs)


def _rich_style(style: str, colours: Mapping[str, str]) -> str:
    """A style with theme colours (`bold $success`) resolved; dim styles stay as they are."""
    words = style.split()
    name = words[-1].removeprefix("$")
    return " ".join([*words[:-1], colours[name]]) if words[-1].startswith("$") and name in colours else ""
