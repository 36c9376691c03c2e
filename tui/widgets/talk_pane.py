"""The conversation: what was typed and what the model made of it, one text, the newest at the bottom.

What the model can no longer look back to is fainter: the text on the screen shows what it sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content

from babytrain.tui.charset import CharsetName
from babytrain.tui.conversation import Turn
from babytrain.tui.safe_text import Mark, safe_marked
from babytrain.tui.widgets.text_pane import TextPane

LONGEST_SHOWN = 20_000  # characters of the end of a conversation
TYPED_STYLE = "bold $primary"
UNSEEN_STYLE = "$foreground 35%"
GUTTER = 2


@dataclass(frozen=True)
class TalkFacts:
    """What there is to show; `left_out` characters at the front are out of the model's sight."""

    turns: tuple[Turn, ...]
    writing: bool
    left_out: int = 0
    hint: str = ""


class TalkPane(TextPane, inherit_bindings=False):
    """Shows a conversation. The screen around it scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    def __init__(self, charset: CharsetName = "braille") -> None:
        self._facts = TalkFacts((), False)
        super().__init__("the text so far", id="talk", charset=charset, classes="pane")

    def show(self, facts: TalkFacts) -> None:
        """Show a conversation, its end on the screen."""
        if facts != self._facts:
            self._facts = facts
            self.rebuild()
            if facts.turns:
                self.call_after_refresh(self.scroll_end, animate=False)  # a scroll bar has to be there first

    def build(self, width: int) -> list[Content]:
        """A paragraph for each line typed, with a sign before it."""
        facts = self._facts
        if not facts.turns:
            return Content.assemble((facts.hint, "$foreground 60% italic")).wrap(width)
        lines: list[Content] = []
        paragraphs = _paragraphs(facts.turns)
        for number, paragraph in enumerate(paragraphs):
            unseen = max(0, facts.left_out - paragraph.start)
            writing = facts.writing and number == len(paragraphs) - 1
            text = paragraph.text if writing else paragraph.text.rstrip("\n")
            content = safe_marked(text, paragraph.marks(unseen))
            if writing:
                content = Content.assemble(content, (self.glyphs.caret, "$accent"))
            wrapped = content.wrap(max(1, width - GUTTER))
            sign = Content.assemble((self.glyphs.playing, "$primary"), " ")
            lines += [Content.assemble(" " * GUTTER if row else sign, line) for row, line in enumerate(wrapped)]
        return lines

    def on_resize(self, event: events.Resize) -> None:
        """Another width breaks the lines elsewhere; the end stays on the screen."""
        self.rebuild()
        if self._facts.turns:
            self.call_after_refresh(self.scroll_end, animate=False)


@dataclass
class _Paragraph:
    """Text from one typed line to the next, how long it was typed and where it begins in the conversation."""

    text: str
    typed: int
    start: int

    def marks(self, unseen: int) -> list[Mark]:
        """Its first `unseen` characters faint, what was typed behind them set off."""
        unseen = min(unseen, len(self.text))
        marks = [Mark(0, unseen, UNSEEN_STYLE)] if unseen else []
        return [*marks, Mark(unseen, self.typed, TYPED_STYLE)] if self.typed > unseen else marks


def _paragraphs(turns: Sequence[Turn]) -> list[_Paragraph]:
    """The end of a conversation; a turn for which nothing was typed goes on with the paragraph before."""
    paragraphs: list[_Paragraph] = []
    end = 0
    for turn in turns:
        if paragraphs and not turn.typed:
            paragraphs[-1].text += turn.reply
            end += len(turn.reply)
            continue
        if paragraphs and not paragraphs[-1].text.endswith("\n"):
            end += 1  # the sign between them
        paragraphs.append(_Paragraph(turn.typed + turn.reply, len(turn.typed), end))
        end += len(turn.typed + turn.reply)
    return [paragraph for paragraph in paragraphs if end - paragraph.start <= LONGEST_SHOWN] or paragraphs[-1:]
