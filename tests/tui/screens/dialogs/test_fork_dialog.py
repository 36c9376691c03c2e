"""Forking from the screen: from the list, from a run that is over, and from one that trains and is stopped first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from babytrain.tui.app.start_screen import StartTraining
from babytrain.tui.screens.dialogs.fork import ForkScreen
from babytrain.tui.screens.dialogs.question import ConfirmScreen, MessageScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from tests.tui.driving import Driver, driving, home, write_run
from tests.tui.scripted import ScriptedSession, ending, script
from tests.tui.snapshots import screen_text

LINE = "best lr 1e-3, steps 3,000"
FORK = ("ziggy-20231114-221320", "best", {"lr": 1e-3, "steps": 3000})


def training(runs_dir: Path, **client: Any) -> Any:
    """A run that trains and has a folder of its own."""
    folder = write_run(runs_dir, "ziggy", script(620))
    return driving(StartTraining(ScriptedSession(run_dir=folder)), runs_dir, **client)


async def type_fork(driver: Driver, line: str = LINE) -> None:
    await driver.press("f")
    await driver.see(ForkScreen)
    await driver.press(*line, "enter")


def screens(driver: Driver) -> list[LiveScreen]:
    return [screen for screen in driver.app.screen_stack if isinstance(screen, LiveScreen)]


async def see_the_fork(driver: Driver) -> None:
    await driver.wait(lambda: len(driver.client.sessions) == 1, "the session of the fork")
    fork = driver.client.sessions[0]
    await driver.wait(lambda: driver.app.session is fork and isinstance(driver.app.screen, LiveScreen), "its screen")
    assert isinstance(fork, ScriptedSession)
    await driver.wait(fork.started.is_set, "the training of the fork")
    assert driver.live.session is fork
    assert not driver.live.over
    assert len(screens(driver)) == 1


async def test_from_the_list_it_opens_at_once(runs_dir: Path) -> None:
    events = script(120)
    write_run(runs_dir, "ziggy", [*events, ending(events)])
    async with home(runs_dir) as driver:
        await type_fork(driver)
        await see_the_fork(driver)
        assert driver.client.forked == [(*FORK, False)]
        assert driver.client.steps_when_asked == [None]


async def test_an_old_name_of_a_setting_is_understood_and_told(runs_dir: Path) -> None:
    events = script(120)
    write_run(runs_dir, "ziggy", [*events, ending(events)])
    async with home(runs_dir) as driver:
        await type_fork(driver, "best noise 0.1")
        await see_the_fork(driver)
        assert driver.client.forked == [(FORK[0], "best", {"token_noise": 0.1}, False)]
        assert driver.toasts.count("noise is called token_noise now.") == 1


async def test_a_run_that_another_process_trains_is_forked_while_it_runs(runs_dir: Path) -> None:
    from babytrain.runs.store.folder import RunFolder
    from babytrain.runs.store.lock import RunLock

    folder = write_run(runs_dir, "ziggy", script(120))
    before = sorted(path.name for path in folder.rglob("*"))
    with RunLock(RunFolder(folder)):
        async with home(runs_dir) as driver:
            assert "training" in screen_text(driver.app)
            await type_fork(driver, "")
            await see_the_fork(driver)
            assert driver.client.forked == [(folder.name, "best", {}, False)]
    assert sorted(path.name for path in folder.rglob("*") if path.name != "lock") == [
        name for name in before if name != "lock"
    ]


async def test_from_a_run_that_is_over_it_opens_at_once(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        driver.session.feed.stop_requested.set()
        await driver.wait(lambda: driver.live.over, "the end")
        await type_fork(driver)
        await see_the_fork(driver)
        assert driver.client.forked == [(*FORK, False)]
        assert driver.asked == []


async def test_a_run_that_trains_is_asked_about_saved_and_stopped_first(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        old = driver.session
        old.may_end.clear()
        await type_fork(driver)
        await driver.see(ConfirmScreen)
        assert "saved and stops" in screen_text(driver.app)
        assert driver.client.forked == []
        await driver.press("enter")
        await driver.wait(lambda: ("stop", None) in driver.asked, "the stop")
        assert driver.client.forked == [(*FORK, True)], "the checkpoint is read before anything is stopped"
        assert driver.client.steps_when_asked == [620]
        assert driver.app.session is old, "the fork waits until everything is saved"
        await driver.press("f")
        await driver.wait(lambda: "as soon as this run is saved" in " ".join(driver.toasts), "why it waits")
        old.may_end.set()
        await see_the_fork(driver)
        assert old.ended.is_set()


async def test_the_last_checkpoint_is_the_one_that_stopping_saves(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        await type_fork(driver, "last")
        await driver.see(ConfirmScreen)
        await driver.press("enter")
        await see_the_fork(driver)
        assert driver.client.forked == [(FORK[0], "last", {}, False)]


async def test_no_means_that_training_goes_on(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        await type_fork(driver)
        await driver.see(ConfirmScreen)
        await driver.press("escape")
        await driver.see(LiveScreen)
        await driver.press("s")
        await driver.wait(lambda: driver.asked == [("sample", None)], "a command that is still applied")
        assert driver.client.forked == []


async def test_a_damaged_checkpoint_stops_nothing(runs_dir: Path) -> None:
    async with training(runs_dir, refusal="The checkpoint step-000500 cannot be read.") as driver:
        await type_fork(driver, "500")
        await driver.see(ConfirmScreen)
        await driver.press("enter")
        await driver.see(MessageScreen)
        assert "step-000500 cannot be read" in screen_text(driver.app)
        await driver.press("enter")
        await driver.see(LiveScreen)
        assert not driver.live.over
        assert driver.asked == []


async def test_a_run_that_ends_by_itself_meanwhile_is_forked_all_the_same(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        await type_fork(driver)
        await driver.see(ConfirmScreen)
        driver.session.feed.stop_requested.set()
        await driver.wait(lambda: screens(driver)[0].over, "the end")
        await driver.press("enter")
        await see_the_fork(driver)


async def test_who_leaves_meanwhile_has_left(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        driver.session.may_end.clear()
        await type_fork(driver)
        await driver.see(ConfirmScreen)
        await driver.press("enter")
        await driver.wait(lambda: ("stop", None) in driver.asked, "the stop")
        await driver.press("q")
        await driver.see(QuitScreen)
        await driver.press("h")
        driver.session.may_end.set()
        await driver.see(HomeScreen)
        assert driver.app.session is driver.session
        await driver.press("n", "enter")
        await driver.see(LiveScreen)
        newer = driver.app.session
        newer.feed.stop_requested.set()
        await driver.wait(lambda: driver.live.over, "the end of the next run")
        assert driver.app.session is newer, "a fork that was left must not come back"


async def test_a_run_that_fails_while_it_is_saved_says_so(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        driver.session.may_end.clear()
        await type_fork(driver)
        await driver.see(ConfirmScreen)
        await driver.press("enter")
        await driver.wait(lambda: ("stop", None) in driver.asked, "the stop")
        driver.session.error = "The disk is full."
        driver.session.may_end.set()
        await driver.see(MessageScreen)
        assert "disk is full" in screen_text(driver.app)
        assert driver.app.session is driver.session


@pytest.mark.parametrize("opened", [training, home])
async def test_what_is_wrong_is_said_in_the_dialog_which_stays(runs_dir: Path, opened: Any) -> None:
    write_run(runs_dir, "other", script(30), stamp="20231115-221320")
    async with opened(runs_dir, fork_refusals=("There is no checkpoint 'gone'.",)) as driver:
        await type_fork(driver, "best lr 50, layers 3")
        await driver.settle()
        assert "lr must lie between 1e-9 and 10" in screen_text(driver.app)
        assert "no setting layers" in screen_text(driver.app)
        await driver.press("ctrl+u", *"gone", "enter")
        await driver.settle()
        assert "There is no checkpoint 'gone'." in screen_text(driver.app)
        assert isinstance(driver.app.screen, ForkScreen)
        assert driver.client.forked == []


async def test_a_hint_says_what_may_be_typed_and_the_list_what_is_saved(runs_dir: Path) -> None:
    async with training(runs_dir) as driver:
        await driver.press("f")
        await driver.see(ForkScreen)
        await driver.press(*"best drop")
        await driver.settle()
        text = screen_text(driver.app)
        assert "0 to 0.9" in text
        assert "Saved: 500" in text


async def test_a_run_without_a_folder_yet_has_nothing_to_fork_from(runs_dir: Path) -> None:
    async with driving(StartTraining(ScriptedSession()), runs_dir) as driver:
        await driver.press("f")
        await driver.wait(lambda: "no checkpoint yet" in " ".join(driver.toasts), "why not")


@pytest.mark.parametrize("status", ["empty", "unreadable"])
async def test_a_run_that_never_began_cannot_be_forked(runs_dir: Path, status: str) -> None:
    folder = write_run(runs_dir, "ziggy", [], checkpoint=False)
    if status == "unreadable":
        (folder / "journal.jsonl").write_text("not a journal\n" * 3)
    async with home(runs_dir) as driver:
        await driver.press("f")
        await driver.wait(lambda: "cannot be forked" in " ".join(driver.toasts), "why not")
