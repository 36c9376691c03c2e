"""A run that another process trains: its journal, followed as it grows."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType

from babytrain.runs.eta import SecondsRange, estimate_eta
from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.engine_client.run_sources import WatchSource
from babytrain.tui.keymap import MODES, Mode, bindings_in, refusals
from babytrain.tui.milestones import MilestoneNews
from babytrain.tui.screens.run import RunScreen


class WatchScreen(RunScreen):
    """Everything can be looked at, nothing can be changed."""

    mode: ClassVar[Mode] = "watch"
    program: ClassVar[str] = "watching"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_in(*MODES["watch"]), *refusals("watch")]

    def __init__(self, journal: Path, title: str, charset: CharsetName) -> None:
        super().__init__(WatchSource(journal), title, charset)
        self._journal = journal
        self._news = MilestoneNews(from_now=True)

    @property
    def run_folder(self) -> Path:
        """The other process's; what it saved can be read."""
        return self._journal.parent

    def estimate(self, moment: Moment) -> SecondsRange | None:
        """As the one who trains it sees it."""
        return estimate_eta(moment)

    def refusal(self) -> str:
        """Why it takes no commands."""
        return "another process trains this run; steer it there."
