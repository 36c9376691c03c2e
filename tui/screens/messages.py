"""What screens tell the app. The app owns every change of screen and the training session; screens only say what is
wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.message import Message

if TYPE_CHECKING:
    from babytrain.runs.events import Sample
    from babytrain.runs.state.run_state import RunSnapshot, RunState
    from babytrain.tui.engine_client.run_sources import LiveSource
    from babytrain.tui.widgets.common.runs_table import RunRow

StopChoice = Literal["quit", "home", "keep"]


@dataclass
class NewRunRequested(Message):
    """Ask what to train."""


@dataclass
class OpenRequested(Message):
    """Show a run."""

    row: RunRow


@dataclass
class ResumeRequested(Message):
    """Go on training the run in a folder."""

    folder: Path


@dataclass
class ForkRequested(Message):
    """Ask how to fork the run in a folder."""

    folder: Path
    name: str


@dataclass
class SamplesRequested(Message):
    """Show the samples of a run: of one in memory, or of one on disk. `at` is where to begin, `folder` where the run
    is kept."""

    state: RunState | None = None
    journal: Path | None = None
    at: Sample | None = None
    folder: Path | None = None


@dataclass
class ChatRequested(Message):
    """Talk to a run: to the one that trains here if there is `live`, otherwise to what is saved in its folder."""

    name: str
    folder: Callable[[], Path | None]
    state: RunState | None = None
    live: LiveSource | None = None


@dataclass
class LettersRequested(Message):
    """Show the letter board of a run: of one in memory, or of one on disk. `folder` is where the run is kept."""

    snapshot: RunSnapshot | None = None
    journal: Path | None = None
    folder: Path | None = None


@dataclass
class LeaveRequested(Message):
    """Back to the list of runs."""


@dataclass
class LiveScreenPainted(Message):
    """The screen of a run to be trained was painted once; training may begin."""


@dataclass
class StopRequested(Message):
    """Save and stop the run that trains, and go where the person chose."""

    choice: StopChoice
