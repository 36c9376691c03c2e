"""Every key of the key map does what its help says, on every screen that offers it.

The checks are in `tests.tui.keys.every_key`, one a command; a command without one fails the first test. A check is
handed each of the command's keys in turn.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.tui.keys.keymap import COMMANDS_BY_ID, SCOPES_BY_MODE, KeyMode, commands_for, split_keys
from babytrain.tui.screens.chat import ChatScreen
from babytrain.tui.screens.dialogs.question import TextInputScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.letters import LettersScreen
from babytrain.tui.screens.run.replay_and_watch import WatchScreen
from babytrain.tui.screens.samples import SamplesScreen
from tests.tui.driving import COMPACT, Driver, driving, home, replay, write_run
from tests.tui.keys.every_key.registry import ALONE, CHECKS
from tests.tui.scripted import WALL_TIME, ScriptedSession, ending, script, started
from tests.tui.scripted_letters import lettered
from tests.tui.scripted_samples import spoken


def test_every_command_has_a_check() -> None:
    assert set(CHECKS) == set(COMMANDS_BY_ID)


def write_runs(runs_dir: Path) -> None:
    events = script(120)
    write_run(runs_dir, "done", [*events, ending(events)], stamp="20231114-221320")
    stopped = [started(wall_time=WALL_TIME - 3600), *script(120)[1:]]
    write_run(runs_dir, "stopped", [*stopped, ending(stopped, "interrupted")], stamp="20231114-211320")


def opened(mode: KeyMode, runs_dir: Path) -> object:
    """An app that shows a mode."""
    from babytrain.tui.app.start_screen import StartTraining, StartWatching

    # Many events, so that the panes have something to scroll.
    if mode == "home":
        write_runs(runs_dir)
        return home(runs_dir)
    if mode == "replay":
        return replay(runs_dir, COMPACT)
    if mode == "watch":
        folder = write_run(runs_dir, "elsewhere", script(620))
        return driving(StartWatching(folder / "journal.jsonl", "elsewhere"), runs_dir, COMPACT)
    folder = write_run(runs_dir, "ziggy", script(620))
    if mode == "letters":
        return driving(StartTraining(ScriptedSession(run_dir=folder, events=lettered(tokens=True))), runs_dir, COMPACT)
    if mode in ("samples", "chat"):
        write_runs(runs_dir)
        return driving(StartTraining(ScriptedSession(run_dir=folder, events=spoken())), runs_dir, COMPACT)
    return driving(StartTraining(ScriptedSession(run_dir=folder)), runs_dir, COMPACT)


async def reach(mode: KeyMode, driver: Driver) -> None:
    """From the first screen to the mode's own."""
    if mode == "quit":
        await driver.press("q")
        await driver.see(QuitScreen)
    elif mode == "dialog":
        await driver.press("n")
        await driver.see(TextInputScreen)
    elif mode == "letters":
        await driver.press("L")
        await driver.see(LettersScreen)
    elif mode in ("samples", "chat"):
        await driver.press("S" if mode == "samples" else "i")
        await driver.see(SamplesScreen if mode == "samples" else ChatScreen)
    elif mode == "watch":
        screen = await driver.see(WatchScreen)
        await driver.wait(lambda: screen.source.snapshot().rows == 620, "the journal to be read")
        await driver.settle()


@pytest.mark.parametrize("mode", [mode for mode in SCOPES_BY_MODE if mode not in ("quit", "dialog")])
async def test_the_keys_of_a_screen(mode: KeyMode, runs_dir: Path) -> None:
    async with opened(mode, runs_dir) as driver:  # type: ignore[attr-defined]
        await reach(mode, driver)
        for command in commands_for(mode):
            for key in split_keys(command.keys):
                if command.id not in ALONE:
                    await CHECKS[command.id](driver, key)


LEAVING = [
    (mode, command.id, key)
    for mode in SCOPES_BY_MODE
    for command in commands_for(mode)
    for key in split_keys(command.keys)
    if command.id in ALONE
]


@pytest.mark.parametrize(("mode", "command_id", "key"), LEAVING, ids=lambda value: str(value))
async def test_a_key_that_leaves_the_screen(mode: KeyMode, command_id: str, key: str, runs_dir: Path) -> None:
    async with opened(mode, runs_dir) as driver:  # type: ignore[attr-defined]
        await reach(mode, driver)
        await CHECKS[command_id](driver, key)
