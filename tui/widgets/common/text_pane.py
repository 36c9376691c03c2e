"""A scrolling pane of lines of text.

Uses Textual's line API, so that a new line does not lay out the whole screen; only rows that changed are drawn again.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS, Glyphs
from babytrain.tui.widgets.common.full_text import CUT_SIGN, Readable


class TextPane(Readable, ScrollView, can_focus=True, inherit_bindings=False):
    """Lines of text from `build`; `rebuild` updates them once the pane has a size."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("scroll"))
    DEFAULT_CSS = """
    TextPane {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, title: str, *, id: str, charset: CharsetName = "braille", classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.glyphs: Glyphs = GLYPHS[charset]
        self.lines: list[Content] = []
        self._title: Content | None = None
        self._built_width = -1
        self.set_title(Content(title))

    @abstractmethod
    def build(self, width: int) -> list[Content]:
        """The lines, each at most `width` columns wide."""

    def is_cut(self, y: int) -> bool:
        """Whether row `y` of the visible part does not show all of its line."""
        line = self._line(self.lines, self.scroll_offset.y + y)
        return line is not None and CUT_SIGN in line.plain

    def set_title(self, title: Content) -> None:
        """Set the border title if it changed: setting it redraws the pane."""
        if self._title is None or title.plain != self._title.plain:
            self._title = title
            self.border_title = title

    def rebuild(self) -> None:
        """Build the lines again and redraw those that changed."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        self._built_width = width
        before, self.lines = self.lines, self.build(width)
        size = Size(width, len(self.lines))
        if size != self.virtual_size:
            self._resize_content(size)
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        changed = [
            row
            for row in range(height)
            if not is_same(self._line(before, top + row), self._line(self.lines, top + row))
        ]
        if changed:
            self.refresh(*(Region(0, row, width, 1) for row in changed))

    def _resize_content(self, size: Size) -> None:
        """Set the number of lines; lay out the screen only if a scroll bar has to follow."""
        height = self.scrollable_content_region.height
        same_bar = (size.height > height) == (self.virtual_size.height > height) and not self.has_focus
        if same_bar and size.width == self.virtual_size.width:
            self.set_reactive(TextPane.virtual_size, size)
        else:
            self.virtual_size = size

    @property
    def at_end(self) -> bool:
        """Whether the last line is visible."""
        return self.scroll_offset.y >= self.max_scroll_y - 1

    def render_line(self, y: int) -> Strip:
        """Row `y` of the visible part."""
        width = self.scrollable_content_region.width
        if width != self._built_width:
            # A scroll bar appeared or disappeared, for which there is no event.
            self._built_width = width
            self.call_later(self.rebuild)
        style = self.visual_style
        line = self._line(self.lines, self.scroll_offset.y + y)
        if line is None:
            return Strip.blank(width, style.rich_style)
        strip = Strip(line.render_segments(style), line.cell_length)
        return strip.adjust_cell_length(width, style.rich_style)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the lines for the new width."""
        self.rebuild()

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines, down when positive."""
        self.scroll_relative(y=lines, animate=False, immediate=True)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll by pages, down when positive."""
        page = max(1, self.scrollable_content_region.height - 1)
        self.scroll_relative(y=pages * page, animate=False, immediate=True)

    @staticmethod
    def _line(lines: list[Content], index: int) -> Content | None:
        return lines[index] if 0 <= index < len(lines) else None


def is_same(first: Content | None, second: Content | None) -> bool:
    """Whether two lines have the same text and styles."""
    if first is None or second is None:
        return first is second
    return first.is_same(second)
