"""`x`: the screen as it is, as a picture in a file; SVG always, PNG where this computer has a font to write one with.

The picture is taken at once and written in a thread, since a full or slow disk must not hold up the screen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App

from babytrain.tui.engine_client.errors import failure_sentence
from babytrain.tui.picture import screen_svg
from babytrain.tui.safe_text import safe_line

FOLDER = "pictures"
MOST_TRIES = 1000


def save_picture_of(app: App[Any], wall_time: float) -> None:
    """Take a picture of what the app shows; a toast says where it is, or why it is not."""
    folder = folder_shown(app.screen_stack) or Path.cwd()
    svg = screen_svg(app)

    def write() -> None:
        try:
            words, severity = describe_saving(svg, folder, wall_time)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: whoever pressed the key hears of it
            words, severity = failure_sentence("The picture could not be written", error), "error"
        app.call_from_thread(app.notify, safe_line(words), severity=severity, markup=False, timeout=8)

    app.run_worker(write, thread=True, exit_on_error=False, group="picture")


def folder_shown(screens: Sequence[object]) -> Path | None:
    """Where pictures of these screens, the uppermost last, belong: with the run that is shown, if it has a folder."""
    for screen in reversed(screens):
        folder = getattr(screen, "run_folder", None)
        if isinstance(folder, Path) and folder.is_dir():
            return folder / FOLDER
    return None


def describe_saving(svg: str, folder: Path, wall_time: float) -> tuple[str, Any]:
    """Save the picture. Returns a sentence for a person, and how severe it is."""
    try:
        path = write_picture(svg, folder, wall_time)
    except OSError as error:
        return f"The picture could not be written into {folder}: {error.strerror or error}.", "error"
    with_png, why = _write_png(svg, path.with_suffix(".png"))
    if with_png:
        return f"Picture: {path} and .png" + _boxes(svg), "information"
    return f"Picture: {path}" + (f" (no PNG: {why})" if why else ""), "information"


def _boxes(svg: str) -> str:
    """What the PNG lacks, in brackets; empty when it lacks nothing."""
    from babytrain.tui.poster.missing_glyphs import listed, missing_characters

    missing = missing_characters(svg)
    return f" (the PNG has boxes for what no font here has: {listed(missing)})" if missing else ""


def write_picture(svg: str, folder: Path, wall_time: float) -> Path:
    """Write an SVG under a name of its own, made of the time. Raises OSError; leaves no half file behind."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = time.strftime("screen-%Y%m%d-%H%M%S", time.localtime(wall_time))
    for number in range(1, MOST_TRIES):
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}.svg"
        try:
            file = path.open("x", encoding="utf-8")
        except FileExistsError:
            continue
        try:
            with file:
                file.write(svg)
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
        return path
    raise FileExistsError(f"there are {MOST_TRIES} pictures of this second already")


def _write_png(svg: str, path: Path) -> tuple[bool, str]:
    """Whether there is a PNG now, and if not, why."""
    try:
        from babytrain.tui.poster.png import NoFontsError, screen_png
    except ImportError:
        return False, "resvg is missing"
    try:
        path.write_bytes(screen_png(svg))
    except NoFontsError:
        return False, "no font to write one with"
    except ValueError as error:
        return False, str(error)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        return False, error.strerror or str(error)
    return True, ""
