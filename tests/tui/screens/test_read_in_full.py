"""What is cut can be read: every ellipsis on every screen has the whole text behind it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from babytrain.runs.events import (
    AnyEvent,
    Command,
    CorpusInfo,
    GuardEvent,
    HostReading,
    LogMessage,
    Milestone,
    Sample,
    SuggestedCommand,
    Verdict,
    Vitals,
)
from babytrain.tui.screens.base import ModeScreen
from babytrain.tui.screens.dialogs.full_text import FullTextScreen
from babytrain.tui.screens.letters import LettersScreen
from babytrain.tui.screens.samples import SamplesScreen
from babytrain.tui.widgets.run.health_bar import HealthBar
from babytrain.tui.widgets.run.log_pane import LogPane
from tests.tui.driving import COMPACT, STRIP, WIDE, Driver, home, live, write_run
from tests.tui.scripted import script, started
from tests.tui.scripted_letters import lettered
from tests.tui.snapshots import screen_text

SIZES = pytest.mark.parametrize("size", [WIDE, COMPACT, STRIP], ids=["120x36", "80x24", "40x12"])
# Not cut but going on.
WAITING = ("asked…", "writing…", "the model…", "loading…")


def long(what: str) -> str:
    return " ".join(f"{what}-{number}" for number in range(30))


def long_texts() -> list[AnyEvent]:
    """A run in which everything is longer than any line."""
    corpus = CorpusInfo(
        name=long("corpus"),
        sha256="0" * 64,
        characters=600_000,
        train_tokens=540_000,
        val_tokens=60_000,
        vocabulary_size=40,
        tokenizer="char",
        floor_nats_per_token=0.9,
    )
    steps = script(620)
    t = steps[-1].t
    at: dict[str, Any] = {"t": t, "step": 620}
    return [
        started(name=long("name"), corpus=corpus, device_name=long("device")),
        *steps[1:],
        Vitals(**at, host=HostReading(cpu_percent=50.0), gpu_note=long("card")),
        Sample(
            **at, sample_id=99, text=long("text"), prompt=long("prompt"), temperature=0.8, top_k=0, seed=1, seconds=0.1
        ),
        GuardEvent(**at, cause="spike", action="skipped", text=long("guard")),
        Milestone(**at, name="first_word", text=long("milestone")),
        LogMessage(**at, level="warning", text=long("warning")),
        Command(**at, command_id=2, action="note", status="applied", text=long("note")),
        Command(**at, command_id=3, action="checkpoint", status="applied", text=long("saved")),
        Command(**at, command_id=4, action="set", status="applied", dial="quiet_hours", text=long("hours")),
        Verdict(
            **at,
            verdict="overfitting",
            why=long("why"),
            next_=long("next"),
            advice=SuggestedCommand(label=long("advice"), action="stop"),
            alternative=SuggestedCommand(label=long("other"), action="rollback", text="best"),
        ),
        Command(**at, command_id=5, action="evaluate", status="refused", reason=long("refused")),
    ]


def cut_words(text: str) -> list[str]:
    """The last characters before each ellipsis."""
    for words in WAITING:
        text = text.replace(words, "")
    lines = [re.split(r"│|\s\s", line.partition("…")[0] if part == 0 else part)[-1] for part, line in _parts(text)]
    return [re.split(r"[\"·]", words)[-1].strip()[-8:] for words in lines]


def _parts(text: str) -> list[tuple[int, str]]:
    found = []
    for line in text.splitlines():
        pieces = line.split("…")
        found += [(0, piece + "…") for piece in pieces[:-1]]
    return found


def assert_readable(driver: Driver) -> None:
    screen = driver.app.screen
    assert isinstance(screen, ModeScreen)
    whole = "\n".join(line.plain for text in screen.full_texts() for line in text.lines)
    assert "…" not in whole
    for words in cut_words(screen_text(driver.app)):
        assert re.search(re.escape(words) + r"\S*[^…]", whole), f"{words!r} is cut, and nowhere whole"


@SIZES
async def test_everything_cut_on_a_run_is_whole_in_the_dialog(runs_dir: Path, size: tuple[int, int]) -> None:
    async with live(runs_dir, size, events=long_texts()) as driver:
        assert cut_words(screen_text(driver.app)), "nothing is cut, so nothing is tested"
        assert_readable(driver)
        for pane in "12345":
            await driver.press(pane)
            if driver.run.maximised_pane is None:
                await driver.press("z")
            await driver.settle()
            assert_readable(driver)


@SIZES
async def test_a_refusal_and_its_reason_are_not_cut_in_the_panes(runs_dir: Path, size: tuple[int, int]) -> None:
    async with live(runs_dir, size, events=long_texts()) as driver:
        for pane, id_ in (("5", "log"), ("3", "dials")):
            await driver.press(pane)
            await driver.settle()
            shown = " ".join(" ".join(line.plain for line in driver.run.query_one(f"#{id_}").lines).split())  # type: ignore[attr-defined]
            assert long("refused") in shown


async def test_lines_of_the_log_are_wrapped_where_there_is_room(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT, events=long_texts()) as driver:
        await driver.press("5")
        assert any("…" in line.plain for line in driver.run.query_one(LogPane).lines)
        await driver.press("z")
        await driver.settle()
        assert not any("…" in line.plain for line in driver.run.query_one(LogPane).lines)


@SIZES
async def test_the_list_of_runs(runs_dir: Path, size: tuple[int, int]) -> None:
    write_run(runs_dir, "long", long_texts())
    async with home(runs_dir, size) as driver:
        assert "name-0 name-1" in screen_text(driver.app)
        whole = "\n".join(line.plain for text in driver.app.screen.full_texts() for line in text.lines)  # type: ignore[attr-defined]
        assert long("name") in whole
        assert long("corpus") in whole
        assert "620/1,500" in whole, "also what a narrow list leaves out"
        assert str(runs_dir) in whole
        await driver.press("v")
        await driver.see(FullTextScreen)
        await driver.press("v")
        assert driver.app.screen_stack[-1] is not FullTextScreen


@SIZES
async def test_samples_and_letters(runs_dir: Path, size: tuple[int, int]) -> None:
    async with live(runs_dir, size, events=long_texts()) as driver:
        await driver.press("S")
        await driver.see(SamplesScreen)
        assert_readable(driver)
    events = [started(name=long("name")), *lettered(620)[1:]]
    async with live(runs_dir, size, events=events) as driver:
        await driver.press("L")
        await driver.see(LettersScreen)
        assert_readable(driver)


@SIZES
async def test_enter_and_a_click_lead_there(runs_dir: Path, size: tuple[int, int]) -> None:
    async with live(runs_dir, size, events=long_texts()) as driver:
        await driver.press("5", "enter")
        screen = await driver.see(FullTextScreen)
        await driver.settle()
        assert "refused-0" in screen_text(driver.app), "the newest line of the log"
        await driver.press("enter")
        assert driver.app.screen is not screen
        await driver.click(HealthBar, offset=(3, 0))
        await driver.see(FullTextScreen)
        await driver.settle()
        assert "why-29" in " ".join(screen_text(driver.app).split())


async def test_a_click_on_a_cut_line_of_the_log_goes_to_that_line(runs_dir: Path) -> None:
    async with live(runs_dir, WIDE, events=long_texts()) as driver:
        log = driver.run.query_one(LogPane)
        log.scroll_to(y=0, animate=False, immediate=True)
        await driver.settle()
        row = next(number for number, line in enumerate(log.lines) if "guard-0" in line.plain)
        log.scroll_to(y=row, animate=False, immediate=True)
        await driver.settle()
        await driver.click(LogPane, offset=(20, row - log.scroll_offset.y + 1))
        await driver.see(FullTextScreen)
        await driver.settle()
        assert "guard-29" in screen_text(driver.app)
