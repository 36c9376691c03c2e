"""Playing a recording."""

from __future__ import annotations

from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check


@check("replay.toggle")
async def _(driver: Driver, key: str) -> None:
    driver.replay.clock.seek(3.0)
    await driver.press(key)
    assert driver.replay.clock.playing
    await driver.press(key)
    assert not driver.replay.clock.playing


@check("replay.slower", "replay.faster")
async def _(driver: Driver, key: str) -> None:
    before = driver.replay.clock.speed
    await driver.press(key)
    assert driver.replay.clock.speed == before * (0.5 if key == "less_than_sign" else 2.0)


@check("replay.back", "replay.forward", "replay.far_back", "replay.far_forward")
async def _(driver: Driver, key: str) -> None:
    clock = driver.replay.clock
    clock.seek(15.0)
    await driver.press(key)
    seconds = {"left": -5.0, "right": 5.0, "shift+left": -30.0, "shift+right": 30.0}[key]
    assert clock.position == min(clock.duration, max(0.0, 15.0 + seconds))


@check("replay.next_event", "replay.previous_event")
async def _(driver: Driver, key: str) -> None:
    evals = [event.t for event in driver.replay.source.state.evals.events]
    driver.replay.clock.seek(evals[1] - 0.1 if key == "tab" else evals[1] + 0.1)
    await driver.press(key)
    assert driver.replay.clock.position == evals[1]


@check("replay.start", "replay.end")
async def _(driver: Driver, key: str) -> None:
    clock = driver.replay.clock
    clock.seek(7.0)
    await driver.press(key)
    assert clock.position == (0.0 if key == "home" else clock.duration)
