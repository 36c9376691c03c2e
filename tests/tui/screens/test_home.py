"""The list of runs and what can be done with them."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from babytrain.runs.events import AnyEvent
from babytrain.runs.journal import encode_event
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock
from babytrain.runs.store.run_list import SummaryCache, list_runs
from babytrain.runs.store.summary import RunSummary, summarize_run
from babytrain.tui.engine_client.client import NewRunOptions
from babytrain.tui.screens.dialogs.new_run import NewRunScreen
from babytrain.tui.screens.dialogs.question import ConfirmScreen, MessageScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.screens.run.replay_and_watch import ReplayScreen, WatchScreen
from babytrain.tui.widgets.common.runs_table import COLUMN_PRIORITIES, RunsTable, fitting_columns, read_rows, run_cells
from tests.timeouts import LONGEST_WAIT_SECONDS
from tests.tui.driving import COMPACT, Driver, home, write_run
from tests.tui.scripted import WALL_TIME, ending, script, started
from tests.tui.snapshots import screen_text


@pytest.fixture(autouse=True)
def _no_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.runs.recorded.recorded_runs", list)


def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording that ships with the program."""
    path = tmp_path / "baby.jsonl"
    path.write_bytes((write_run(tmp_path / "src", "demo", script(200)) / "journal.jsonl").read_bytes())
    monkeypatch.setattr("babytrain.runs.recorded.recorded_runs", lambda: [path])
    return path


def table(driver: Driver) -> RunsTable:
    return driver.app.screen.query_one(RunsTable)


async def test_one_enter_in_the_dialog_trains_the_default(runs_dir: Path) -> None:
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("n")
        await driver.see(NewRunScreen)
        await driver.press("enter")
        await driver.see(LiveScreen)
        assert driver.client.new_runs == [NewRunOptions()]


async def test_the_dialog_says_what_was_typed(runs_dir: Path) -> None:
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("n")
        await driver.see(NewRunScreen)
        await driver.press("shift+tab", *"2k", "shift+tab", *"bob", "shift+tab", "end", *"x.txt", "enter")
        await driver.see(LiveScreen)
        assert driver.client.new_runs == [NewRunOptions(corpus="haikux.txt", name="bob", steps=2000)]


async def test_another_preset_can_be_chosen(runs_dir: Path) -> None:
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("n")
        await driver.see(NewRunScreen)
        await driver.press(*["shift+tab"] * 4, "enter", "down", "enter", *["tab"] * 4, "enter")
        await driver.see(LiveScreen)
        assert driver.client.new_runs == [NewRunOptions(preset="toddler")]


async def test_what_cannot_be_trained_is_said_in_the_dialog(runs_dir: Path) -> None:
    async with home(runs_dir, COMPACT, refusal="There is no file [b]x[/b].") as driver:
        await driver.press("n")
        await driver.see(NewRunScreen)
        await driver.press("enter")
        await driver.wait(lambda: "There is no file [b]x[/b]." in screen_text(driver.app), "the reason")
        assert isinstance(driver.app.screen, NewRunScreen)


async def test_steps_that_are_none_are_refused_in_the_dialog(runs_dir: Path) -> None:
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("n")
        dialog = await driver.see(NewRunScreen)
        dialog.query_one("#steps").focus()
        await driver.press(*"many", "enter")
        await driver.wait(lambda: "Steps are a whole number" in screen_text(driver.app), "the reason")
        assert not driver.client.new_runs
        dialog.query_one("#steps").value = "2k"
        await driver.press("enter")
        await driver.see(LiveScreen)
        assert [options.steps for options in driver.client.new_runs] == [2000]


async def test_a_stopped_run_is_replayed_at_its_end_and_home_remembers_it(runs_dir: Path) -> None:
    events = script(60)
    write_run(runs_dir, "one", [*events, ending(events)], stamp="20231114-221320")
    write_run(runs_dir, "two", [started(wall_time=WALL_TIME - 60), *events[1:]], stamp="20231114-221220")
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("down", "enter")
        screen = await driver.see(ReplayScreen)
        assert screen.clock.finished
        assert not screen.clock.playing
        await driver.press("escape")
        screen = await driver.see(HomeScreen)
        await driver.wait(lambda: screen.loaded, "the list")
        row = table(driver).highlighted
        assert row is not None
        assert row.key == "run:two-20231114-221220"


