"""The base of widgets of one or a few lines."""

from __future__ import annotations

from abc import abstractmethod

from textual.content import Content
from textual.widget import Widget

from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.widgets.common.full_text import CUT_SIGN, Readable

DIM = "$foreground 60%"


class LineWidget(Readable, Widget):
    """Lines that a subclass builds for its size; redrawn only when they change."""

    DEFAULT_CSS = "LineWidget { height: 1; width: 1fr; }"
    ALLOW_SELECT = False

    def __init__(self, id: str, charset: CharsetName = "braille", classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.charset = charset
        self.glyphs = GLYPHS[charset]
        self._lines: list[Content] = []

    @abstractmethod
    def build(self, width: int, height: int) -> list[Content]:
        """The lines for a size of at least one column; what does not fit is cut off below."""

    def redraw(self) -> None:
        """Build the lines again; redraw if the text or a style changed."""
        lines = self._built()
        same = len(lines) == len(self._lines) and all(map(Content.is_same, lines, self._lines))
        if not same:
            self._lines = lines
            self.refresh()

    def is_cut(self, y: int) -> bool:
        """Whether line `y` does not show all of its text."""
        return 0 <= y < len(self._lines) and CUT_SIGN in self._lines[y].plain

    def render(self) -> Content:
        """The lines for the present size."""
        self._lines = self._built()
        return Content("\n").join(self._lines)

    def _built(self) -> list[Content]:
        width, height = self.size
        return self.build(width, max(1, height)) if width > 0 else []


def labelled(label: str, value: str) -> Content:
    """A value after a dim label."""
    return Content.assemble((f"{label} ", DIM), (value, "bold"))


def fit_columns(line: Content, width: int) -> Content:
    """The line cut or padded to `width` columns."""
    line = line.truncate(width, ellipsis=True)
    return line.pad_right(width - line.cell_length)
