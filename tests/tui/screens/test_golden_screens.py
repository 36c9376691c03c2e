"""What every screen looks like, at the three sizes it was made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.runs.events import AnyEvent, Phase
from babytrain.tui.app.start_screen import StartTraining
from babytrain.tui.screens.dialogs.fork import ForkScreen
from babytrain.tui.screens.dialogs.help import HelpScreen
from babytrain.tui.screens.dialogs.new_run import NewRunScreen
from babytrain.tui.screens.dialogs.question import MessageScreen, TextInputScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from tests.tui.driving import COMPACT, STRIP, TINY, WIDE, Driver, driving, home, live, replay, write_run
from tests.tui.scripted import WALL_TIME, ScriptedSession, ending, script, started, troubled
from tests.tui.snapshots import Golden, screen_text

SIZES = {"120x36": WIDE, "80x24": COMPACT, "40x12": STRIP}


DIALOG_SIZES = pytest.mark.parametrize(("label", "size"), SIZES.items(), ids=SIZES.keys())


async def check_sizes(golden: Golden, name: str, driver: Driver) -> None:
    """One picture for each size, all from one app: a resize has to lead to the same screen as a start.

    Not for dialogs: what is below one is laid out when Textual finds the time.
    """
    for label, size in SIZES.items():
        await driver.resize(size)
        golden.check(f"{name}-{label}", driver.app)


@pytest.fixture(autouse=True)
def _no_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demos that ship with the program may change; these pictures should not."""
    monkeypatch.setattr("babytrain.runs.recorded.recorded_runs", list)


def write_some_runs(runs_dir: Path) -> None:
    done = script(1500)
    write_run(runs_dir, "ziggy", [*done, ending(done)])
    stopped: list[AnyEvent] = [
        started(name="toddler", parameters=3_100_000, wall_time=WALL_TIME - 90_000),
        *script(400)[1:],
    ]
    write_run(runs_dir, "toddler", [*stopped, ending(stopped, "interrupted")], stamp="20231113-211320")
    failed: list[AnyEvent] = [started(name="boom[red]\x1b[31m", wall_time=WALL_TIME - 300_000), *script(200)[1:]]
    write_run(runs_dir, "boom", [*failed, ending(failed, "failed")], stamp="20231111-111320", checkpoint=False)


async def test_home_without_runs(golden: Golden, runs_dir: Path) -> None:
    async with home(runs_dir) as driver:
        await check_sizes(golden, "home-empty", driver)


async def test_home_with_runs(golden: Golden, runs_dir: Path) -> None:
    write_some_runs(runs_dir)
    async with home(runs_dir) as driver:
        await check_sizes(golden, "home-runs", driver)


async def test_a_run_that_trains(golden: Golden, runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await check_sizes(golden, "live", driver)


async def test_a_run_in_trouble(golden: Golden, runs_dir: Path) -> None:
    async with live(runs_dir, events=troubled(620)) as driver:
        await check_sizes(golden, "live-trouble", driver)


@DIALOG_SIZES
async def test_turning_a_dial(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    async with live(runs_dir, size) as driver:
        await driver.press("d")
        await driver.see(TextInputScreen)
        await driver.press(*"drop 2", "enter")
        await driver.settle()
        golden.check(f"turn-dial-{label}", driver.app)


@DIALOG_SIZES
async def test_forking_a_run(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    folder = write_run(runs_dir, "ziggy", script(620))
    async with driving(StartTraining(ScriptedSession(run_dir=folder)), runs_dir, size) as driver:
        await driver.press("f")
        await driver.see(ForkScreen)
        await driver.press(*"best lr 50, drop 2", "enter")
        await driver.settle()
        golden.check(f"fork-{label}", driver.app)


async def test_a_run_that_is_paused(golden: Golden, runs_dir: Path) -> None:
    events = script()
    pause = Phase(t=events[-1].t, step=620, phase="paused")
    async with live(runs_dir, COMPACT, events=[*events, pause]) as driver:
        golden.check("live-paused-80x24", driver.app)


async def test_a_run_that_was_stopped(golden: Golden, runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        assert driver.session is not None
        driver.session.feed.stop_requested.set()
        await driver.wait(lambda: driver.live.over, "the end")
        await driver.settle()
        golden.check("live-stopped-80x24", driver.app)


async def test_a_run_that_failed(golden: Golden, runs_dir: Path) -> None:
    session = ScriptedSession(fail_with="The loss became NaN at step 620; lower lr and resume.")
    async with driving(StartTraining(session), runs_dir, COMPACT) as driver:
        await driver.see(MessageScreen)
        await driver.settle()
        golden.check("failed-dialog-80x24", driver.app)
        await driver.press("enter")
        await driver.settle()
        golden.check("live-failed-80x24", driver.app)


async def test_a_replay(golden: Golden, runs_dir: Path) -> None:
    async with replay(runs_dir) as driver:
        driver.replay.clock.seek(22.0)
        await driver.settle()
        await check_sizes(golden, "replay", driver)


@DIALOG_SIZES
async def test_the_quit_question(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    async with live(runs_dir, size) as driver:
        await driver.press("q")
        await driver.see(QuitScreen)
        await driver.settle()
        golden.check(f"quit-{label}", driver.app)


@DIALOG_SIZES
async def test_the_new_run_dialog(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    async with home(runs_dir, size) as driver:
        await driver.press("n")
        await driver.see(NewRunScreen)
        await driver.settle()
        golden.check(f"new-run-{label}", driver.app)


@DIALOG_SIZES
async def test_a_typed_value(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    async with live(runs_dir, size) as driver:
        await driver.press("l")
        await driver.see(TextInputScreen)
        await driver.press("x", "enter")
        await driver.settle()
        golden.check(f"type-lr-{label}", driver.app)


@DIALOG_SIZES
async def test_help(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    async with live(runs_dir, size) as driver:
        await driver.press("question_mark")
        await driver.see(HelpScreen)
        await driver.settle()
        golden.check(f"help-{label}", driver.app)


async def test_a_maximised_pane_keeps_header_and_keys(golden: Golden, runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        await driver.press("5", "z")
        await driver.settle()
        golden.check("live-log-maximised-80x24", driver.app)


async def test_in_plain_ascii(golden: Golden, runs_dir: Path) -> None:
    async with driving(StartTraining(ScriptedSession()), runs_dir, COMPACT, charset="ascii") as driver:
        golden.check("live-ascii-80x24", driver.app)


async def test_a_terminal_of_a_few_characters_still_says_how_it_goes(runs_dir: Path) -> None:
    async with live(runs_dir, TINY) as driver:
        text = screen_text(driver.app)
        assert "training" in text
        assert "train 1." in text
        assert all(len(line) <= 20 for line in text.splitlines())
        assert len(text.splitlines()) == 5
