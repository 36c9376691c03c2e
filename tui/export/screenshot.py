"""Screenshots: the screen as SVG, and as PNG where this computer has a font.

Each run of characters is stretched to its cells. Textual's own export leaves the placing to the viewer's font, which
breaks braille charts where that font lacks braille.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.strip import Strip

from babytrain.tui.engine_client.errors import failure_sentence
from babytrain.tui.terminal.safe_text import safe_line

_CELL_WIDTH, _CELL_HEIGHT, _BASELINE, _MARGIN = 8.4, 18.0, 13.5, 14.0
SCREENSHOT_FONTS = "'JetBrains Mono','DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace"
DIMMED = 0.6


def screenshot_svg(app: App[object]) -> str:
    """The app's current screen as a self-contained SVG document."""
    strips: list[Strip] = app.screen._compositor.render_strips()
    theme = app.ansi_theme
    columns = max((strip.cell_length for strip in strips), default=0)
    width, height = columns * _CELL_WIDTH + 2 * _MARGIN, len(strips) * _CELL_HEIGHT + 2 * _MARGIN
    ground = _hex(app.screen.styles.background.rich_color, theme, foreground=False)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="{SCREENSHOT_FONTS}" font-size="14">',
        f'<rect width="100%" height="100%" rx="10" fill="{ground}"/>',
    ]
    for row, strip in enumerate(strips):
        parts.extend(_row_elements(strip, _MARGIN + row * _CELL_HEIGHT, theme, ground))
    parts.append("</svg>")
    return "\n".join(parts)


def _row_elements(strip: Strip, top: float, theme: TerminalTheme, ground: str) -> list[str]:
    rectangles: list[str] = []
    texts: list[str] = []
    column = 0
    for segment in Segment.simplify(strip):
        cells = segment.cell_length
        left, width = _MARGIN + column * _CELL_WIDTH, cells * _CELL_WIDTH
        style = segment.style or Style()
        front, back = _colours(style, theme, ground)
        if back != ground:
            size = f'width="{width + 0.2:.1f}" height="{_CELL_HEIGHT + 0.2}"'
            rectangles.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{back}"/>')
        texts.extend(_text_elements(segment.text, left, top + _BASELINE, front, style))
        column += cells
    return rectangles + texts


def _text_elements(text: str, left: float, baseline: float, colour: str, style: Style) -> list[str]:
    """One element for each word, so that the width of a space in the viewer's font does not matter."""
    weight = ' font-weight="bold"' if style.bold else ""
    slant = ' font-style="italic"' if style.italic else ""
    line = ' text-decoration="underline"' if style.underline else ""
    opacity = f' opacity="{DIMMED}"' if style.dim else ""
    attributes = f'fill="{colour}"{weight}{slant}{line}{opacity}'
    elements: list[str] = []
    # Each character that is not ASCII is an element of its own.
    for match in re.finditer(r"[!-~]+|[^\s\u2800]", text):
        word = match.group()
        x = left + cell_len(text[: match.start()]) * _CELL_WIDTH
        length = cell_len(word) * _CELL_WIDTH
        elements.append(
            f'<text x="{x:.1f}" y="{baseline:.1f}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs" '
            f"{attributes}>{escape(word)}</text>"
        )
    return elements


def _colours(style: Style, theme: TerminalTheme, ground: str) -> tuple[str, str]:
    front = _hex(style.color, theme, foreground=True)
    back = ground if style.bgcolor is None else _hex(style.bgcolor, theme, foreground=False)
    return (back, front) if style.reverse else (front, back)


def _hex(colour: Color | None, theme: TerminalTheme, *, foreground: bool) -> str:
    return (colour or Color.default()).get_truecolor(theme, foreground=foreground).hex


SCREENSHOT_FOLDER = "pictures"
_MAX_TRIES = 1000


def save_screenshot(app: App[Any], wall_time: float) -> None:
    """Take a screenshot; a thread writes it and a toast names the file or the problem."""
    folder = screenshot_folder(app.screen_stack) or Path.cwd()
    svg = screenshot_svg(app)

    def write() -> None:
        try:
            words, severity = write_screenshot_files(svg, folder, wall_time)
        except Exception as error:  # noqa: BLE001 - a toast reports it
            words, severity = failure_sentence("The picture could not be written", error), "error"
        app.call_from_thread(app.notify, safe_line(words), severity=severity, markup=False, timeout=8)

    app.run_worker(write, thread=True, exit_on_error=False, group="picture")


def screenshot_folder(screens: Sequence[object]) -> Path | None:
    """The folder for screenshots of the run that `screens` (uppermost last) show, None without a run folder."""
    for screen in reversed(screens):
        folder = getattr(screen, "run_folder", None)
        if isinstance(folder, Path) and folder.is_dir():
            pictures = folder / SCREENSHOT_FOLDER
            return None if pictures.is_symlink() else pictures  # a run folder may come from a stranger
    return None


def write_screenshot_files(svg: str, folder: Path, wall_time: float) -> tuple[str, Any]:
    """Write SVG and PNG. Returns a message and its severity."""
    try:
        path = write_screenshot(svg, folder, wall_time)
    except OSError as error:
        return f"The picture could not be written into {folder}: {error.strerror or error}.", "error"
    problem = _write_png(svg, path.with_suffix(".png"))
    if problem is None:
        return f"Picture: {path} and .png" + _missing_glyphs_note(svg), "information"
    return f"Picture: {path} (no PNG: {problem})", "information"


def _missing_glyphs_note(svg: str) -> str:
    from babytrain.tui.export.png import first_characters, missing_characters

    missing = missing_characters(svg)
    return f" (the PNG has boxes for what no font here has: {first_characters(missing)})" if missing else ""


def write_screenshot(svg: str, folder: Path, wall_time: float) -> Path:
    """Write an SVG to a new file named after the time. Raises OSError and then leaves no partial file."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = time.strftime("screen-%Y%m%d-%H%M%S", time.localtime(wall_time))
    for number in range(1, _MAX_TRIES):
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}.svg"
        if os.path.lexists(path.with_suffix(".png")):
            continue
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
    raise FileExistsError(f"there are {_MAX_TRIES} pictures of this second already")


def _write_png(svg: str, path: Path) -> str | None:
    """Why the PNG was not written, None when it was."""
    try:
        from babytrain.tui.export.png import NoFontsError, screenshot_png
    except ImportError:
        return "resvg is missing"
    try:
        picture = screenshot_png(svg)
        with path.open("xb") as file:
            file.write(picture)
    except NoFontsError:
        return "no font to write one with"
    except ValueError as error:
        return str(error)
    except FileExistsError:
        return f"{path.name} is there already"
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        return error.strerror or str(error)
    return None
