"""A key that is held down: every press counts and shows at once, and the engine is asked seldom."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.tui.screens.run import steering_screen
from tests.tui.driving import live
from tests.tui.snapshots import screen_text


async def test_every_press_shows_at_once_and_the_newest_goes(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live(runs_dir) as driver:
        screen = driver.live
        monkeypatch.setattr(steering_screen, "TICK_SECONDS", 1e9)  # no time passes between two presses
        monkeypatch.setattr(screen, "send_waiting_dial_step", lambda: None)
        for _ in range(4):
            await driver.press("plus")
        wanted = 0.5 * 1.1**4  # of a run whose factor was 0.5
        assert screen.pending is not None
        assert screen.pending.value == pytest.approx(wanted, rel=1e-5)
        await driver.wait(lambda: f"lr ×{wanted:.3g}" in screen_text(driver.app), "the factor that is asked for")
        await driver.wait(lambda: len(driver.asked) == 1, "the first press, at once")
        monkeypatch.undo()
        await driver.wait(lambda: len(driver.asked) == 2, "the newest of the others")
        assert driver.asked[-1] == ("lr_scale", pytest.approx(wanted, rel=1e-5))
        await driver.press("minus")
        await driver.wait(lambda: len(driver.asked) == 3, "one press less")
        assert driver.asked[-1] == ("lr_scale", pytest.approx(wanted / 1.1, rel=1e-5))
