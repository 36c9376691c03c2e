"""A run that this process trains, and the thread its engine works in.

A session never touches a widget: what happens in the run is read from its `feed`, and its end from the thread.
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
    """Train in a thread of the command line, which joins it."""
    thread = threading.Thread(target=session.run, name=ENGINE_THREAD, daemon=True)
    thread.start()
    return thread


def start_engine_worker(app: App[Any], session: TrainingSession) -> None:
    """Train in a thread worker of the app: the app waits for it, and learns of its end as a Worker.StateChanged with
    the group `ENGINE_THREAD`."""
    app.run_worker(session.run, thread=True, exit_on_error=False, group=ENGINE_THREAD, name=ENGINE_THREAD)


class TrainingSession:
    """One run trained by this process. `train` is called with the feed and with a function that takes the run's folder
    as soon as there is one; it may raise whatever the engine does."""

    def __init__(self, train: Train) -> None:
        from babytrain.runs.state.live_feed import LiveFeed  # numpy: not before a session is wanted

        self.feed = LiveFeed()
        self.run_dir: Path | None = None
        self.error: str | None = None  # one sentence a problem when it failed
        self.result: RunResult | None = None
        self._train = train

    def run(self) -> None:
        """Train until the run ends and is saved; soon after `feed.stop_requested` is set. Never raises: see `error`."""
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
    """Trains a run again; `outcome` is the comparison with the first time, once there is one."""

    def __init__(self, plan: RerunPlan) -> None:
        super().__init__(self._rerun)
        self.plan = plan
        self.outcome: RerunResult | None = None

    def _rerun(self, feed: LiveFeed, on_folder: Callable[[RunFolder], None]) -> RunResult:
        from babytrain.engine.sessions.rerun import train_rerun

        self.outcome = train_rerun(self.plan, feed, on_folder)
        return self.outcome.run
