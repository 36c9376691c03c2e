"""The home screen: the list of runs and the commands on them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.notifications import SeverityLevel
from textual.widgets import DataTable, Static

from babytrain.runs.errors import RunsError
from babytrain.runs.store.folder import RunFolder
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in
from babytrain.tui.screens.base import ModeScreen
from babytrain.tui.screens.messages import (
    ChatRequested,
    ForkRequested,
    LettersRequested,
    NewRunRequested,
    OpenRequested,
    ResumeRequested,
    SamplesRequested,
)
from babytrain.tui.screens.thread_reads import read_runs_in_thread
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.widgets.common.full_text import FullText
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.common.runs_table import RunList, RunRow, RunsTable, run_in_full

if TYPE_CHECKING:
    from babytrain.runs.store.run_list import SummaryCache

LOOK_SECONDS = 2.0  # from one look at the folder of runs to the next, and more where one takes long
LOOK_SHARE = 20.0
_UNUSABLE = {"empty": "it never started; d deletes it", "unreadable": "its journal cannot be read"}  # by status
_NOT_RESUMABLE = {
    **_UNUSABLE,
    "training": "it is being trained right now; Enter watches it",
    "done": "it is done; `babytrain-tui resume` with more --steps goes on",
}


class HomeScreen(ModeScreen):
    """Posts messages that the app carries out. Imports that only some commands need are deferred."""

    mode: ClassVar[KeyMode] = "home"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in(*SCOPES_BY_MODE["home"]))

    def __init__(
        self,
        runs_dir: Path,
        charset: CharsetName,
        *,
        highlight: str = "",
        trash: list[Path] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(charset)
        self._runs_dir = runs_dir
        self._highlight = highlight
        self._trash: list[Path] = [] if trash is None else trash  # newest last; outlives this screen
        self._now = now
        self.loaded = False
        self._summaries: SummaryCache | None = None
        self._shown: tuple[RunList, int] | None = None  # and the minute
        self._asked_at = 0.0
        self._next_look = math.inf  # on the monotonic clock

    def compose(self) -> ComposeResult:
        """Title, table, key bar."""
        yield Static(app_title(), id="title", markup=False)
        yield Static("", id="welcome", markup=False)
        yield RunsTable(self.charset)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the list after the first frame."""
        self.query_one("#welcome").display = False
        self.query_one(RunsTable).focus()
        self.call_after_refresh(self.action_refresh_runs)
        self.set_interval(LOOK_SECONDS / 4, self._look_again)

    def _look_again(self) -> None:
        """Read what has changed since the last look, such as a run that another program trains."""
        if self.is_current and time.monotonic() >= self._next_look:
            self.action_refresh_runs()

    def full_texts(self) -> list[FullText]:
        """Everything about the highlighted run."""
        row = self._row
        run = [] if row is None else run_in_full(row, self._now(), self.charset)
        return [FullText("runs", "the run", run), FullText("title", "the program", [app_title()])]

    def action_refresh_runs(self) -> None:
        """Read the list of runs again."""
        from babytrain.runs.store.run_list import SummaryCache

        self._summaries = self._summaries or SummaryCache()
        self._asked_at, self._next_look = time.monotonic(), math.inf
        # Posted through the table, which measures its columns afterwards: a frame painted in between would stay.
        read_runs_in_thread(self.query_one(RunsTable), self._runs_dir, self._show, self._summaries)

    def _show(self, runs: RunList) -> None:
        now = time.monotonic()
        self._next_look = now + max(LOOK_SECONDS, LOOK_SHARE * (now - self._asked_at))
        shown = runs, int(self._now() // 60)
        if shown == self._shown and not self._highlight:
            return
        self._shown = shown
        table = self.query_one(RunsTable)
        table.show_rows(runs.rows, self._now())
        if self._highlight:
            table.highlight(self._highlight)
            self._highlight = ""
        welcome = self.query_one("#welcome", Static)
        own = sum(not row.is_demo for row in runs.rows)
        if runs.problem:
            welcome.update(Content.assemble((safe_line(runs.problem), "$error")))
        else:
            welcome.update(welcome_text(has_demos=len(runs.rows) > own))
        welcome.display = bool(runs.problem) or own == 0
        table.display = bool(runs.rows)
        if runs.rows and self.focused is None:
            table.focus()  # hiding a table takes its focus
        self.loaded = True
        self.refresh_bindings()

    @property
    def _row(self) -> RunRow | None:
        return self.query_one(RunsTable).highlighted if self.is_mounted else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable the commands that apply to the highlighted run."""
        if action in ("open_run", "browse_samples", "letters", "read_in_full"):
            return self._row is not None
        if action in ("resume_run", "fork_run", "delete_run", "chat"):
            return self._row is not None and not self._row.is_demo
        if action == "undo_delete":
            return bool(self._trash)
        return super().check_action(action, parameters)

    @on(DataTable.RowHighlighted)
    def _highlight_changed(self) -> None:
        self.refresh_bindings()

    @on(DataTable.RowSelected)
    def action_open_run(self) -> None:
        """Replay or watch the highlighted run."""
        row = self._row
        if row is None:
            return
        if row.summary.status in _UNUSABLE:
            why = _UNUSABLE[row.summary.status].partition(";")[0]
            self._say(f"There is nothing to show of {row.summary.name}: {why}. d deletes it.")
        else:
            self.post_message(OpenRequested(row))

    def action_new_run(self) -> None:
        """Open the new-run dialog."""
        self.post_message(NewRunRequested())

    def action_resume_run(self) -> None:
        """Resume the highlighted run."""
        row = self._row
        if row is None or row.folder is None:
            return
        why = _NOT_RESUMABLE.get(row.summary.status, "" if row.can_resume else "it has no checkpoint to go on from")
        if why:
            self._say(f"{row.summary.name} cannot be resumed: {why}.")
        else:
            self.post_message(ResumeRequested(row.folder.path))

    def action_fork_run(self) -> None:
        """Fork the highlighted run. Its folder is only read, so it may be training in another process."""
        row = self._row
        if row is None or row.folder is None:
            return
        if row.summary.status in _UNUSABLE:
            self._say(f"{row.summary.name} cannot be forked: {_UNUSABLE[row.summary.status]}.")
        else:
            self.post_message(ForkRequested(row.folder.path, row.summary.name))

    def action_browse_samples(self) -> None:
        """Show all samples of the highlighted run."""
        self._open_overlay(SamplesRequested, "wrote")

    def action_letters(self) -> None:
        """Show the letter board of the highlighted run."""
        self._open_overlay(LettersRequested, "learnt")

    def _open_overlay(self, request: type[SamplesRequested | LettersRequested], verb: str) -> None:
        row = self._row
        if row is None:
            return
        if row.summary.status in _UNUSABLE:
            self._say(f"{row.summary.name} {verb} nothing that can be read.")
        else:
            self.post_message(request(journal=row.journal, folder=row.folder.path if row.folder else None))

    def action_chat(self) -> None:
        """Chat with the best checkpoint of the highlighted run."""
        row = self._row
        folder = row.folder if row is not None else None
        if row is not None and folder is not None:
            self.post_message(ChatRequested(row.summary.name, lambda: folder.path))

    def action_delete_run(self) -> None:
        """Move the highlighted run to the trash, after confirmation."""
        from babytrain.tui.screens.dialogs.question import ConfirmScreen

        row = self._row
        folder = row.folder if row is not None else None
        if row is None or folder is None:
            return

        def done(agreed: bool | None) -> None:
            if agreed:
                self._delete(folder)

        question = f"Delete {safe_line(row.summary.name)}?"
        self.app.push_screen(ConfirmScreen(question, "It goes to the trash folder; u brings it back.", "Delete"), done)

    def _delete(self, folder: RunFolder) -> None:
        from babytrain.runs.store.run_list import delete_run

        try:
            self._trash.append(delete_run(self._runs_dir, folder))
        except RunsError as error:
            self._say(str(error), severity="error")
            return
        self._say(f"{folder.name} is in the trash; u brings it back.")
        self.action_refresh_runs()

    def action_undo_delete(self) -> None:
        """Restore the run deleted last."""
        from babytrain.runs.store.run_list import restore_run

        if not self._trash:
            return
        try:
            folder = restore_run(self._trash[-1])
        except RunsError as error:
            self._say(str(error), severity="error")
            return
        self._trash.pop()
        self._highlight = f"run:{folder.run_id}"
        self._say(f"{folder.name} is back.")
        self.action_refresh_runs()

    def _say(self, text: str, severity: SeverityLevel = "information") -> None:
        self.notify(safe_line(text), severity=severity, markup=False, timeout=6)


def app_title() -> Content:
    """The program's name and its purpose."""
    return Content.assemble(
        ("babytrain", "bold $primary"),
        ("   train a small language model and watch it grow up", "$foreground 60% italic"),
    )


def welcome_text(*, has_demos: bool) -> Content:
    """What to press when the list is empty."""
    key = "bold $primary"
    lines: list[str | tuple[str, str]] = [("No runs yet.", "bold"), "\n\nPress ", ("n", key), " and then "]
    lines += [
        ("Enter", key),
        ": a baby of 0.8 million parameters learns to write haiku, in a minute or two, on any laptop.",
    ]
    if has_demos:
        lines += ["\n\nOr press ", ("Enter", key), " on a demo below: a recorded run, to watch, pause and wind back."]
    return Content.assemble(*lines)
