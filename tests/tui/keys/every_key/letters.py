"""The letters, and the list of milestones."""

from __future__ import annotations

from babytrain.tui.screens.dialogs.milestones import MilestonesScreen
from babytrain.tui.screens.letters import LettersScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.widgets.letters.letter_board import LetterBoard
from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check


@check("run.letters", "home.letters")
async def _(driver: Driver, key: str) -> None:
    below = driver.app.screen
    await driver.press(key)
    await driver.see(LettersScreen)
    await driver.press("escape")
    await driver.wait(lambda: driver.app.screen is below, "the screen below")


@check("run.milestones")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(MilestonesScreen)
    await driver.press(key)
    await driver.wait(lambda: not isinstance(driver.app.screen, MilestonesScreen), "the list to close")


def letters(driver: Driver) -> LettersScreen:
    assert isinstance(driver.app.screen, LettersScreen)
    return driver.app.screen


@check("letters.left", "letters.right", "letters.up", "letters.down")
async def _(driver: Driver, key: str) -> None:
    letters(driver).selected = "s"
    await driver.press(key)
    assert letters(driver).selected == {"left": "a", "right": "d", "up": "w", "down": "z"}[key]


@check("letters.earlier", "letters.later", "letters.first", "letters.newest")
async def _(driver: Driver, key: str) -> None:
    await driver.press("home", "right_square_bracket", "right_square_bracket")
    assert letters(driver).index == 2
    await driver.press(key)
    assert letters(driver).index == {"left_square_bracket": 1, "right_square_bracket": 3, "home": 0, "end": 5}[key]


@check("letters.view")
async def _(driver: Driver, key: str) -> None:
    seen = []
    for _ in range(3):
        await driver.press(key)
        seen.append(letters(driver).view)
    assert seen == ["bars", "tokens", "keyboard"]


@check("letters.page_up", "letters.page_down")
async def _(driver: Driver, key: str) -> None:
    await driver.press("v")
    assert letters(driver).view == "bars"
    board = letters(driver).query_one(LetterBoard)
    await driver.wait(lambda: board.max_scroll_y > 0, "more letters than the board shows at once")
    before = 0 if key == "pagedown" else board.max_scroll_y
    board.scroll_to(y=before, animate=False)
    await driver.wait(lambda: board.scroll_offset.y == before, "the board where the page starts")
    await driver.press(key)
    down = key == "pagedown"
    await driver.wait(lambda: board.scroll_offset.y > before if down else board.scroll_offset.y < before, "a page")
    await driver.press("v", "v")


@check("letters.close", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)
