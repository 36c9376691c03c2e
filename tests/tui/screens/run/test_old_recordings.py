"""A journal of version 0.2 shows the same screens as the same run in the present schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.runs.journal import load_state
from babytrain.tui.app.start_screen import StartReplay, StartWatching
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.screens.run.replay_and_watch import ReplayScreen
from tests.runs.journal.old_recordings import OLD_RECORDINGS, in_present_schema
from tests.tui.driving import WIDE, driving
from tests.tui.snapshots import screen_text

Screens = dict[str, str]


@pytest.fixture(params=OLD_RECORDINGS, ids=lambda path: path.stem)
def old_and_new(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A recording as it was written, and in the present schema."""
    old: Path = request.param
    return old, in_present_schema(old)


async def replayed(journal: Path, runs_dir: Path) -> Screens:
    """The whole screen at some moments, and the screens of letters and samples at its end."""
    screens = {}
    async with driving(StartReplay(load_state(journal), "ziggy", playing=False), runs_dir, WIDE) as driver:
        for share in (0.0, 0.3, 0.7, 1.0):
            driver.replay.clock.seek(share * driver.replay.clock.duration)
            await driver.settle()
            screens[f"at {share}"] = screen_text(driver.app)
        for key in ("L", "S"):
            await driver.press(key)
            await driver.see(OverlayScreen)
            await driver.still()
            screens[key] = screen_text(driver.app)
            await driver.press("escape")
            await driver.see(ReplayScreen)
    return screens


async def test_a_replay_looks_the_same(old_and_new: tuple[Path, Path], runs_dir: Path) -> None:
    old, new = [await replayed(journal, runs_dir) for journal in old_and_new]
    assert old == new
    assert len(set(old.values())) == len(old)


async def test_a_run_that_is_watched_looks_the_same(old_and_new: tuple[Path, Path], runs_dir: Path) -> None:
    texts = []
    for journal in old_and_new:
        async with driving(StartWatching(journal, "ziggy"), runs_dir, WIDE) as driver:
            await driver.wait(lambda: driver.run.source.snapshot().ended is not None, "the end")
            await driver.settle()
            texts.append(screen_text(driver.app))
    assert texts[0] == texts[1]
