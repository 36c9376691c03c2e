"""A screen over the one of a run gets its state ten times a second, also while it is being taken down."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.runs.events import Eval
from babytrain.tui.screens.base import OverlayScreen
from tests.tui.driving import COMPACT, live
from tests.tui.scripted_letters import lettered, letters_at


@pytest.mark.parametrize("key", ["L", "S", "i"])
async def test_one_that_has_lost_a_part_is_left_alone(runs_dir: Path, key: str) -> None:
    async with live(runs_dir, COMPACT, events=lettered()) as driver:
        await driver.press(key)
        screen = await driver.see(OverlayScreen)
        assert isinstance(screen, OverlayScreen)
        await driver.wait(lambda: screen.can_draw, "the screen")
        for part in screen.required_widgets:
            await screen.query(part).remove()
            assert not screen.can_draw
            assert driver.session is not None
            driver.session.feed.events.put(letters_at(900, 90.0))
            driver.session.feed.events.put(Eval(t=90.0, step=900, val_loss=1.0, train_loss=1.0, seconds=0.1))
            screen.follow(driver.app.screen_stack[1].source.snapshot())  # would raise if it drew
