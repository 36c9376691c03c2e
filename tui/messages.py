"""What screens tell the app. The app owns every change of screen and the training session; screens only say what is
wanted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.message import Message

if TYPE_CHECKING:
    from babytrain.tui.run_rows import RunRow

StopChoice = Literal["quit", "home", "keep"]


@dataclass
class NewRunWanted(Message):
    """Ask what to train."""


@dataclass
class OpenWanted(Message):
    """Show a run."""

    row: RunRow


@dataclass
class ResumeWanted(Message):
    """Go on training the run in a folder."""

    folder: Path


@dataclass
class LeaveWanted(Message):
    """Back to the list of runs."""


@dataclass
class LiveScreenPainted(Message):
    """The screen of a run to be trained was painted once; training may begin."""


@dataclass
class StopWanted(Message):
    """Save and stop the run that trains, and go where the person chose."""

    choice: StopChoice