async def test_the_list_follows_what_other_programs_do(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.tui.screens.home.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("babytrain.tui.screens.home.LOOK_SHARE", 0.0)
    events = script(60)
    for number, name in enumerate(("one", "two", "three")):
        first = started(name=name, wall_time=WALL_TIME - 60 * number)
        write_run(runs_dir, name, [first, *events[1:]], stamp=f"20231114-22{20 - number}00")
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("down")

        def shown(*names: str) -> bool:
            keys = [str(key.value) for key in table(driver).rows]
            return [key.removeprefix("run:").partition("-")[0] for key in keys] == list(names)

        def chosen() -> str:
            row = table(driver).highlighted
            return row.summary.name if row is not None else ""

        assert shown("one", "two", "three")
        write_run(
            runs_dir, "new", [started(name="new", wall_time=WALL_TIME + 60), *events[1:]], stamp="20231114-222100"
        )
        await driver.wait(lambda: shown("new", "one", "two", "three"), "a run that was started elsewhere")
        assert chosen() == "two"
        with (runs_dir / "two-20231114-221900" / "journal.jsonl").open("ab") as journal:
            journal.write(encode_event(ending(events)))
        await driver.wait(lambda: "✓ done" in screen_text(driver.app), "a run that ended elsewhere")
        assert chosen() == "two"
        shutil.rmtree(runs_dir / "one-20231114-222000")
        await driver.wait(lambda: shown("new", "two", "three"), "a run that was deleted elsewhere")
        assert chosen() == "two"
        shutil.rmtree(runs_dir / "two-20231114-221900")
        await driver.wait(lambda: shown("new", "three"), "the highlighted run deleted elsewhere")
        assert chosen() == "three"


def test_a_journal_is_read_again_only_after_it_changed(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def summarized(folder: RunFolder) -> RunSummary:
        read.append(folder.name)
        return summarize_run(folder)

    monkeypatch.setattr("babytrain.runs.store.run_list.summarize_run", summarized)
    write_run(runs_dir, "one", script(60))
    changing = RunFolder(write_run(runs_dir, "two", script(60)))
    cache = SummaryCache()
    assert len(list_runs(runs_dir, cache)) == len(list_runs(runs_dir, cache)) == 2
    assert read == ["one", "two"]
    with RunLock(changing):
        assert "training" in [run.status for run in list_runs(runs_dir, cache)]
    with changing.journal.open("ab") as journal:
        journal.write(encode_event(ending(script(60))))
    list_runs(runs_dir, cache)
    assert read == ["one", "two", "two", "two"]


async def test_a_double_click_opens_a_run(runs_dir: Path) -> None:
    write_run(runs_dir, "one", script(60))
    async with home(runs_dir, COMPACT) as driver:
        driver.app.CLICK_CHAIN_TIME_THRESHOLD = LONGEST_WAIT_SECONDS
        await driver.click(RunsTable, offset=(5, 1), times=2)
        await driver.see(ReplayScreen)


async def test_a_run_in_training_elsewhere_is_watched(runs_dir: Path) -> None:
    folder = RunFolder(write_run(runs_dir, "busy", script(60)))
    with RunLock(folder):
        async with home(runs_dir, COMPACT) as driver:
            assert "● training" in screen_text(driver.app)
            await driver.press("r")
            assert "Enter watches it" in driver.toasts[-1]
            await driver.press("enter")
            await driver.see(WatchScreen)


async def test_a_demo_is_marked_and_plays(runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording(tmp_path, monkeypatch)
    async with home(runs_dir, COMPACT) as driver:
        text = screen_text(driver.app)
        assert "ziggy  demo" in text
        assert "Enter on a demo" in " ".join(text.split()).replace("│ ", "")
        assert "delete" not in text.splitlines()[-1]
        await driver.press("enter")
        screen = await driver.see(ReplayScreen)
        assert screen.clock.playing


@pytest.mark.parametrize(
    ("kind", "word"), [("done", "is done"), ("no checkpoint", "no checkpoint"), ("empty", "never started")]
)
async def test_what_cannot_be_resumed_says_why(runs_dir: Path, kind: str, word: str) -> None:
    events = script(60)
    last: list[AnyEvent] = [ending(events)] if kind == "done" else []
    folder = write_run(runs_dir, "it", [*events, *last], checkpoint=kind == "done")
    if kind == "empty":
        (folder / "journal.jsonl").write_bytes(b"")
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("r")
        await driver.wait(lambda: any(word in toast for toast in driver.toasts), "the reason")
        assert driver.client.resumed == []


async def test_a_refused_resume_is_a_sentence(runs_dir: Path) -> None:
    write_run(runs_dir, "it", script(60))
    async with home(runs_dir, COMPACT, refusal="The text has changed since.") as driver:
        await driver.press("r")
        await driver.see(MessageScreen)
        assert "The text has changed since." in screen_text(driver.app)
        await driver.press("enter")
        await driver.see(HomeScreen)


async def test_an_unreadable_run_is_listed_and_not_opened(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "it", [])
    (folder / "journal.jsonl").write_bytes(b"\x00\x01 not a journal\n" * 3)
    async with home(runs_dir, COMPACT) as driver:
        assert "unreadable" in screen_text(driver.app)
        await driver.press("enter")
        assert "cannot be read" in driver.toasts[-1]


@pytest.mark.parametrize("failure", [MemoryError(), RuntimeError("boom")])
@pytest.mark.parametrize("key", ["enter", "S", "L"])
async def test_a_run_that_breaks_whatever_reads_it_is_a_sentence(
    runs_dir: Path, key: str, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(runs_dir, "ziggy", [*script(60), ending(script(60))])

    def broken(path: Path) -> None:
        raise failure

    async with home(runs_dir, COMPACT) as driver:
        monkeypatch.setattr("babytrain.runs.journal.load_state", broken)
        await driver.press(key)
        await driver.wait(lambda: bool(driver.toasts), "a sentence")
        reason = str(failure) or "there is not enough memory"
        assert driver.toasts[-1].startswith(f"The run cannot be read ({reason})")
        await driver.see(HomeScreen)


async def test_runs_that_break_whatever_lists_them_are_a_sentence(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("babytrain.tui.screens.thread_reads.read_rows", broken)
    async with home(runs_dir, COMPACT) as driver:
        assert "The runs cannot be read (there is not enough memory)." in screen_text(driver.app)


async def test_deleting_while_it_trains_is_refused(runs_dir: Path) -> None:
    folder = RunFolder(write_run(runs_dir, "busy", script(60)))
    with RunLock(folder):
        async with home(runs_dir, COMPACT) as driver:
            await driver.press("d")
            await driver.see(ConfirmScreen)
            await driver.press("enter")
            await driver.wait(lambda: driver.toasts != [], "the refusal")
            assert folder.path.exists()


async def test_undo_outlives_a_look_at_another_run(runs_dir: Path) -> None:
    events = script(60)
    write_run(runs_dir, "one", events, stamp="20231114-221320")
    gone = write_run(runs_dir, "two", [started(wall_time=WALL_TIME + 60), *events[1:]], stamp="20231114-221420")
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("d", "enter")
        await driver.wait(lambda: not gone.exists(), "the run to go")
        await driver.wait(lambda: table(driver).row_count == 1, "the list without it")
        await driver.press("enter")
        await driver.see(ReplayScreen)
        await driver.press("escape")
        screen = await driver.see(HomeScreen)
        await driver.wait(lambda: screen.loaded, "the list")
        await driver.press("u")
        await driver.wait(lambda: table(driver).row_count == 2, "the run to come back")
        assert gone.exists()


async def test_the_last_run_can_be_deleted_brought_back_and_opened(runs_dir: Path) -> None:
    write_run(runs_dir, "only", script(60))
    async with home(runs_dir, COMPACT) as driver:
        await driver.press("d", "enter")
        await driver.wait(lambda: "No runs yet." in screen_text(driver.app), "the empty list")
        await driver.press("u")
        await driver.wait(lambda: table(driver).row_count == 1, "the run to come back")
        await driver.wait(lambda: table(driver).has_focus, "the list to have the keys again")
        await driver.press("enter")
        await driver.see(ReplayScreen)


async def test_a_runs_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    async with home(tmp_path / "runs", COMPACT) as driver:
        assert "Cannot read the runs folder" in screen_text(driver.app)


def test_a_recording_that_is_damaged_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recording(tmp_path, monkeypatch)
    assert len(read_rows(tmp_path / "none").rows) == 1
    path.write_bytes(b"")
    assert read_rows(tmp_path / "none").rows == ()


def test_the_important_columns_stay_longest(tmp_path: Path) -> None:
    write_run(tmp_path, "it", script(60))
    rows = read_rows(tmp_path).rows
    cells = [run_cells(row, WALL_TIME, "braille", {}) for row in rows]
    kept = [fitting_columns(cells, width, 1) for width in range(200)]
    assert kept[0] == ["run", "state"]
    assert kept[-1] == list(COLUMN_PRIORITIES)
    assert all(set(before) <= set(after) for before, after in pairwise(kept))
