"""A widget of one or a few lines: the base of the header, the health lines, the bars and the lines of the chat."""

from __future__ import annotations

from abc import abstractmethod

from textual.content import Content
from textual.widget import Widget

from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS

DIM = "$foreground 60%"


class LineWidget(Widget):
    """Lines that a subclass builds for the size it has; drawn again only when they would look different."""

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
        """Build the lines again; draw them if a letter or a colour changed."""
        lines = self._built()
        same = len(lines) == len(self._lines) and all(map(Content.is_same, lines, self._lines))
        if not same:
            self._lines = lines
            self.refresh()

    def render(self) -> Content:
        """The lines for the size it has now."""
        self._lines = self._built()
        return Content("\n").join(self._lines)

    def _built(self) -> list[Content]:
        width, height = self.size
        return self.build(width, max(1, height)) if width > 0 else []


def labelled(label: str, value: str) -> Content:
    """A value behind a quiet label."""
    return Content.assemble((f"{label} ", DIM), (value, "bold"))


def fit_columns(line: Content, width: int) -> Content:
    """The line cut or filled to `width` columns."""
    line = line.truncate(width, ellipsis=True)
    return line.pad_right(width - line.cell_length)
