"""Reading samples."""

from __future__ import annotations

from msgspec.structs import replace

from babytrain.tui.screens.dialogs.choose_run import ChooseRunScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.screens.samples import SamplesScreen
from babytrain.tui.widgets.samples.sample_panes import SampleCard
from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check


@check("run.samples", "home.samples")
async def _(driver: Driver, key: str) -> None:
    below = driver.app.screen
    await driver.press(key)
    screen = await driver.see(SamplesScreen)
    assert screen.selected is not None
    await driver.press("escape")
    await driver.wait(lambda: driver.app.screen is below, "the screen below")


def samples(driver: Driver) -> SamplesScreen:
    assert isinstance(driver.app.screen, SamplesScreen)
    return driver.app.screen


def place(driver: Driver) -> tuple[int, str]:
    selected = samples(driver).selected
    assert selected is not None
    return selected.step, selected.prompt


@check("samples.earlier", "samples.later", "samples.first", "samples.newest")
async def _(driver: Driver, key: str) -> None:
    await driver.press("home", "right", "right")
    assert place(driver)[0] == 300
    await driver.press(key)
    assert place(driver)[0] == {"left": 200, "right": 400, "home": 100, "end": 600}[key]


@check("samples.previous_prompt", "samples.next_prompt")
async def _(driver: Driver, key: str) -> None:
    before = place(driver)
    await driver.press(key)
    assert place(driver) == (before[0], "the old frog")
    await driver.press(key)
    assert place(driver) == before


@check("samples.pin", "samples.swap", "samples.close", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press("space", "left")
    assert place(driver)[0] == 500
    assert samples(driver).pinned is not None
    await driver.press(key)
    if key == "tab":
        assert place(driver)[0] == 600
    else:
        assert not samples(driver).is_comparing
    if key == "escape":
        await driver.press(key)
        await driver.see(LiveScreen)


@check("samples.other_run", "samples.alignment", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press("r")
    chooser = await driver.see(ChooseRunScreen)
    await driver.wait(lambda: bool(chooser.rows), "the runs")
    await driver.press("enter")
    screen = await driver.see(SamplesScreen)
    await driver.wait(lambda: screen.other is not None, "the other run")
    if key == "m":
        await driver.press(key)
        assert screen.align == "share"


@check("samples.page_up", "samples.page_down", alone=True)
async def _(driver: Driver, key: str) -> None:
    assert driver.session is not None
    newest = samples(driver).selected
    assert newest is not None
    long = replace(newest, t=newest.t + 1, step=610, text="frog\n" * 99)
    driver.session.feed.events.put(long)
    await driver.wait(lambda: place(driver)[0] == 610, "a long text")
    card = samples(driver).query_one("#left", SampleCard)
    await driver.wait(lambda: card.allow_vertical_scroll, "something to scroll")
    await driver.press("pagedown")
    await driver.wait(lambda: card.scroll_offset.y > 0, "the next page")
    if key == "pageup":
        await driver.press(key)
        await driver.wait(lambda: card.scroll_offset.y == 0, "the page before")
