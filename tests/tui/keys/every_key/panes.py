"""Going through the panes, and out of a run."""

from __future__ import annotations

from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.widgets.run.log_pane import LogPane
from tests.tui.driving import Driver
from tests.tui.keys.every_key.chart import loss
from tests.tui.keys.every_key.registry import check


@check("pane.next", "pane.previous")
async def _(driver: Driver, key: str) -> None:
    await driver.press("3")
    await driver.press(key)
    assert driver.run.focused is not None
    assert driver.run.focused.id == ("sample" if key == "tab" else "vitals")


@check("pane.loss", "pane.vitals", "pane.dials", "pane.sample", "pane.log")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    assert driver.run.focused is not None
    assert driver.run.focused.id == ("loss", "vitals", "dials", "sample", "log")[int(key) - 1]


@check("pane.maximise")
async def _(driver: Driver, key: str) -> None:
    await driver.press("5", key)
    assert driver.run.maximised_pane is driver.run.query_one(LogPane)
    await driver.press(key)
    assert driver.run.maximised_pane is None


@check("pane.back", alone=True)
async def _(driver: Driver, key: str) -> None:
    loss(driver).move_crosshair(-5)
    await driver.press("5", "z", key)
    assert driver.run.maximised_pane is None
    assert loss(driver).crosshair_step is not None
    await driver.press(key)
    assert loss(driver).crosshair_step is None
    await driver.press(key)
    if driver.session is not None:
        await driver.see(QuitScreen)
        await driver.press("escape")
        await driver.see(LiveScreen)
    else:
        await driver.see(HomeScreen)


@check("run.home", alone=True)
async def _(driver: Driver, key: str) -> None:
    if driver.session is not None:
        await driver.press(key)
        assert isinstance(driver.app.screen, LiveScreen), "a run that trains is not left by Enter"
        driver.session.feed.stop_requested.set()
        await driver.wait(lambda: driver.live.over, "the end")
    await driver.press(key)
    await driver.see(HomeScreen)


@check("scroll.up", "scroll.down", "scroll.page_up", "scroll.page_down")
async def _(driver: Driver, key: str) -> None:
    await driver.press("5")
    pane = driver.run.query_one(LogPane)
    down = "down" in key
    await driver.wait(lambda: pane.max_scroll_y > 0, "more lines than the pane shows at once")
    before = 0 if down else pane.max_scroll_y
    pane.scroll_to(y=before, animate=False)
    await driver.wait(lambda: pane.scroll_offset.y == before, "the place to scroll from")
    await driver.press(key)
    await driver.wait(lambda: (pane.scroll_offset.y > before) if down else (pane.scroll_offset.y < before), "scrolling")
