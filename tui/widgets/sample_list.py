"""The way the model learnt to speak at one glance: the beginning of every sample, one a line, oldest at the top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from babytrain.tui.charset import CharsetName
from babytrain.tui.safe_text import safe_content
from babytrain.tui.sample_walk import ShownSample
from babytrain.tui.widgets.text_pane import TextPane
from babytrain.tui.widgets.units import format_count, format_loss

LONGEST_BEGINNING = 80  # characters


class SampleList(TextPane, inherit_bindings=False):
    """A line a sample; a click goes there."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    class Chosen(Message):
        """A line was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, charset: CharsetName = "braille") -> None:
        self._samples: tuple[ShownSample, ...] = ()
        self._here: int | None = None
        super().__init__("through time", id="through-time", charset=charset, classes="pane card")

    def show(self, samples: Sequence[ShownSample], here: int | None) -> None:
        """Show samples, the one stood at marked and on the screen."""
        if (tuple(samples), here) != (self._samples, self._here):
            self._samples, self._here = tuple(samples), here
            self.rebuild()
            self.call_after_refresh(self._bring_into_view)

    def _bring_into_view(self) -> None:
        height = self.scrollable_content_region.height
        if self._here is not None and height > 0:
            top = min(max(self.scroll_offset.y, self._here - height + 1), self._here)
            self.scroll_to(y=top, animate=False, immediate=True)

    def build(self, width: int) -> list[Content]:
        """Step, validation loss, parrot index, and how the text begins."""
        steps = max((len(format_count(one.sample.step)) for one in self._samples), default=0)
        losses = max((len(format_loss(one.val_loss)) for one in self._samples), default=0)
        lines: list[Content] = []
        for number, one in enumerate(self._samples):
            here = number == self._here
            beginning = " ".join(one.sample.text[: 4 * LONGEST_BEGINNING].split())[:LONGEST_BEGINNING]
            style = "bold" if here else "$foreground 70%"
            line = Content.assemble(
                (f"{self.glyphs.playing if here else ' '} ", "bold $primary"),
                (f"{format_count(one.sample.step):>{steps}} ", "$foreground 60%"),
                (f"{format_loss(one.val_loss):>{losses}}  ", "$foreground 40%"),
                safe_content(beginning, style, one_line=True),
            )
            lines.append(line.truncate(width, ellipsis=True))
        return lines

    def on_click(self, event: events.Click) -> None:
        """Go to the sample on this line."""
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= (index := self.scroll_offset.y + offset.y) < len(self._samples):
            self.post_message(self.Chosen(index))
