"""The letter board on the screen: it follows its run, stays where somebody reads, and finds its way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.runs.events import Eval
from babytrain.runs.events.timeline import MAX_LETTERS
from babytrain.tui.app.start_screen import StartReplay, StartTraining
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.letters import LettersScreen
from tests.tui.driving import COMPACT, STRIP, TINY, WIDE, Driver, driving, home, live, write_run
from tests.tui.scripted import ScriptedSession, ending, script, state_from
from tests.tui.scripted_letters import LETTERS, lettered, letters_at
from tests.tui.snapshots import Golden, screen_text

SIZES = {"120x36": WIDE, "80x24": COMPACT, "40x12": STRIP}
HOSTILE = ("\u202e", "\x1b[31m", "e\u0301\u0301\u0301", "猫", "👩‍👩‍👧", "[bold]x[/]", "", "\\xff", "ש")


async def opened(driver: Driver) -> LettersScreen:
    await driver.press("L")
    screen = await driver.see(LettersScreen)
    assert isinstance(screen, LettersScreen)
    await driver.still()
    return screen


@pytest.mark.parametrize(("label", "size"), SIZES.items(), ids=SIZES.keys())
async def test_what_it_looks_like(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    async with live(runs_dir, size, events=lettered(tokens=True)) as driver:
        await opened(driver)
        golden.check(f"letters-{label}", driver.app)
        if label == "80x24":
            await driver.press("v", "down")
            await driver.still()
            golden.check("letters-bars-80x24", driver.app)
            await driver.press("v")
            await driver.still()
            golden.check("letters-tokens-80x24", driver.app)


async def test_in_plain_ascii(golden: Golden, runs_dir: Path) -> None:
    async with driving(StartTraining(ScriptedSession(lettered())), runs_dir, COMPACT, charset="ascii") as driver:
        await opened(driver)
        golden.check("letters-ascii-80x24", driver.app)
        assert screen_text(driver.app).isascii()


async def test_new_evaluations_come_in_unless_somebody_reads_an_older_one(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT, events=lettered()) as driver:
        screen = await opened(driver)
        assert driver.session is not None
        assert screen.index == 5
        driver.session.feed.events.put(letters_at(700, 60.0))
        await driver.wait(lambda: screen.index == 6, "the next evaluation")
        await driver.press("left_square_bracket", "left_square_bracket")
        driver.session.feed.events.put(letters_at(800, 61.0))
        await driver.wait(lambda: len(screen.evaluations) == 8, "one more")
        assert screen.index == 4
        await driver.press("end")
        assert screen.index == 7
        await driver.still()
        assert "step 800 · 8 of 8" in screen_text(driver.app)


async def test_when_old_boards_are_thinned_out_a_reader_stays_where_he_is(runs_dir: Path) -> None:
    boards = [letters_at(step, step / 10) for step in range(100, 100 + MAX_LETTERS)]
    async with live(runs_dir, COMPACT, events=[*script(60), *boards]) as driver:
        screen = await opened(driver)
        assert driver.session is not None
        assert len(screen.evaluations) == MAX_LETTERS
        for _ in range(10):
            await driver.press("left_square_bracket")
        standing = screen.evaluations[screen.index].step
        driver.session.feed.events.put(letters_at(2000, 200.0))
        await driver.wait(lambda: len(screen.evaluations) < MAX_LETTERS, "room for more boards")
        assert screen.evaluations[screen.index].step == standing


async def test_a_replay_shows_what_was_known_at_its_moment(runs_dir: Path) -> None:
    state = state_from(lettered())
    third = state.letters.events[2]
    async with driving(StartReplay(state, "ziggy", playing=False), runs_dir, COMPACT) as driver:
        driver.replay.clock.seek(third.t)
        screen = await opened(driver)
        assert [event.step for event in screen.evaluations] == [100, 200, 300]
        await driver.press("escape")
        assert driver.replay.clock.position == third.t


async def test_a_click_says_more_about_a_letter(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT, events=lettered()) as driver:
        screen = await opened(driver)
        assert screen.selected == "e"
        lines = screen_text(driver.app).splitlines()
        row = next(number for number, line in enumerate(lines) if " q " in line and " w " in line)
        await driver.click(offset=(lines[row].index(" w ") + 1, row))
        await driver.wait(lambda: screen.selected == "w", "the letter w")
        await driver.still()
        assert "predicted in place of v" in screen_text(driver.app)


async def test_before_the_first_evaluation_it_says_so(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        screen = await opened(driver)
        assert "Nobody has asked for the letters yet" in screen_text(driver.app)
        await driver.press("right", "down", "v", "left_square_bracket", "home", "pagedown")
        assert screen.index == -1


@pytest.mark.parametrize("at_its_end", [True, False])
async def test_an_old_recording_never_knew_its_letters(runs_dir: Path, at_its_end: bool) -> None:
    events = script(120)
    async with driving(
        StartReplay(state_from([*events, ending(events)]), "old", playing=False), runs_dir, COMPACT
    ) as driver:
        if not at_its_end:
            await driver.press("home")
        await opened(driver)
        assert "were never counted" in screen_text(driver.app)


@pytest.mark.parametrize("size", [TINY, STRIP, COMPACT, (200, 60)], ids=str)
async def test_hostile_symbols_move_nothing(runs_dir: Path, size: tuple[int, int]) -> None:
    events = [
        *script(60),
        letters_at(60, 9.0, [*HOSTILE, *LETTERS], tracked_letter="\u202e", tracked_letter_recall=0.5),
    ]
    async with live(runs_dir, size, events=events) as driver:
        await opened(driver)
        for key in ("right", "v", "down"):
            await driver.press(key)
            await driver.still()
            strips = driver.app.screen._compositor.render_strips()
            assert {strip.cell_length for strip in strips} == {size[0]}
            assert not any(char in screen_text(driver.app) for char in "\x1b\u202e")


async def test_from_the_list_of_runs_and_back(runs_dir: Path) -> None:
    events = lettered(320)
    write_run(runs_dir, "ziggy", [*events, ending(events)])
    async with home(runs_dir, COMPACT) as driver:
        screen = await opened(driver)
        assert screen.index == 2
        assert screen.run_folder == runs_dir / "ziggy-20231114-221320"
        await driver.press("escape")
        await driver.see(HomeScreen)


async def test_the_favourite_letter_stands_beside_the_losses_where_there_is_room(runs_dir: Path) -> None:
    async with live(runs_dir, WIDE, events=lettered()) as driver:
        header = next(line for line in screen_text(driver.app).splitlines() if "best 1.61" in line)
        assert "  e 98%" in header
        assert "EMA 0.95" in header, "nothing else has to go for it"
        await driver.resize(STRIP)
        assert "e 98%" not in screen_text(driver.app)


async def test_the_baselines_stand_in_the_chart_and_can_be_hidden(golden: Golden, runs_dir: Path) -> None:
    async with live(runs_dir, WIDE, events=lettered()) as driver:
        golden.check("live-baselines-120x36", driver.app)
        await driver.press("g")
        await driver.settle()
        assert not any(name in screen_text(driver.app) for name in ("bigram", "trigram", "5-gram", "unigram"))
        await driver.resize(COMPACT)
        await driver.press("g")
        await driver.settle()
        golden.check("live-baselines-80x24", driver.app)


async def test_letters_reach_the_header_with_their_evaluation(runs_dir: Path) -> None:
    """The chart is drawn again when letters come in after everything else has been drawn."""
    async with live(runs_dir, WIDE, events=script(620)) as driver:
        assert driver.session is not None
        assert isinstance(driver.run.source.snapshot().evals[-1], Eval)
        driver.session.feed.events.put(letters_at(620, 99.0, tracked_letter_recall=0.42))
        await driver.wait(lambda: "  e 42%" in screen_text(driver.app), "the favourite letter")
