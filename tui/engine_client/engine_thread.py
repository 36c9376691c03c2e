"""A run that this process trains, and the thread of its engine.

A session never touches a widget: events are read from its `feed`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from babytrain.tui.engine_client.errors import UsageError, usage_errors

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import App

    from babytrain.engine.sessions.rerun import RerunPlan, RerunResult
    from babytrain.engine.sessions.start_and_resume import RunResult
    from babytrain.runs.state.live_feed import LiveFeed
    from babytrain.runs.store.folder import RunFolder

    Train: TypeAlias = Callable[[LiveFeed, Callable[[RunFolder], None]], RunResult]

ENGINE_THREAD = "engine"


def start_engine_thread(session: TrainingSession) -> threading.Thread:
    """Train in a thread that the caller joins."""
    thread = threading.Thread(target=session.run, name=ENGINE_THREAD, daemon=True)
    thread.start()
    return thread


def start_engine_worker(app: App[Any], session: TrainingSession) -> None:
    """Train in a thread worker of the app; its end is a Worker.StateChanged of the group `ENGINE_THREAD`."""
    app.run_worker(session.run, thread=True, exit_on_error=False, group=ENGINE_THREAD, name=ENGINE_THREAD)


class TrainingSession:
    """A run trained by this process. `train` gets the feed and a callback for the run's folder; it may raise."""

    def __init__(self, train: Train) -> None:
        from babytrain.runs.state.live_feed import LiveFeed  # imports numpy

        self.feed = LiveFeed()
        self.run_dir: Path | None = None
        self.error: str | None = None  # a line for each problem
        self.result: RunResult | None = None
        self._train = train

    def run(self) -> None:
        """Train until the run ends or `feed.stop_requested` is set, and save. Never raises: see `error`."""
        try:
            with usage_errors("Training could not be started"):
                self.result = self._train(self.feed, self._remember_folder)
        except UsageError as error:
            self.error = str(error)
        if self.result is not None and self.result.status == "failed":
            self.error = self.result.reason

    def _remember_folder(self, folder: RunFolder) -> None:
        self.run_dir = folder.path


class RerunSession(TrainingSession):
    """Repeats a run; `outcome` is the comparison, None before the end."""

    def __init__(self, plan: RerunPlan) -> None:
        super().__init__(self._rerun)
        self.plan = plan
        self.outcome: RerunResult | None = None

    def _rerun(self, feed: LiveFeed, on_folder: Callable[[RunFolder], None]) -> RunResult:
        from babytrain.engine.sessions.rerun import train_rerun

        self.outcome = train_rerun(self.plan, feed, on_folder)
        return self.outcome.run
