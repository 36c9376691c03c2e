"""What the screens may ask of the rest of the program: start a training session, and nothing about how.

`session.py` implements these with the real engine; tests implement them with a script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from babytrain.runs.feed import LiveFeed
    from babytrain.tui.dial_input import DialRule
    from babytrain.tui.fork_input import ForkWish
    from babytrain.tui.talker import Author, PromptReader


@dataclass(frozen=True)
class PresetChoice:
    """One line of the new-run dialog."""

    name: str
    summary: str


@dataclass(frozen=True)
class NewRun:
    """What the new-run dialog returns; the defaults are what one Enter gives."""

    preset: str = "baby"
    corpus: str = "haiku"  # a built-in corpus, or a path / glob typed by the person
    name: str = ""
    steps: int | None = None  # None: the preset's own


class TrainingSession(Protocol):
    """One run being trained by this process. `run` blocks until training has ended and everything is saved."""

    feed: LiveFeed
    run_dir: Path | None  # known once the run folder exists
    error: str | None  # one sentence when it failed

    def run(self) -> None:
        """Train. Called in a worker thread; returns soon after `feed.stop_requested` is set. Never raises."""


class Launcher(Protocol):
    """Makes sessions. What makes one raises ValueError with a sentence for the person when it cannot be done."""

    runs_dir: Path

    def presets(self) -> list[PresetChoice]:
        """The presets to choose from, default first."""

    def dials(self) -> Sequence[DialRule]:
        """What may be turned while a run trains, in the order in which it is shown."""

    def new(self, wish: NewRun) -> TrainingSession:
        """A session that will train a new run."""

    def resume(self, run_dir: Path) -> TrainingSession:
        """A session that will go on with an interrupted run."""

    def author(self, run_dir: Path, at: str) -> Author:
        """The saved model of a run, to be talked to: "best", "last", a name or a step. Called in a worker thread."""

    def prompt_reader(self, run_dir: Path, context: int) -> PromptReader:
        """How a run reads what is typed, without its model: `context` tokens at most."""

    def fork_rules(self) -> Sequence[DialRule]:
        """What a fork may have of its own, in the order in which it is shown."""

    def fork_problems(self, run_dir: Path, wish: ForkWish, *, step: int | None) -> list[str]:
        """What can be seen at once to be wrong with a fork, one sentence each.

        `step` is where the run stands if it is going to be stopped for the fork, which saves a checkpoint there.
        """

    def fork(self, run_dir: Path, wish: ForkWish, *, read_now: bool) -> TrainingSession:
        """A session that will train a fork. May be called in any thread; `read_now` reads the checkpoint at once."""
