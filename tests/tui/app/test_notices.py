"""Notices: they cover nothing, several are one, a refusal is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets._toast import Toast

from babytrain.runs.events import Command
from babytrain.tui.app.overlay_app import Notices
from babytrain.tui.app.start_screen import StartAtHome, StartTraining
from babytrain.tui.notifications import MilestoneGroups
from tests.tui.driving import COMPACT, STRIP, WIDE, Driver, driving, write_run
from tests.tui.scripted import ScriptedSession, script
from tests.tui.snapshots import screen_text

SIZES = pytest.mark.parametrize("size", [WIDE, COMPACT, STRIP], ids=["120x36", "80x24", "40x12"])
SENTENCE = "The old frog has something to say, and it takes him more words than a narrow terminal has columns. Ribbit."


def training(runs_dir: Path, size: tuple[int, int], **session: Any) -> Any:
    return driving(StartTraining(ScriptedSession(**session)), runs_dir, size, notifications=True)


async def say(driver: Driver, *sentences: str) -> None:
    for sentence in sentences:
        driver.app.notify(sentence, markup=False, timeout=1e3)
    await driver.wait(lambda: shown_whole(driver, sentences[-1]), "the notice")
    await driver.settle()


def shown_whole(driver: Driver, sentence: str) -> bool:
    return sentence in " ".join(screen_text(driver.app).replace("▌", "").replace("▐", "").split())


def overlapped(driver: Driver) -> list[str]:
    """The widgets that a notice lies on."""
    screen = driver.app.screen
    toasts = [toast.region for toast in screen.query(Toast)]
    assert toasts, "no notice on the screen"
    others = [child for child in screen.walk_children() if child.display and child.is_on_screen]
    read = [child for child in others if not isinstance(child, Toast) and not list(child.children)]
    visible = {str(child): screen.find_widget(child).visible_region for child in read}
    return [child for child, region in visible.items() if any(region.overlaps(toast) for toast in toasts)]


@SIZES
@pytest.mark.parametrize("pane", ["", "5"], ids=["panes", "maximised"])
async def test_it_covers_nothing_of_a_run(runs_dir: Path, size: tuple[int, int], pane: str) -> None:
    async with training(runs_dir, size) as driver:
        if pane:
            await driver.press(pane, "z")
            await driver.settle()
        await say(driver, SENTENCE)
        assert overlapped(driver) == []


@SIZES
@pytest.mark.parametrize("key", ["", "S", "i", "L"], ids=["runs", "samples", "talk", "letters"])
async def test_it_covers_nothing_of_the_other_screens(runs_dir: Path, size: tuple[int, int], key: str) -> None:
    write_run(runs_dir, "ziggy", script(620))
    async with driving(StartAtHome(), runs_dir, size, notifications=True) as driver:
        if key:
            await driver.press(key)
            await driver.wait(lambda: len(driver.app.screen_stack) > 2, "the screen")
            await driver.settle()
        await say(driver, SENTENCE)
        assert overlapped(driver) == []


async def test_several_are_one_and_what_lies_below_comes_back(runs_dir: Path) -> None:
    async with training(runs_dir, COMPACT) as driver:
        before = screen_text(driver.app)
        await say(driver, "First.", "Second.", "Second.", "Third.")
        (toast,) = driver.app.screen.query(Toast)
        assert [line.strip() for line in toast.render().plain.splitlines()] == ["First.", "Second.", "Third."]
        driver.app.clear_notifications()
        await driver.wait(lambda: not driver.app.screen.query(Toast), "an end of it")
        await driver.settle()
        assert screen_text(driver.app) == before


def test_old_notices_leave_for_a_new_one_and_the_worst_gives_the_colour() -> None:
    now = 0.0
    notices = Notices(lambda: now)
    assert notices.add("a" * 30, "error", 8.0, 10, 3) == ("a" * 30, "error", 8.0)
    assert notices.add("short", "information", 4.0, 10, 4) == (f"{'a' * 30}\nshort", "error", 8.0)
    long = "b" * 90
    assert notices.add(long, "information", 4.0, 10, 4) == (long, "information", 4.0), "whole, though it is too long"
    now = 5.0
    assert notices.add("later", "warning", 4.0, 10, 4) == ("later", "warning", 4.0)


@SIZES
async def test_a_refusal_is_on_the_screen_whole(runs_dir: Path, size: tuple[int, int]) -> None:
    reason = f"{SENTENCE} And therefore a batch of this size is more than the text has windows for."
    async with training(runs_dir, size, answers=False) as driver:
        assert driver.session is not None
        await driver.press("e")
        await driver.wait(lambda: bool(driver.asked), "the command")
        request = driver.session.requests[-1]
        t = driver.live.source.snapshot().t
        refused = Command(
            t=t, step=620, command_id=request.command_id, action="evaluate", status="refused", reason=reason
        )
        driver.session.feed.publish(refused)
        await driver.wait(lambda: shown_whole(driver, f"evaluate: {reason}"), "the whole refusal")
        assert overlapped(driver) == []


def test_milestones_of_a_short_time_are_one_group() -> None:
    now = 0.0
    groups = MilestoneGroups(lambda: now)
    assert groups.add(["first word"]) == []  # type: ignore[list-item]
    now = 2.0
    assert groups.add(["first line"]) == []  # type: ignore[list-item]
    now = 4.5
    assert groups.add([]) == ["first word", "first line"]
    assert groups.add(["first haiku"]) == []  # type: ignore[list-item]
    now = 10.0
    assert groups.add([]) == [], "one has just been announced"
    now = 25.0
    assert groups.add([]) == ["first haiku"]
    assert groups.add(["last"], is_last=True) == ["last"]  # type: ignore[list-item]


async def test_escape_closes_a_long_notice_first_and_then_the_maximised_pane(runs_dir: Path) -> None:
    async with training(runs_dir, STRIP) as driver:
        await driver.press("z")
        await driver.wait(lambda: driver.live.maximised_pane is not None, "one pane")
        await say(driver, f"{SENTENCE} {SENTENCE}")
        await driver.press("escape")
        await driver.wait(lambda: not driver.app.screen.query(Toast), "no notice")
        assert driver.live.maximised_pane is not None
        await driver.press("escape")
        await driver.wait(lambda: driver.live.maximised_pane is None, "all panes")
