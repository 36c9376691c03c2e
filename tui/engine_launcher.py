"""Sessions for the screens, made with the real engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babytrain.engine.config import FIELDS
from babytrain.engine.presets import PRESETS
from babytrain.runs.folder import RunFolder
from babytrain.tui.dial_input import DialRule
from babytrain.tui.fork_input import ForkWish
from babytrain.tui.launcher import NewRun, PresetChoice, TrainingSession
from babytrain.tui.session import (
    EngineSession,
    UsageError,
    check_changes,
    check_wish,
    dial_rules,
    fork_problems,
    fork_rules,
)

if TYPE_CHECKING:
    from babytrain.tui.speaking import Author, PromptReader


class EngineLauncher:
    """Makes sessions for the screens."""

    def __init__(self, runs_dir: Path, argv: Sequence[str] = ()) -> None:
        self.runs_dir = runs_dir
        self._argv = tuple(argv)

    def presets(self) -> list[PresetChoice]:
        """The presets to choose from, default first."""
        return [PresetChoice(name, preset.summary) for name, preset in PRESETS.items()]

    def dials(self) -> Sequence[DialRule]:
        """Every dial, with the limits its setting has."""
        return dial_rules()

    def new(self, wish: NewRun) -> TrainingSession:
        """A session for a new run. Raises UsageError."""
        settings: dict[str, Any] = {}
        paths: list[str] = []
        if wish.corpus in FIELDS["corpus"].metadata["choices"]:
            settings["corpus"] = wish.corpus
        else:
            paths.append(str(Path(wish.corpus).expanduser()))
        if wish.steps is not None:
            settings["steps"] = wish.steps
        if "-" in paths:
            raise UsageError(["Standard input is the keyboard here: give a file, a folder or a glob."])
        checked = check_wish(preset=wish.preset, settings=settings, paths=paths, name=wish.name or None)
        return EngineSession(self.runs_dir, wish=checked, argv=self._argv)

    def resume(self, run_dir: Path) -> TrainingSession:
        """A session that goes on with an interrupted run."""
        return EngineSession.resuming(run_dir, {})

    def author(self, run_dir: Path, at: str) -> Author:
        """The saved model of a run; torch is loaded here. Raises UsageError."""
        from babytrain.tui.speaking import Author

        return Author(run_dir, at)

    def prompt_reader(self, run_dir: Path, context: int) -> PromptReader:
        """How a run reads what is typed. Raises UsageError."""
        from babytrain.tui.speaking import prompt_reader

        return prompt_reader(run_dir, context)

    def fork_rules(self) -> Sequence[DialRule]:
        """What a fork may have of its own, with the limits each setting has."""
        return fork_rules()

    def fork_problems(self, run_dir: Path, wish: ForkWish, *, step: int | None) -> list[str]:
        """What can be seen at once to be wrong with a fork, one sentence each."""
        return fork_problems(RunFolder(run_dir), wish.at, wish.changes, step=step)

    def fork(self, run_dir: Path, wish: ForkWish, *, read_now: bool) -> TrainingSession:
        """A session that trains a fork. Raises UsageError."""
        from babytrain.tui.descendants import ForkSession

        changes = check_changes(wish.changes)
        session = ForkSession(self.runs_dir, RunFolder(run_dir), wish.at, changes, argv=self._argv)
        if read_now:
            session.read()
        return session
