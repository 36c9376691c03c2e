"""The screen as a picture: an SVG in which every run of characters is put where the terminal puts it.

Textual's own export leaves the placing to the viewer's font, and braille charts fall apart wherever that font has to
borrow its dots from another one. Here each run is stretched to its cells, so the picture holds in any viewer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.strip import Strip

CELL_WIDTH, CELL_HEIGHT, BASELINE, MARGIN = 8.4, 18.0, 13.5, 14.0
FONTS = "'JetBrains Mono','DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace"
DIMMED = 0.6


def screen_svg(app: App[object]) -> str:
    """The app's current screen as a self-contained SVG document."""
    strips: list[Strip] = app.screen._compositor.render_strips()
    theme = app.ansi_theme
    columns = max((strip.cell_length for strip in strips), default=0)
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(strips) * CELL_HEIGHT + 2 * MARGIN
    ground = _hex(app.screen.styles.background.rich_color, theme, foreground=False)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="{FONTS}" font-size="14">',
        f'<rect width="100%" height="100%" rx="10" fill="{ground}"/>',
    ]
    for row, strip in enumerate(strips):
        parts.extend(_row(strip, MARGIN + row * CELL_HEIGHT, theme, ground))
    parts.append("</svg>")
    return "\n".join(parts)


def _row(strip: Strip, top: float, theme: TerminalTheme, ground: str) -> list[str]:
    """The rectangles and texts of one line of cells."""
    rectangles: list[str] = []
    texts: list[str] = []
    column = 0
    for segment in Segment.simplify(strip):
        cells = segment.cell_length
        left, width = MARGIN + column * CELL_WIDTH, cells * CELL_WIDTH
        style = segment.style or Style()
        front, back = _colours(style, theme, ground)
        if back != ground:
            size = f'width="{width + 0.2:.1f}" height="{CELL_HEIGHT + 0.2}"'
            rectangles.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{back}"/>')
        texts.extend(_texts(segment.text, left, top + BASELINE, front, style))
        column += cells
    return rectangles + texts


def _texts(text: str, left: float, baseline: float, colour: str, style: Style) -> list[str]:
    """One element a word, so that no viewer's idea of a space can shift what follows."""
    weight = ' font-weight="bold"' if style.bold else ""
    slant = ' font-style="italic"' if style.italic else ""
    line = ' text-decoration="underline"' if style.underline else ""
    opacity = f' opacity="{DIMMED}"' if style.dim else ""
    attributes = f'fill="{colour}"{weight}{slant}{line}{opacity}'
    elements: list[str] = []
    for start, word in _pieces(text):
        x = left + cell_len(text[:start]) * CELL_WIDTH
        length = cell_len(word) * CELL_WIDTH
        elements.append(
            f'<text x="{x:.1f}" y="{baseline:.1f}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs" '
            f"{attributes}>{escape(word)}</text>"
        )
    return elements


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Words with their positions; of what is not ordinary text every character on its own."""
    for match in re.finditer(r"[!-~]+|[^\s\u2800]", text):
        yield match.start(), match.group()


def _colours(style: Style, theme: TerminalTheme, ground: str) -> tuple[str, str]:
    front = _hex(style.color, theme, foreground=True)
    back = ground if style.bgcolor is None else _hex(style.bgcolor, theme, foreground=False)
    return (back, front) if style.reverse else (front, back)


def _hex(colour: Color | None, theme: TerminalTheme, *, foreground: bool) -> str:
    triplet = (colour or Color.default()).get_truecolor(theme, foreground=foreground)
    return triplet.hex
