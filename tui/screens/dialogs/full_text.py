"""Everything a screen says, in full: what its panes and lines had to cut, wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from babytrain.tui.screens.dialogs.dialog import PaneDialog
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.widgets.common.full_text import FullText, wrap_hanging
from babytrain.tui.widgets.common.text_pane import TextPane


class FullTextPane(TextPane):
    """The texts one below the other, scrolled to line `at[1]` of the one whose id is `at[0]`; -1 is its beginning."""

    def __init__(self, texts: Sequence[FullText], charset: CharsetName, at: tuple[str, int]) -> None:
        self._texts = [text for text in texts if text.lines]
        self._at = at
        self._target = 0
        super().__init__("in full", id="full-text", charset=charset)

    def build(self, width: int) -> list[Content]:
        """A heading for each text, and its lines."""
        wanted, number = self._at
        lines: list[Content] = []
        for text in self._texts:
            if lines:
                lines.append(Content())
            starts = [len(lines)]
            lines.append(Content.assemble((text.title, "bold $accent")))
            for line in text.lines:
                starts.append(len(lines))
                lines += wrap_hanging(line, 2, width)
            if text.id == wanted:
                chosen = len(starts) - 1 if number < 0 and text.newest_last else number + 1
                self._target = starts[min(chosen, len(starts) - 1)]
        return lines

    def on_mount(self) -> None:
        """Go to the line that was asked for."""
        self.call_after_refresh(lambda: self.scroll_to(y=self._target, animate=False))


class FullTextScreen(PaneDialog[None]):
    """Closed by escape, enter, or the keys that open it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("v,q,enter,f2", "cancel", show=False)]
