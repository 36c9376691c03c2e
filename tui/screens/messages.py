"""What screens ask of the app, which alone changes screens and owns the training session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from babytrain.runs.events import Sample
    from babytrain.runs.state.run_state import RunSnapshot, RunState
    from babytrain.tui.engine_client.run_sources import LiveSource
    from babytrain.tui.widgets.common.runs_table import RunRow


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
    """Talk to a run: to `live` if it trains here, otherwise to what is saved in its folder."""

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


class LeaveRequested(Message):
    """Back to the list of runs."""


class LiveScreenPainted(Message):
    """The screen of a run to be trained was painted once; training may begin."""


class StopRequested(Message):
    """Save and stop the run that trains; the quit dialog says where to go then."""
