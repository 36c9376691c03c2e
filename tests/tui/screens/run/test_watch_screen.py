"""A run that somebody else trains, seen through its journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent
from babytrain.runs.journal import JournalTail, encode_event
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock
from babytrain.tui.app.start_screen import StartWatching
from babytrain.tui.screens.home import HomeScreen
from tests.tui.driving import COMPACT, driving, write_run
from tests.tui.scripted import ending, script
from tests.tui.snapshots import screen_text


async def test_a_growing_journal_is_followed(runs_dir: Path) -> None:
    events = script(200)
    journal = write_run(runs_dir, "elsewhere", events[:150]) / "journal.jsonl"
    async with driving(StartWatching(journal, "elsewhere"), runs_dir, COMPACT) as driver:
        await driver.wait(lambda: "watching  ziggy" in screen_text(driver.app), "the run")
        with journal.open("ab") as file:
            file.write(b"".join(encode_event(event).rstrip(b"\n") + b"\n" for event in [*events[150:], ending(events)]))
        await driver.wait(lambda: "200/1,500" in screen_text(driver.app), "the new steps")
        await driver.wait(lambda: "✓ done" in screen_text(driver.app), "the end")


async def test_of_a_run_whose_process_is_gone_no_end_is_promised(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "elsewhere", script(60))
    with RunLock(RunFolder(folder)):
        async with driving(StartWatching(folder / "journal.jsonl", "elsewhere"), runs_dir, COMPACT) as driver:
            await driver.wait(lambda: "ETA" in screen_text(driver.app), "the estimate")
            (folder / "lock").unlink()
            await driver.wait(lambda: "interrupted" in screen_text(driver.app), "that it was killed")
            assert "ETA" not in screen_text(driver.app)
            assert "forecast" not in screen_text(driver.app)


async def test_its_commands_belong_to_others(runs_dir: Path) -> None:
    journal = write_run(runs_dir, "elsewhere", script(60)) / "journal.jsonl"
    async with driving(StartWatching(journal, "elsewhere"), runs_dir, COMPACT) as driver:
        await driver.press("space")
        assert "another process trains this run" in driver.toasts[-1]
        await driver.press("escape")
        await driver.see(HomeScreen)


async def test_a_journal_that_is_not_there_yet_is_waited_for(runs_dir: Path) -> None:
    journal = runs_dir / "new" / "journal.jsonl"
    async with driving(StartWatching(journal, "new"), runs_dir, COMPACT) as driver:
        assert "loading" in screen_text(driver.app)
        journal.parent.mkdir(parents=True)
        journal.write_bytes(b"".join(encode_event(event).rstrip(b"\n") + b"\n" for event in script(60)))
        await driver.wait(lambda: "60/1,500" in screen_text(driver.app), "the run")


async def test_a_journal_that_cannot_be_read_is_said_once(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def denied(tail: JournalTail) -> list[AnyEvent]:
        looks.append(1)
        raise RunsError("Cannot read the journal; check its permissions.")

    monkeypatch.setattr(JournalTail, "poll", denied)
    async with driving(StartWatching(runs_dir / "journal.jsonl", "odd"), runs_dir, COMPACT) as driver:
        await driver.wait(lambda: len(looks) > 3, "some looks at the journal")
        assert driver.toasts == ["Cannot read the journal; check its permissions."]
