"""The app around the screens: prints, people's own keys, the palette, the help, the footer, hostile text."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from babytrain.runs.events import LogMessage, Sample
from babytrain.tui.app.start_screen import AppResult
from babytrain.tui.engine_client.validation import dial_rules
from babytrain.tui.keys.keymap import KEY_COMMANDS, SCOPES_BY_MODE, commands_for
from babytrain.tui.screens.dialogs.help import HelpPane, HelpScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.widgets.common.key_bar import KeyBar
from tests.tui.driving import COMPACT, WIDE, home, live, replay, write_run
from tests.tui.scripted import script, started
from tests.tui.snapshots import screen_text

HOSTILE = "a\x1b[31mred\x1b]0;owned\x07\u202egpj\u200b [bold]x[/bold] [@click=app.quit]go[/]\tb\r\nnew\udcff"


# prints


async def test_prints_go_into_the_log(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        print("hello from", end=" ")
        print("a library")
        print("to stderr", file=sys.stderr)
        await driver.wait(lambda: "hello from a library" in screen_text(driver.app), "the print")
        await driver.wait(lambda: "to stderr" in screen_text(driver.app), "the other print")


async def test_lines_may_come_from_any_thread(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        threads = [threading.Thread(target=driver.app.add_log_line, args=(f"line {number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for number in range(8):
            await driver.wait(lambda number=number: f"| line {number}" in screen_text(driver.app), f"line {number}")


async def test_a_flood_of_prints_is_survived(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        for number in range(5000):
            driver.app.add_log_line(f"progress {number}")
        driver.app.add_log_line("after")
        await driver.wait(lambda: "| progress" in screen_text(driver.app), "some of it")


# hostile text


def assert_harmless(text: str) -> None:
    assert not any(char in text for char in "\x1b\x07\u202e\u200b\udcff\r\t")
    text.encode("utf-8")


async def test_a_hostile_sample_is_shown_as_it_is(runs_dir: Path) -> None:
    events = script(120)
    last = events[-1].t
    sample = Sample(t=last, step=120, sample_id=9, prompt=HOSTILE, text=HOSTILE, seed=1, temperature=1.0, seconds=0.1)
    note = LogMessage(t=last, step=120, level="warning", text=HOSTILE)
    async with live(runs_dir, WIDE, events=[*events, sample, note]) as driver:
        text = screen_text(driver.app)
        assert_harmless(text)
        assert "␛[31mred" in text
        assert "[bold]x" in text


async def test_a_hostile_run_name_is_shown_as_it_is(runs_dir: Path) -> None:
    write_run(runs_dir, "evil", [started(name=HOSTILE.replace("\udcff", ""), device=HOSTILE[:9]), *script(60)[1:]])
    async with home(runs_dir, COMPACT) as driver:
        assert_harmless(screen_text(driver.app))
        await driver.press("d")
        await driver.settle()
        assert_harmless(screen_text(driver.app))
        await driver.press("escape", "enter")
        await driver.settle()
        assert_harmless(screen_text(driver.app))


async def test_a_config_of_nonsense_is_shown(runs_dir: Path) -> None:
    strange = {"lr": None, "batch_size": HOSTILE.replace("\udcff", ""), "warmup": "x", "clip": [1], "optimizer": {}}
    async with live(runs_dir, WIDE, events=[started(config=strange), *script(120)[1:]]) as driver:
        assert_harmless(screen_text(driver.app))


# keys


async def test_own_keys_work_and_show(runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('"live.pause" = "p"\n"live.sample" = "space"\n"app.quit" = "Q"\n')
    monkeypatch.setenv("BABYTRAIN_KEYS", str(keys))
    async with live(runs_dir, COMPACT) as driver:
        await driver.press("p")
        await driver.wait(lambda: driver.asked == [("pause", None)], "the pause")
        await driver.press("space")
        await driver.wait(lambda: driver.asked[-1] == ("sample", None), "the sample")
        await driver.press("s")
        assert len(driver.asked) == 2
        assert " p pause " in screen_text(driver.app).splitlines()[-1]
        await driver.press("Q")
        await driver.see(QuitScreen)


async def test_a_broken_keys_file_is_a_sentence(
    runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('"live.puase" = "p"\n')
    monkeypatch.setenv("BABYTRAIN_KEYS", str(keys))
    async with home(runs_dir, COMPACT) as driver:
        assert driver.toasts == ["keys.toml: there is no command 'live.puase'. Did you mean live.pause?"]


# the palette, the help and the footer are made from the key map


async def test_the_palette_finds_every_command_of_the_screen(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        provider = next(iter(driver.app.COMMANDS - type(driver.app).__mro__[1].COMMANDS))
        hits = [hit async for hit in provider(driver.live).discover()]  # type: ignore[operator]
        offered = {str(hit.text or hit.display).split("  (")[0] for hit in hits}
        wanted = {command.title for command in commands_for("live") if command.title} - {"Back to the runs"}
        wanted |= {f"Set the {rule.name.replace('_', ' ')}…" for rule in dial_rules()}
        assert offered == wanted


async def test_the_palette_does_not_offer_one_thing_under_two_names(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        assert [command.title for command in driver.app.get_system_commands(driver.live)] == ["Theme"]


async def test_the_palette_runs_a_command(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await driver.press("ctrl+p")
        palette = await driver.see(CommandPalette)
        palette.query_one(Input).value = "evaluate now"
        await driver.wait(lambda: palette.query_one("CommandList").highlighted is not None, "a hit")
        await driver.press("enter")
        await driver.wait(lambda: driver.asked == [("evaluate", None)], "the evaluation")


async def test_the_help_lists_every_key_and_a_click_runs_it(runs_dir: Path) -> None:
    async with live(runs_dir, WIDE) as driver:
        await driver.press("question_mark")
        screen = await driver.see(HelpScreen)
        pane = screen.query_one(HelpPane)
        text = " ".join(" ".join(line.plain for line in pane.lines).split())
        assert [command.id for command in commands_for("live") if command.help not in text] == []
        assert [command.id for command in commands_for("live") if command.id not in text] == []
        row = next(number for number, line in enumerate(pane.lines) if "Let the model write a text now" in line.plain)
        await driver.click(pane, offset=(20, row + 1))
        await driver.see(LiveScreen)
        await driver.wait(lambda: driver.asked == [("sample", None)], "the sample")


async def test_the_footer_can_be_clicked(runs_dir: Path) -> None:
    async with live(runs_dir, WIDE) as driver:
        line = screen_text(driver.app).splitlines()[-1]
        await driver.click(KeyBar, offset=(line.index("e eval"), 0))
        await driver.wait(lambda: driver.asked == [("evaluate", None)], "the evaluation")
        await driver.click(KeyBar, offset=(line.index("- + lr"), 0))
        await driver.wait(lambda: driver.asked[-1][0] == "lr_scale", "the learning rate")
        assert (driver.asked[-1][1] or 1.0) < 0.5
        await driver.click(KeyBar, offset=(line.index("palette"), 0))
        await driver.see(CommandPalette)


@pytest.mark.parametrize("width", [40, 80, 120])
async def test_the_footer_never_cuts_a_word(runs_dir: Path, width: int) -> None:
    words = {word for command in KEY_COMMANDS for word in command.label.split()}
    words |= {"palette", "lr", "speed", "seek", "^p", "space", "enter", "tab", "?", *"-+.<>←→"}
    words |= {key for command in KEY_COMMANDS for key in command.keys.split(",")}
    async with replay(runs_dir, (width, 24)) as driver:
        line = screen_text(driver.app).splitlines()[-1]
        assert len(line) <= width
        assert set(line.split()) <= words
        assert line.split()[:4] == ["?", "help", "q", "quit"]


def test_what_can_be_done_has_a_key_a_palette_entry_and_a_place_to_click() -> None:
    """Everything in the palette can be clicked there; scrolling, dialogs and ways out have buttons or the wheel."""
    by_hand = {"scroll", "quit", "dialog"}
    by_mouse = {"left", "right", "up", "down", "page_up", "page_down"}
    without = {
        command.id
        for mode in SCOPES_BY_MODE
        for command in commands_for(mode)
        if not command.title and command.scope not in by_hand and command.id.rpartition(".")[2] not in by_mouse
    }
    assert without == {"app.interrupt", "app.palette"}


async def test_the_result_of_an_app_without_training_is_empty(runs_dir: Path) -> None:
    async with home(runs_dir) as driver:
        await driver.press("q")
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")
    assert driver.app.return_value == AppResult(None)


@pytest.mark.parametrize("theme", ["babytrain-light", "textual-dark", "nord", "ansi-dark"])
async def test_other_themes_are_survived(runs_dir: Path, theme: str) -> None:
    async with live(runs_dir) as driver:
        before = screen_text(driver.app)
        driver.app.theme = theme
        await driver.settle()
        assert screen_text(driver.app) == before
