"""What works on every screen, and the dialogs that leave one."""

from __future__ import annotations

import contextlib

from textual.command import CommandPalette

from babytrain.tui.screens.chat import ChatScreen
from babytrain.tui.screens.dialogs.help import HelpScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check


@check("app.help")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(HelpScreen)
    await driver.press("escape")
    await driver.wait(lambda: not isinstance(driver.app.screen, HelpScreen), "help to close")


@check("app.palette")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(CommandPalette)
    await driver.press("escape")
    await driver.wait(lambda: not isinstance(driver.app.screen, CommandPalette), "the palette to close")


@check("app.quit", "app.interrupt", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    if driver.session is not None:
        await driver.see(QuitScreen)
    else:
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")


@check("app.picture")
async def _(driver: Driver, key: str) -> None:
    if key == "x" and isinstance(driver.app.screen, ChatScreen):
        return  # a letter like any other
    folder = driver.client.runs_dir.parent
    before = len(list(folder.rglob("screen-*.svg")))
    told = len(driver.toasts)
    with contextlib.chdir(folder):  # where it goes when no run is shown, or only a recording
        await driver.press(key)
        await driver.wait(lambda: len(driver.toasts) > told, "a word about the picture")
    assert driver.toasts[-1].startswith("Picture:")
    pictures = list(folder.rglob("screen-*.svg"))
    assert len(pictures) == before + 1
    assert all("<svg" in picture.read_text()[:20] for picture in pictures)


@check("quit.stop", "quit.home", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("stop", None)], "the stop")
    if key == "s":
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")
    else:
        await driver.see(HomeScreen)


@check("quit.keep", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)
    assert driver.asked == []


@check("dialog.cancel", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)
