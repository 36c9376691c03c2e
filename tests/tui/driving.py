"""Driving the app in tests: start it, press keys, wait for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from textual.pilot import Pilot

from babytrain.runs.events import AnyEvent
from babytrain.runs.journal import encode
from babytrain.tui.app import BabytrainApp
from babytrain.tui.charset import CharsetName
from babytrain.tui.opening import AppResult, Home, Opening, Replay, Train
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.live import LiveScreen
from babytrain.tui.screens.replay import ReplayScreen
from babytrain.tui.screens.run import RunScreen
from tests.tui.scripted import WALL_TIME, ScriptedLauncher, ScriptedSession, script, state_from
from tests.tui.snapshots import screen_text

WIDE, COMPACT, STRIP, TINY = (120, 36), (80, 24), (40, 12), (20, 5)
LONGEST_WAIT_SECONDS = 30.0
"""Only a test that fails waits this long: a busy machine must not decide what is a defect."""


async def wait_for(pilot: Pilot[Any], condition: Callable[[], bool], description: str) -> None:
    """Until something is so; the description says what never came."""
    deadline = monotonic() + LONGEST_WAIT_SECONDS
    while monotonic() < deadline:
        if condition():
            return
        await asyncio.sleep(0.01)
    await pilot.pause()
    raise AssertionError(f"never came: {description}")


@dataclass
class Driver:
    """An app under test."""

    app: BabytrainApp
    pilot: Pilot[AppResult]
    launcher: ScriptedLauncher
    session: ScriptedSession | None = None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def wait(self, condition: Callable[[], bool], description: str) -> None:
        await wait_for(self.pilot, condition, description)

    async def see(self, screen: type[Any]) -> Any:
        """Until a screen of this kind is on top."""
        await self.wait(lambda: isinstance(self.app.screen, screen), f"the {screen.__name__}")
        await self.pilot.pause()
        return self.app.screen

    async def resize(self, size: tuple[int, int]) -> None:
        """Another terminal size, and everything drawn for it."""
        await self.pilot.resize_terminal(*size)
        await self.wait(lambda: all(screen.size == size for screen in self.app.screen_stack), f"the size {size}")
        await self.settle()

    async def still(self) -> None:
        """Until the picture no longer changes: screens below a dialog lay themselves out when they find the time."""
        looks: list[str] = []

        def same() -> bool:
            looks.append(screen_text(self.app))
            return len(looks) > 5 and len(set(looks[-5:])) == 1

        await self.wait(same, "a picture that stays")

    async def settle(self) -> None:
        """Everything drawn that there is to draw."""
        await self.pilot.pause()
        for screen in self.app.screen_stack:
            if isinstance(screen, RunScreen):
                screen.refresh_now()
        await self.still()

    @property
    def run(self) -> RunScreen:
        assert isinstance(self.app.screen, RunScreen)
        return self.app.screen

    @property
    def live(self) -> LiveScreen:
        assert isinstance(self.app.screen, LiveScreen)
        return self.app.screen

    @property
    def replay(self) -> ReplayScreen:
        assert isinstance(self.app.screen, ReplayScreen)
        return self.app.screen

    @property
    def asked(self) -> list[tuple[str, float | None]]:
        """What was asked of the session, in order."""
        assert self.session is not None
        return [(request.action, request.value) for request in self.session.requests]

    @property
    def toasts(self) -> list[str]:
        return [str(notification.message) for notification in self.app._notifications]


@asynccontextmanager
async def driving(
    opening: Opening,
    runs_dir: Path,
    size: tuple[int, int] = WIDE,
    *,
    charset: CharsetName = "braille",
    **launcher: Any,
) -> AsyncIterator[Driver]:
    """Start the app and wait for its first screen."""
    factory = ScriptedLauncher(runs_dir, **launcher)
    app = BabytrainApp(launcher=factory, opening=opening, charset=charset, wall_clock=lambda: WALL_TIME + 3600)
    session = opening.session if isinstance(opening, Train) else None
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, factory, session if isinstance(session, ScriptedSession) else None)
        screen = app.screen
        if isinstance(screen, HomeScreen):
            await driver.wait(lambda: screen.loaded, "the list of runs")
        if driver.session is not None and driver.session.events:
            await driver.wait(driver.session.started.is_set, "the session")
            await driver.wait(lambda: shown_run(app).look().started is not None, "the run on the screen")
        await driver.settle()
        try:
            yield driver
        finally:
            if isinstance(app.session, ScriptedSession):
                app.session.may_end.set()
                app.session.feed.stop_requested.set()


def shown_run(app: BabytrainApp) -> RunScreen:
    """The run on the screen, also below a dialog."""
    return next(screen for screen in app.screen_stack if isinstance(screen, RunScreen))


def live(runs_dir: Path, size: tuple[int, int] = WIDE, **session: Any) -> Any:
    """A run being trained."""
    return driving(Train(ScriptedSession(**session)), runs_dir, size)


def replay(runs_dir: Path, size: tuple[int, int] = WIDE, *, playing: bool = False, steps: int = 620) -> Any:
    """A recorded run, standing at its end."""
    return driving(Replay(state_from(script(steps)), "ziggy", playing=playing), runs_dir, size)


def home(runs_dir: Path, size: tuple[int, int] = WIDE, **launcher: Any) -> Any:
    """The list of runs."""
    return driving(Home(), runs_dir, size, **launcher)


def write_run(
    runs_dir: Path, name: str, events: Iterable[AnyEvent], *, stamp: str = "20231114-221320", checkpoint: bool = True
) -> Path:
    """A run on disk."""
    folder = runs_dir / f"{name}-{stamp}"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(b"".join(encode(event).rstrip(b"\n") + b"\n" for event in events))
    if checkpoint:
        (folder / "checkpoints" / "step-000500").mkdir(parents=True)
        (folder / "checkpoints" / "step-000500" / "trainer.json").write_text("{}")
    return folder
