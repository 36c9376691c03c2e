"""What the app opens first, and what it returns. No screen is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from babytrain.tui.notifications import NotificationOptions

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunState
    from babytrain.tui.engine_client.engine_thread import TrainingSession


@dataclass(frozen=True)
class StartAtHome:
    """Open the list of runs."""


@dataclass(frozen=True)
class StartTraining:
    """Open a run and train it."""

    session: TrainingSession
    notifications: NotificationOptions = field(default_factory=NotificationOptions)


@dataclass(frozen=True)
class StartReplay:
    """Open a recorded run: playing from its start, or paused at its end. `speed` 1 is as it happened."""

    state: RunState
    title: str
    playing: bool = True
    speed: float = 1.0
    folder: Path | None = None  # of the run, if its saved models are there too


@dataclass(frozen=True)
class StartWatching:
    """Open a run that another process trains."""

    journal: Path
    title: str


StartScreen: TypeAlias = StartAtHome | StartTraining | StartReplay | StartWatching


@dataclass(frozen=True)
class AppResult:
    """What the app returns."""

    last_session: TrainingSession | None
