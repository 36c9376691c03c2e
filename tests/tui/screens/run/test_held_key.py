"""A key that is held down: every press counts and shows at once, and the engine has one command of it at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.runs.events import Command, Request
from babytrain.tui.screens.run import steering_screen
from tests.tui.driving import Driver, live
from tests.tui.snapshots import screen_text

FACTOR = 0.5  # of the scripted run


def asked_factors(driver: Driver) -> list[float | None]:
    assert {action for action, _ in driver.asked} <= {"lr_scale"}
    return [value for _, value in driver.asked]


def answer(driver: Driver, request: Request, status: str = "applied") -> None:
    """What the engine says of a request once it has finished the step it was at."""
    assert driver.session is not None
    newest = driver.run.source.snapshot()
    facts = {"t": newest.t, "step": newest.step, "command_id": request.command_id, "value": request.value}
    event = Command(action=request.action, status=status, dial=request.dial, **facts)  # type: ignore[arg-type]
    driver.session.feed.events.put(event)


async def test_every_press_shows_at_once_and_the_newest_is_sent_after_the_answer(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering_screen, "ANSWER_TIMEOUT_SECONDS", 1e9)
    async with live(runs_dir, answers=False) as driver:
        assert driver.session is not None
        for _ in range(4):
            await driver.press("plus")
        newest = FACTOR * 1.1**4
        assert driver.live.pending is not None
        assert driver.live.pending.value == pytest.approx(newest, rel=1e-5)
        await driver.wait(lambda: f"lr ×{newest:.3g}" in screen_text(driver.app), "the factor that is asked for")
        await driver.wait(lambda: len(driver.asked) == 1, "the first press, at once")
        driver.live.tick()
        await driver.settle()
        assert asked_factors(driver) == [pytest.approx(FACTOR * 1.1, rel=1e-5)]
        answer(driver, driver.session.requests[0])
        await driver.wait(lambda: len(driver.asked) == 2, "the newest of the others")
        await driver.press("minus")
        answer(driver, driver.session.requests[1], "refused")  # an answer too
        await driver.wait(lambda: len(driver.asked) == 3, "one press less")
        expected = [FACTOR * 1.1, newest, newest / 1.1]
        assert asked_factors(driver) == [pytest.approx(factor, rel=1e-5) for factor in expected]


async def test_without_an_answer_it_is_sent_after_a_while(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live(runs_dir, answers=False) as driver:
        await driver.press("plus", "plus", "plus")
        assert len(driver.asked) <= 1
        monkeypatch.setattr(steering_screen, "ANSWER_TIMEOUT_SECONDS", 0.0)
        await driver.wait(lambda: len(driver.asked) == 2, "the newest press")
        assert asked_factors(driver)[-1] == pytest.approx(FACTOR * 1.1**3, rel=1e-5)


async def test_an_undo_comes_after_the_step_that_waits(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering_screen, "ANSWER_TIMEOUT_SECONDS", 1e9)
    async with live(runs_dir, answers=False) as driver:
        await driver.press("plus", "plus", "plus", "u")
        await driver.wait(lambda: len(driver.asked) == 3, "two steps and the undo")
        newest = pytest.approx(FACTOR * 1.1**3, rel=1e-5)
        assert driver.asked[1:] == [("lr_scale", newest), ("undo", None)]
        await driver.press("plus")
        assert len(driver.asked) == 3  # the step before has no answer yet


async def test_the_step_of_another_dial_does_not_replace_one_that_waits(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering_screen, "ANSWER_TIMEOUT_SECONDS", 1e9)
    async with live(runs_dir, answers=False) as driver:
        await driver.press("plus", "plus")
        driver.live.action_focus_pane("dials")
        await driver.press("down", "down")
        chosen = driver.live.query_one("#dials").chosen
        assert chosen not in ("", "lr")
        await driver.press("plus")
        await driver.wait(lambda: len(driver.asked) == 2, "the step that waited")
        assert asked_factors(driver)[-1] == pytest.approx(FACTOR * 1.1**2, rel=1e-5)
        assert driver.live.pending is not None
        assert driver.live.pending.dial == chosen
