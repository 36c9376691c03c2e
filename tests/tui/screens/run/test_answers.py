"""What the engine answers is on the screen at once, not when the screen would have looked next."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from babytrain.runs.events import Command, Phase
from babytrain.tui.screens.run import run_screen
from babytrain.tui.screens.run.frame_budget import CORE_SHARE, MAX_SECONDS, TICK_SECONDS
from tests.tui.driving import COMPACT, live
from tests.tui.screens.run.test_frame_budget import Machine, frames
from tests.tui.snapshots import screen_text


async def test_an_answer_wakes_the_screen(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer does not look for an hour; the engine answers from a thread of its own."""
    monkeypatch.setattr(run_screen, "TICK_SECONDS", 3600.0)
    async with live(runs_dir, COMPACT, answers=False) as driver:
        assert driver.session is not None
        feed = driver.session.feed
        await driver.press("plus")
        await driver.wait(lambda: "asked…" in screen_text(driver.app), "the command")
        request = driver.session.requests[-1]
        t = driver.live.source.snapshot().t
        applied = Command(
            t=t, step=620, command_id=request.command_id, action="lr_scale", value=request.value, status="applied"
        )
        threading.Thread(target=feed.publish, args=(applied,)).start()
        await driver.wait(lambda: "applied at step 620" in screen_text(driver.app), "the answer")
        await asyncio.sleep(TICK_SECONDS)  # one draw a tick, which no timer makes here
        threading.Thread(target=feed.publish, args=(Phase(t=t, step=620, phase="paused"),)).start()
        await driver.wait(lambda: "paused" in screen_text(driver.app), "the phase")


def test_an_answer_is_drawn_with_the_next_tick_though_drawing_is_dear() -> None:
    machine = Machine()
    frames(machine, 20, CORE_SHARE * MAX_SECONDS)
    assert machine.budget.period_seconds == MAX_SECONDS
    while not machine.tick().numbers:
        pass
    assert not machine.tick().numbers
    machine.budget.answered()
    assert machine.tick().numbers
    assert not machine.tick().numbers, "once"


def test_many_answers_are_no_more_than_a_draw_a_tick() -> None:
    machine = Machine()
    drawn = 0
    for _ in range(100):
        machine.now += TICK_SECONDS / 10
        machine.budget.answered()
        drawn += machine.budget.due(changed=True, vitals_changed=False).numbers
    assert 5 <= drawn <= 13
