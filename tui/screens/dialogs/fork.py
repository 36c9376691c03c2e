"""The fork dialog and what follows: choose a checkpoint and settings, check them, stop the training run, fork it.

The checkpoint is read before the run is stopped, so a damaged one does not end the run; only `last` is read after,
because stopping writes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual.app import App

from babytrain.runs.formatting import format_count, format_loss
from babytrain.runs.store.checkpoint_list import CheckpointSummary, summarize_checkpoints
from babytrain.runs.store.folder import RunFolder
from babytrain.tui.dials.dial_input import DialInputError, DialRule
from babytrain.tui.dials.fork_input import ForkRequest, parse_fork, setting_in_progress
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.validation import fork_rules
from babytrain.tui.screens.dialogs.question import ConfirmScreen, MessageScreen, TextInputScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS, Glyphs
from babytrain.tui.terminal.safe_text import safe_line


class ForkScreen(TextInputScreen):
    """Asks for a line such as `best lr 1e-3, steps 3000`; parse the answer with `request`. `check_request` returns
    further problems with a request, one sentence each."""

    def __init__(
        self,
        name: str,
        rules: Sequence[DialRule],
        checkpoints: Sequence[CheckpointSummary],
        check_request: Callable[[ForkRequest], Sequence[str]],
        glyphs: Glyphs,
    ) -> None:
        self._rules = tuple(rules)
        self._checkpoint_names = frozenset(
            name for checkpoint in checkpoints for name in (checkpoint.name, checkpoint.directory) if name
        )
        self._check_request = check_request
        dot = f" {glyphs.dot} "
        saved = dot.join(_checkpoint_label(checkpoint, glyphs) for checkpoint in checkpoints[-8:])
        settings = dot.join([*(rule.name for rule in rules[:14]), "more: babytrain-tui settings"])
        super().__init__(
            f"Fork {name} from which checkpoint, and how?",
            detail="best, last, a name or a step; then what is to be different. The original stays as it is.",
            placeholder="best lr 1e-3, steps 3000",
            check=self._problem,
            hint=self._setting_hint,
            below="\n".join([f"Saved: {saved or 'nothing yet'}", f"Settings: {settings}"]),
        )

    def request(self, typed: str) -> ForkRequest:
        """Parse a line. Raises DialInputError."""
        return parse_fork(typed, self._rules, self._checkpoint_names)

    def _problem(self, typed: str) -> str | None:
        try:
            problems = self._check_request(self.request(typed))
        except DialInputError as error:
            problems = error.problems
        return "\n".join(problems) or None

    def _setting_hint(self, typed: str) -> str:
        rule = setting_in_progress(typed, self._rules, self._checkpoint_names)
        return " " if rule is None else f"{rule.name}: {rule.explanation}. {rule.allowed}."


def _checkpoint_label(checkpoint: CheckpointSummary, glyphs: Glyphs) -> str:
    loss = "" if checkpoint.val_loss is None else f" (val {format_loss(checkpoint.val_loss)})"
    mark = f"{glyphs.best} " if checkpoint.is_best else ""
    return f"{mark}{checkpoint.name or format_count(checkpoint.step)}{loss}"


class ForkStarter:
    """Opens the fork dialog. `running` returns the present session; `show` opens the screen of a new one."""

    def __init__(
        self,
        app: App[Any],
        client: EngineClient,
        charset: CharsetName,
        *,
        running: Callable[[], TrainingSession | None],
        show: Callable[[TrainingSession], None],
    ) -> None:
        self._next: TrainingSession | None = None  # started once the present run is saved
        self._app = app
        self._client = client
        self._glyphs = GLYPHS[charset]
        self._running = running
        self._show = show

    def take_next(self) -> TrainingSession | None:
        """Return and clear the fork that waited for the run before it to be saved, if any."""
        waiting, self._next = self._next, None
        return waiting

    def ask(self, folder: Path, name: str) -> None:
        """Open the dialog for the run in a folder."""
        if self._next is not None:
            self._app.notify("A fork begins as soon as this run is saved.", markup=False, timeout=4)
            return
        shown = safe_line(name)
        screen = ForkScreen(
            shown,
            fork_rules(),
            summarize_checkpoints(RunFolder(folder)),
            lambda request: self._client.fork_problems(folder, request.at, request.changes, step=self._step()),
            self._glyphs,
        )

        def done(typed: str | None) -> None:
            if typed is not None:
                request = screen.request(typed)
                for note in request.notes:
                    self._app.notify(note, markup=False, timeout=8)
                self._confirm(folder, shown, request)

        self._app.push_screen(screen, done)

    def _step(self) -> int | None:
        running = self._running()
        if running is None:
            return None
        steps = running.feed.steps
        return int(steps.step[steps.count - 1]) if steps.count else 0

    def _confirm(self, folder: Path, name: str, request: ForkRequest) -> None:
        def done(agreed: bool | None) -> None:
            if agreed:
                self._app.run_worker(self._start(folder, request), group="fork", exclusive=True)

        if self._running() is None:
            done(True)
            return
        detail = "This run is saved and stops, the fork goes on in its place. It can be resumed to the bit."
        self._app.push_screen(ConfirmScreen(f"Stop {name} and train the fork?", detail), done)

    async def _start(self, folder: Path, request: ForkRequest) -> None:
        """Make the session; stop what trains now, if something does."""
        read_now = self._running() is not None and request.at != "last"
        try:
            session = await asyncio.to_thread(self._client.fork, folder, request.at, request.changes, read_now=read_now)
        except UsageError as error:
            self._app.push_screen(MessageScreen("It cannot be forked", str(error)))
            return
        running = self._running()  # it may have ended meanwhile
        if running is None:
            self._show(session)
            return
        self._next = session
        self._app.notify("Saving this run; then the fork begins.", markup=False, timeout=4)
        running.feed.ask("stop")
