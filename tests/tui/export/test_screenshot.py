"""`x`: a picture of the screen lands where it belongs, never on top of another one, and a refusal is a sentence."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import pytest
from textual.screen import Screen

from babytrain.tui.app.start_screen import StartTraining
from babytrain.tui.export import screenshot
from babytrain.tui.export.png import NoFontsError, has_fonts
from babytrain.tui.export.screenshot import screenshot_folder, write_screenshot, write_screenshot_files
from babytrain.tui.screens.chat import ChatScreen
from babytrain.tui.screens.dialogs.help import HelpScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.letters import LettersScreen
from babytrain.tui.screens.samples import SamplesScreen
from tests.tui.driving import COMPACT, Driver, driving, home, replay, write_run
from tests.tui.scripted import WALL_TIME, ScriptedSession, ending, script

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><rect width="4" height="4"/></svg>'
NOW, NAME = WALL_TIME + 3600, "screen-20231114-231320"


async def taken(driver: Driver, key: str = "x") -> str:
    count = len(driver.toasts)
    await driver.press(key)
    await driver.wait(lambda: len(driver.toasts) > count, "a word about the picture")
    return driver.toasts[-1]


async def test_with_its_run_and_also_of_a_dialog(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "ziggy", script(60))
    async with driving(StartTraining(ScriptedSession(events=script(60), run_dir=folder)), runs_dir, COMPACT) as driver:
        words = await taken(driver)
        picture = folder / "pictures" / f"{NAME}.svg"
        assert str(picture) in words
        assert ">ziggy<" in picture.read_text()
        assert picture.with_suffix(".png").exists() == has_fonts()
        known = set(folder.glob("pictures/*.svg"))
        for key, screen, shown in (("q", QuitScreen, ">leave<"), ("question_mark", HelpScreen, ">Everywhere<")):
            await driver.press(key)
            await driver.see(screen)
            await driver.still()
            words = await taken(driver)
            assert "pictures" in words
            (newest,) = set(folder.glob("pictures/*.svg")) - known
            known.add(newest)
            assert shown in newest.read_text(), f"the picture is not of the {screen.__name__}"
            await driver.press("escape")


@pytest.mark.parametrize(("key", "screen"), [("S", SamplesScreen), ("L", LettersScreen), ("i", ChatScreen)])
async def test_what_stands_on_the_list_of_runs_leaves_it_with_its_run(
    runs_dir: Path, key: str, screen: type[Screen[None]]
) -> None:
    folder = write_run(runs_dir, "ziggy", [*script(120), ending(script(120))])
    async with home(runs_dir) as driver:
        await driver.press(key)
        await driver.see(screen)
        assert str(folder / "pictures" / f"{NAME}.svg") in await taken(driver, "f12")


async def test_a_recording_without_a_folder_leaves_it_here(runs_dir: Path, tmp_path: Path) -> None:
    async with replay(runs_dir, COMPACT) as driver:
        with contextlib.chdir(tmp_path):
            words = await taken(driver)
        assert str(tmp_path / f"{NAME}.svg") in words


async def test_where_nothing_can_be_written_a_sentence_says_so(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "ziggy", script(60))
    (folder / "pictures").write_text("not a folder")
    async with driving(StartTraining(ScriptedSession(events=script(60), run_dir=folder)), runs_dir, COMPACT) as driver:
        assert (await taken(driver)).startswith(f"The picture could not be written into {folder / 'pictures'}: ")


def test_a_full_disk_leaves_no_half_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    monkeypatch.setattr(screenshot.Path, "open", lambda path, *how, **more: FullFile(opened(path, *how, **more)))
    words, severity = write_screenshot_files(SVG, tmp_path, NOW)
    assert (words, severity) == (f"The picture could not be written into {tmp_path}: No space left on device.", "error")
    assert list(tmp_path.iterdir()) == []


class FullFile:
    """A file on a disk that has no room for anything."""

    def __init__(self, file: object) -> None:
        self.file = file

    def __enter__(self) -> FullFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()  # type: ignore[attr-defined]

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_no_picture_takes_the_place_of_another(tmp_path: Path) -> None:
    paths = [write_screenshot(SVG, tmp_path, NOW) for _ in range(3)]
    assert [path.name for path in paths] == [f"{NAME}.svg", f"{NAME}-2.svg", f"{NAME}-3.svg"]


async def test_a_picture_that_breaks_whatever_writes_it_is_a_sentence(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(screenshot, "write_screenshot_files", broken)
    async with home(runs_dir, COMPACT) as driver:
        assert await taken(driver) == "The picture could not be written (there is not enough memory)."


def test_without_fonts_there_is_no_png_and_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(svg: str) -> bytes:
        raise NoFontsError

    monkeypatch.setattr("babytrain.tui.export.png.screenshot_png", refuse)
    words, _ = write_screenshot_files(SVG, tmp_path, NOW)
    assert words == f"Picture: {tmp_path / NAME}.svg (no PNG: no font to write one with)"
    assert [path.suffix for path in tmp_path.iterdir()] == [".svg"]


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    class Shown:
        run_folder = tmp_path / "deleted"

    class Below:
        run_folder = tmp_path

    assert screenshot_folder([Below(), Shown()]) == tmp_path / "pictures"
    assert screenshot_folder([Shown()]) is None
