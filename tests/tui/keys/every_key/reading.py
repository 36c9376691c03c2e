"""Reading in full what is cut."""

from __future__ import annotations

from babytrain.tui.screens.dialogs.full_text import FullTextScreen
from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check


@check("home.read", "pane.read", "letters.read", "samples.read", "chat.read")
async def _(driver: Driver, key: str) -> None:
    below = driver.app.screen
    await driver.press(key)
    await driver.see(FullTextScreen)
    await driver.press(key)
    assert driver.app.screen is below
