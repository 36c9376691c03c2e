"""The home screen: every run, what can be done with it, and a sentence for those who have none yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

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
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.common.runs_table import RunList, RunRow, RunsTable

_MAX_NAME = 40
_UNUSABLE = {"empty": "it never started; d deletes it", "unreadable": "its journal cannot be read"}  # by status
_NOT_RESUMABLE = {
    **_UNUSABLE,
    "training": "it is being trained right now; Enter watches it",
    "done": "it is done; `babytrain-tui resume` with more --steps goes on",
}


class HomeScreen(ModeScreen):
    """Posts what the person asks for; the app does it. What only some keys need is imported when they are pressed."""

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

    def compose(self) -> ComposeResult:
        """Name, table, footer."""
        yield Static(app_title(), id="title", markup=False)
        yield Static("", id="welcome", markup=False)
        yield RunsTable(self.charset)
        yield KeyBar()

    def on_mount(self) -> None:
        """The list is read after the first frame."""
        self.query_one("#welcome").display = False
        self.query_one(RunsTable).focus()
        self.call_after_refresh(self.action_refresh_runs)

    def action_refresh_runs(self) -> None:
        """Read the runs again."""
        # As a message of the table, which measures its columns after it: a frame painted in between would stay.
        read_runs_in_thread(self.query_one(RunsTable), self._runs_dir, self._show)

    def _show(self, runs: RunList) -> None:
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
            table.focus()  # a hidden table loses it
        self.loaded = True
        self.refresh_bindings()

    @property
    def _row(self) -> RunRow | None:
        """The highlighted run."""
        return self.query_one(RunsTable).highlighted if self.is_mounted else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what makes sense for the highlighted run."""
        if action in ("open_run", "browse_samples", "letters"):
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
        """Replay it or watch it."""
        row = self._row
        if row is None:
            return
        if row.summary.status in _UNUSABLE:
            why = _UNUSABLE[row.summary.status].partition(";")[0]
            self._say(f"There is nothing to show of {row.summary.name}: {why}. d deletes it.")
        else:
            self.post_message(OpenRequested(row))

    def action_new_run(self) -> None:
        """Ask what to train."""
        self.post_message(NewRunRequested())

    def action_resume_run(self) -> None:
        """Go on training it."""
        row = self._row
        if row is None or row.folder is None:
            return
        why = _NOT_RESUMABLE.get(row.summary.status, "" if row.can_resume else "it has no checkpoint to go on from")
        if why:
            self._say(f"{row.summary.name} cannot be resumed: {why}.")
        else:
            self.post_message(ResumeRequested(row.folder.path))

    def action_fork_run(self) -> None:
        """A new run from one of its checkpoints. The original is only read, so it may be in training elsewhere."""
        row = self._row
        if row is None or row.folder is None:
            return
        if row.summary.status in _UNUSABLE:
            self._say(f"{row.summary.name} cannot be forked: {_UNUSABLE[row.summary.status]}.")
        else:
            self.post_message(ForkRequested(row.folder.path, row.summary.name))

    def action_browse_samples(self) -> None:
        """Everything the highlighted run wrote."""
        self._open_overlay(SamplesRequested, "wrote")

    def action_letters(self) -> None:
        """Which letters the model of the highlighted run knows."""
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
        """Talk to the best model the highlighted run saved."""
        row = self._row
        folder = row.folder if row is not None else None
        if row is not None and folder is not None:
            self.post_message(ChatRequested(row.summary.name, lambda: folder.path))

    def action_delete_run(self) -> None:
        """Into the trash, after a question."""
        from babytrain.tui.screens.dialogs.question import ConfirmScreen

        row = self._row
        folder = row.folder if row is not None else None
        if row is None or folder is None:
            return

        def done(agreed: bool | None) -> None:
            if agreed:
                self._delete(folder)

        question = f"Delete {safe_line(row.summary.name, _MAX_NAME)}?"
        self.app.push_screen(ConfirmScreen(question, "It goes to the trash folder; u brings it back.", "Delete"), done)

    def _delete(self, folder: RunFolder) -> None:
        from babytrain.runs.store.run_list import delete_run

        try:
            self._trash.append(delete_run(folder))
        except RunsError as error:
            self._say(str(error), severity="error")
            return
        self._say(f"{folder.name} is in the trash; u brings it back.")
        self.action_refresh_runs()

    def action_undo_delete(self) -> None:
        """Bring back what was deleted last."""
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
    """The program and what it is for."""
    return Content.assemble(
        ("babytrain", "bold $primary"),
        ("   train a small language model and watch it grow up", "$foreground 60% italic"),
    )


def welcome_text(*, has_demos: bool) -> Content:
    """What to press when there is nothing yet."""
    key = "bold $primary"
    lines: list[str | tuple[str, str]] = [("No runs yet.", "bold"), "\n\nPress ", ("n", key), " and then "]
    lines += [
        ("Enter", key),
        ": a baby of 0.8 million parameters learns to write haiku, in a minute or two, on any laptop.",
    ]
    if has_demos:
        lines += ["\n\nOr press ", ("Enter", key), " on a demo below: a recorded run, to watch, pause and wind back."]
    return Content.assemble(*lines)
