"""What is asked of a run while it trains."""

from __future__ import annotations

import pytest

from babytrain.runs.events import SuggestedCommand, Verdict
from babytrain.tui.screens.dialogs.question import ConfirmScreen, TextInputScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check


@check("live.pause")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("pause", None)], "a pause asked for")
    await driver.wait(lambda: driver.run.source.snapshot().phase == "paused", "the pause")
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("resume", None)], "a resume asked for")
    await driver.wait(lambda: driver.run.source.snapshot().phase == "training", "training")


@check("live.lr_up", "live.lr_down")
async def _(driver: Driver, key: str) -> None:
    before = learning_rate_factor(driver)
    count = len(driver.asked)
    await driver.press(key)
    await driver.wait(lambda: len(driver.asked) > count, "a factor asked for")
    action, value = driver.asked[-1]
    assert action == "lr_scale"
    assert value == pytest.approx(before / 1.1 if key == "minus" else before * 1.1, rel=1e-4)
    await driver.wait(lambda: learning_rate_factor(driver) == value, "the factor applied")


def learning_rate_factor(driver: Driver) -> float:
    driver.run.source.poll()
    return driver.run.source.snapshot().dials.lr_scale


@check("live.dial")
async def _(driver: Driver, key: str) -> None:
    assert driver.session is not None
    await driver.press(key)
    await driver.see(TextInputScreen)
    await driver.press(*"drop 0.2, sched cosine", "enter")
    await driver.see(LiveScreen)
    await driver.wait(lambda: driver.asked[-2:] == [("set", 0.2), ("set", None)], "both turns")
    assert [(one.dial, one.text) for one in driver.session.requests[-2:]] == [("dropout", ""), ("schedule", "cosine")]


@check("live.undo")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("undo", None)], "the undo")


@check("live.rollback")
async def _(driver: Driver, key: str) -> None:
    count = len(driver.asked)
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("escape")
    await driver.see(LiveScreen)
    assert len(driver.asked) == count
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("enter")
    await driver.wait(lambda: driver.asked[-1:] == [("rollback", None)], "the way back")
    assert driver.session is not None
    assert driver.session.requests[-1].text == "best"
    await driver.see(LiveScreen)


@check("live.advice", "live.alternative")
async def _(driver: Driver, key: str) -> None:
    assert driver.session is not None
    advice = SuggestedCommand(label="dropout 0.3", action="set", dial="dropout", value=0.3)
    other = SuggestedCommand(label="run longer", action="total_steps", value=9000.0)
    driver.session.feed.events.put(
        Verdict(t=99.0, step=620, verdict="memorising", why="Why.", next_="Next.", advice=advice, alternative=other)
    )
    await driver.wait(lambda: driver.run.source.snapshot().verdict is not None, "the verdict")
    await driver.press(key)
    wanted = ("set", 0.3) if key == "a" else ("total_steps", 9000.0)
    await driver.wait(lambda: driver.asked[-1:] == [wanted], "the advice followed")


@check("live.rewarm", "live.advance_many")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(TextInputScreen)
    await driver.press(*"0", "enter")
    assert isinstance(driver.app.screen, TextInputScreen), "no steps are no number of steps"
    await driver.press("backspace", *"1,50", "enter")
    await driver.see(LiveScreen)
    action = "rewarm" if key == "w" else "advance"
    await driver.wait(lambda: driver.asked[-1:] == [(action, 150.0)], f"{action} asked for")


@check("live.lr_type")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(TextInputScreen)
    await driver.press(*"1e-3", "enter")
    await driver.wait(lambda: driver.asked[-1:] == [("lr_hold", 1e-3)], "the value held")
    await driver.see(LiveScreen)
    await driver.press(key)
    await driver.see(TextInputScreen)
    await driver.press("enter")
    await driver.wait(lambda: driver.asked[-1:] == [("lr_release", None)], "the schedule back")
    await driver.see(LiveScreen)


@check("live.sample", "live.evaluate", "live.checkpoint", "live.advance")
async def _(driver: Driver, key: str) -> None:
    action = {"s": "sample", "e": "evaluate", "c": "checkpoint", "full_stop": "advance"}[key]
    await driver.press(key)
    await driver.wait(lambda: [name for name, _ in driver.asked][-1:] == [action], f"{action} asked for")


@check("live.note")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(TextInputScreen)
    await driver.press(*"hm", "enter")
    await driver.see(LiveScreen)
    await driver.wait(lambda: driver.asked[-1:] == [("note", None)], "the note")
    assert driver.session is not None
    assert driver.session.requests[-1].text == "hm"


@check("live.save_named", "live.rollback_to")
async def _(driver: Driver, key: str) -> None:
    action = {"C": "checkpoint", "B": "rollback"}[key]
    await driver.press(key)
    await driver.see(TextInputScreen)
    await driver.press(*"hell", "enter")
    await driver.see(LiveScreen)
    await driver.wait(lambda: driver.asked[-1:] == [(action, None)], f"{action} asked for")
    assert driver.session is not None
    assert driver.session.requests[-1].text == "hell"
