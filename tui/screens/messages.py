"""Messages from screens to the app, which alone switches screens and owns the training session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from babytrain.runs.events import Sample
    from babytrain.runs.state.run_state import RunSnapshot, RunState
    from babytrain.tui.engine_client.run_sources import LiveSource
    from babytrain.tui.widgets.common.full_text import FullText
    from babytrain.tui.widgets.common.runs_table import RunRow


class NewRunRequested(Message):
    """Open the new-run dialog."""


@dataclass
class OpenRequested(Message):
    """Open a run."""

    row: RunRow


@dataclass
class ResumeRequested(Message):
    """Resume the run in a folder."""

    folder: Path


@dataclass
class ForkRequested(Message):
    """Open the fork dialog for the run in a folder."""

    folder: Path
    name: str


@dataclass
class SamplesRequested(Message):
    """Show samples of a run in memory or on disk, starting at `at`; `folder` is the run's folder."""

    state: RunState | None = None
    journal: Path | None = None
    at: Sample | None = None
    folder: Path | None = None


@dataclass
class ChatRequested(Message):
    """Chat with a run: with `live` if it trains here, otherwise with a checkpoint in its folder."""

    name: str
    folder: Callable[[], Path | None]
    state: RunState | None = None
    live: LiveSource | None = None


@dataclass
class LettersRequested(Message):
    """Show the letter board of a run in memory or on disk; `folder` is the run's folder."""

    snapshot: RunSnapshot | None = None
    journal: Path | None = None
    folder: Path | None = None


@dataclass
class ReadInFullRequested(Message):
    """Show texts in full, from line `line` of the one whose id is `part` on; -1 is its beginning."""

    texts: Sequence[FullText]
    part: str
    line: int


class LeaveRequested(Message):
    """Return to the list of runs."""


class EngineAnswered(Message):
    """The engine applied or refused a command, or entered another phase. Sent from its thread."""


class LiveScreenPainted(Message):
    """The live screen was painted once; training may start."""


class StopRequested(Message):
    """Save and stop the training run; the quit dialog says where to go then."""
