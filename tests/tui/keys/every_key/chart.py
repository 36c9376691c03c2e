"""The loss chart."""

from __future__ import annotations

from babytrain.tui.widgets.loss.loss_pane import LossPane
from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check


def loss(driver: Driver) -> LossPane:
    return driver.run.query_one(LossPane)


@check(
    *("replay.crosshair_left", "replay.crosshair_right", "chart.crosshair_left", "chart.crosshair_right"),
    *("chart.crosshair_far_left", "chart.crosshair_far_right"),
)
async def _(driver: Driver, key: str) -> None:
    loss(driver).clear_crosshair()
    await driver.press(key)
    assert loss(driver).crosshair_step is not None
    loss(driver).move_crosshair(-30)
    before = loss(driver).crosshair_step or 0
    await driver.press(key)
    after = loss(driver).crosshair_step or 0
    assert after > before if "right" in key else after < before
    loss(driver).clear_crosshair()


@check("chart.log_y")
async def _(driver: Driver, key: str) -> None:
    before = loss(driver).settings.log_y
    await driver.press(key)
    assert loss(driver).settings.log_y is not before


@check("chart.x_axis")
async def _(driver: Driver, key: str) -> None:
    before = loss(driver).settings.x_mode
    await driver.press(key)
    assert loss(driver).settings.x_mode != before


@check("chart.speed")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    assert loss(driver).settings.shown == "speed"
    await driver.press(key)
    assert loss(driver).settings.shown == "loss"


@check("chart.baselines")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    assert not loss(driver).settings.baselines
    await driver.press(key)
    assert loss(driver).settings.baselines


@check("chart.smoothing")
async def _(driver: Driver, key: str) -> None:
    before = loss(driver).settings.decay
    await driver.press(key)
    assert loss(driver).settings.decay != before


@check("chart.zoom_in", "chart.zoom_out")
async def _(driver: Driver, key: str) -> None:
    loss(driver).show_all()
    await driver.press("right_square_bracket", "right_square_bracket")
    closer = loss(driver).settings.view
    assert not closer.is_whole
    await driver.press(key)
    assert loss(driver).settings.view != closer


@check("chart.show_all", "replay.show_all")
async def _(driver: Driver, key: str) -> None:
    await driver.press("right_square_bracket", key)
    assert loss(driver).settings.view.is_whole


@check("chart.follow", "replay.follow")
async def _(driver: Driver, key: str) -> None:
    loss(driver).show_all()
    await driver.press("right_square_bracket", "right_square_bracket", key)
    assert loss(driver).settings.view.follows
