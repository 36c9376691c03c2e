"""Driving the app in tests: start it, press keys, wait for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from textual.app import App, ScreenStackError
from textual.pilot import Pilot
from textual.widget import Widget

from babytrain.runs.events import AnyEvent
from babytrain.runs.journal import encode_event
from babytrain.tui.app.babytrain_app import BabytrainApp
from babytrain.tui.app.start_screen import AppResult, StartAtHome, StartReplay, StartScreen, StartTraining
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.screens.run.replay_and_watch import ReplayScreen
from babytrain.tui.screens.run.run_screen import RunScreen
from babytrain.tui.terminal.charset import CharsetName
from tests.timeouts import LONGEST_WAIT_SECONDS
from tests.tui.scripted import WALL_TIME, ScriptedEngineClient, ScriptedSession, script, state_from
from tests.tui.snapshots import screen_text

WIDE, COMPACT, STRIP, TINY = (120, 36), (80, 24), (40, 12), (20, 5)


async def wait_for(pilot: Pilot[Any], condition: Callable[[], bool], description: str) -> None:
    """Until something is so; the description says what never came."""
    deadline = monotonic() + LONGEST_WAIT_SECONDS
    while monotonic() < deadline:
        if condition():
            return
        await asyncio.sleep(0.01)
    await pilot.pause()
    raise AssertionError(f"never came: {description}")


async def all_handled(pilot: Pilot[Any]) -> None:
    """Until every message is handled and what came of it is laid out and drawn.

    A key goes through the queues of several widgets, one after the other. A pilot looks into each queue once, and then
    waits for an idle processor, as which it takes one that is busy with another program. And a screen is laid out, and
    scrolled, a moment after it was asked to.
    """
    for _ in range(2):  # drawing may leave something to handle
        await _nothing_queued(pilot.app)
        with suppress(ScreenStackError):  # the app may be on its way out
            await pilot.pause(0)
    await _nothing_queued(pilot.app)


async def _nothing_queued(app: App[Any]) -> None:
    quiet_looks = 0
    while quiet_looks < 10 and app.is_running:  # who has taken a message from its queue has passed it on by then
        await asyncio.sleep(0)
        pumps = [app, *(widget for screen in app.screen_stack for widget in screen.walk_children(with_self=True))]
        quiet_looks = 0 if any(pump.message_queue_size for pump in pumps) else quiet_looks + 1


@dataclass
class Driver:
    """An app under test."""

    app: BabytrainApp
    pilot: Pilot[AppResult]
    client: ScriptedEngineClient
    session: ScriptedSession | None = None
    toasts: list[str] = field(default_factory=list)  # all of them, also those that have gone by now

    async def press(self, *keys: str) -> None:
        """Press keys, each when all that the one before it does at once is done."""
        for key in keys:
            await self.pilot.press(key)
            await all_handled(self.pilot)

    async def click(self, target: Widget | type[Widget] | None = None, **how: Any) -> None:
        """Click, as a pilot does, and see everything done that comes of it at once."""
        await self.pilot.click(target, **how)
        await all_handled(self.pilot)

    async def wait(self, condition: Callable[[], bool], description: str) -> None:
        await wait_for(self.pilot, condition, description)

    async def see(self, screen: type[Any]) -> Any:
        """Until a screen of this kind is on top."""
        await self.wait(lambda: isinstance(self.app.screen, screen), f"the {screen.__name__}")
        await all_handled(self.pilot)
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
        await all_handled(self.pilot)
        for screen in self.app.screen_stack:
            if isinstance(screen, RunScreen):
                screen.refresh_now()
        await all_handled(self.pilot)
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


@asynccontextmanager
async def driving(
    start_screen: StartScreen,
    runs_dir: Path,
    size: tuple[int, int] = WIDE,
    *,
    charset: CharsetName = "braille",
    notifications: bool = False,
    **client: Any,
) -> AsyncIterator[Driver]:
    """Start the app and wait for its first screen. `notifications`: toasts are also drawn."""
    factory = ScriptedEngineClient(runs_dir, **client)
    app = BabytrainApp(
        engine_client=factory, start_screen=start_screen, charset=charset, wall_clock=lambda: WALL_TIME + 3600
    )
    toasts = remember_toasts(app)
    session = start_screen.session if isinstance(start_screen, StartTraining) else None
    async with app.run_test(size=size, notifications=notifications) as pilot:
        driver = Driver(app, pilot, factory, session if isinstance(session, ScriptedSession) else None, toasts)
        screen = app.screen
        if isinstance(screen, HomeScreen):
            await driver.wait(lambda: screen.loaded, "the list of runs")
        if driver.session is not None and driver.session.events:
            await driver.wait(driver.session.started.is_set, "the session")
            await driver.wait(lambda: shown_run(app).read_source().started is not None, "the run on the screen")
        await driver.settle()
        try:
            yield driver
        finally:
            for held in (factory.may_load, factory.saved.may_write):
                held.set()
            if isinstance(app.session, ScriptedSession):
                app.session.may_end.set()
                app.session.may_write.set()
                app.session.feed.stop_requested.set()


def remember_toasts(app: BabytrainApp) -> list[str]:
    """Grows by the text of every toast; those on the screen vanish after a while."""
    toasts: list[str] = []
    notify = app.notify

    def noted(message: str, **how: Any) -> None:
        toasts.append(message)
        notify(message, **how)

    app.notify = noted  # type: ignore[method-assign]
    return toasts


def shown_run(app: BabytrainApp) -> RunScreen:
    """The run on the screen, also below a dialog."""
    return next(screen for screen in app.screen_stack if isinstance(screen, RunScreen))


def live(runs_dir: Path, size: tuple[int, int] = WIDE, **session: Any) -> Any:
    """A run being trained."""
    return driving(StartTraining(ScriptedSession(**session)), runs_dir, size)


def replay(runs_dir: Path, size: tuple[int, int] = WIDE, *, playing: bool = False, steps: int = 620) -> Any:
    """A recorded run, standing at its end."""
    return driving(StartReplay(state_from(script(steps)), "ziggy", playing=playing), runs_dir, size)


def home(runs_dir: Path, size: tuple[int, int] = WIDE, **client: Any) -> Any:
    """The list of runs."""
    return driving(StartAtHome(), runs_dir, size, **client)


def write_run(
    runs_dir: Path, name: str, events: Iterable[AnyEvent], *, stamp: str = "20231114-221320", checkpoint: bool = True
) -> Path:
    """A run on disk."""
    folder = runs_dir / f"{name}-{stamp}"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(b"".join(encode_event(event).rstrip(b"\n") + b"\n" for event in events))
    if checkpoint:
        (folder / "checkpoints" / "step-000500").mkdir(parents=True)
        (folder / "checkpoints" / "step-000500" / "trainer.json").write_text("{}")
    return folder
