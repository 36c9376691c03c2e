"""The list of runs."""

from __future__ import annotations

from babytrain.tui.screens.dialogs.fork import ForkScreen
from babytrain.tui.screens.dialogs.new_run import NewRunScreen
from babytrain.tui.screens.dialogs.question import ConfirmScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.screens.run.replay_and_watch import ReplayScreen
from babytrain.tui.widgets.common.runs_table import RunsTable
from tests.tui.driving import Driver, write_run
from tests.tui.keys.every_key.registry import check
from tests.tui.scripted import script


@check("home.new")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(NewRunScreen)
    await driver.press("escape")
    await driver.see(HomeScreen)
    assert driver.client.new_runs == []


@check("home.open", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    screen = await driver.see(ReplayScreen)
    assert screen.clock.finished


@check("home.resume", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press("down", key)
    await driver.see(LiveScreen)
    assert [path.name for path in driver.client.resumed] == ["stopped-20231114-211320"]


@check("home.fork", "live.fork", alone=True)
async def _(driver: Driver, key: str) -> None:
    at_home = driver.session is None
    await driver.press(key)
    await driver.see(ForkScreen)
    await driver.press(*"500 lr 1e-3", "enter")
    if not at_home:
        await driver.see(ConfirmScreen)
        await driver.press("enter")
    await driver.wait(lambda: len(driver.client.sessions) == 1, "the fork")
    await driver.wait(lambda: driver.app.session is driver.client.sessions[0], "the screen of the fork")
    await driver.see(LiveScreen)
    name = "done" if at_home else "ziggy"
    assert driver.client.forked == [(f"{name}-20231114-221320", "500", {"lr": 1e-3}, not at_home)]


@check("home.delete")
async def _(driver: Driver, key: str) -> None:
    table = driver.app.screen.query_one(RunsTable)
    before = table.row_count
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("escape")
    await driver.see(HomeScreen)
    assert table.row_count == before
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("enter")
    await driver.wait(lambda: table.row_count == before - 1, "the run to go")


@check("home.undo")
async def _(driver: Driver, key: str) -> None:
    table = driver.app.screen.query_one(RunsTable)
    before = table.row_count
    await driver.press("d")
    await driver.see(ConfirmScreen)
    await driver.press("enter")
    await driver.wait(lambda: table.row_count == before - 1, "the run to go")
    await driver.press(key)
    await driver.wait(lambda: table.row_count == before, "the run to come back")


@check("home.refresh")
async def _(driver: Driver, key: str) -> None:
    table = driver.app.screen.query_one(RunsTable)
    before = table.row_count
    write_run(driver.client.runs_dir, f"new{before}", script(20))
    await driver.press(key)
    await driver.wait(lambda: table.row_count == before + 1, "the new run in the list")
