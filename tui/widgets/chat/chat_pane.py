"""The chat: the conversation as one text with the newest at the bottom, and bars for the likeliest next tokens.

Text that is outside the model's context is fainter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content

from babytrain.tui.engine_client.chat_backend import Likeliest
from babytrain.tui.engine_client.conversation import ChatTurn
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import TextHighlight, safe_highlighted
from babytrain.tui.text.styled_lines import shorten_to_columns
from babytrain.tui.text.token_bars import probability_bar, short_percent, token_label
from babytrain.tui.widgets.common.line_widget import DIM, LineWidget
from babytrain.tui.widgets.common.text_pane import TextPane

_MAX_SHOWN_CHARACTERS = 20_000  # characters of the end of a conversation
TYPED_STYLE = "bold $primary"
UNSEEN_STYLE = "$foreground 35%"
_PROMPT_SIGN_COLUMNS = 2


@dataclass(frozen=True)
class ChatView:
    """What there is to show; `left_out` characters at the front are outside the model's context."""

    turns: tuple[ChatTurn, ...]
    writing: bool
    left_out: int = 0
    hint: str = ""


class ChatPane(TextPane, inherit_bindings=False):
    """Shows a conversation. The screen around it scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    def __init__(self, charset: CharsetName = "braille") -> None:
        self._facts = ChatView((), False)
        super().__init__("the text so far", id="chat", charset=charset, classes="pane")

    def show(self, facts: ChatView) -> None:
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
            content = safe_highlighted(text, paragraph.marks(unseen))
            if writing:
                content = Content.assemble(content, (self.glyphs.caret, "$accent"))
            wrapped = content.wrap(max(1, width - _PROMPT_SIGN_COLUMNS))
            sign = Content.assemble((self.glyphs.playing, "$primary"), " ")
            lines += [
                Content.assemble(" " * _PROMPT_SIGN_COLUMNS if row else sign, line) for row, line in enumerate(wrapped)
            ]
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

    def marks(self, unseen: int) -> list[TextHighlight]:
        """Its first `unseen` characters faint, what was typed behind them set off."""
        unseen = min(unseen, len(self.text))
        marks = [TextHighlight(0, unseen, UNSEEN_STYLE)] if unseen else []
        return [*marks, TextHighlight(unseen, self.typed, TYPED_STYLE)] if self.typed > unseen else marks


def _paragraphs(turns: Sequence[ChatTurn]) -> list[_Paragraph]:
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
    return [paragraph for paragraph in paragraphs if end - paragraph.start <= _MAX_SHOWN_CHARACTERS] or paragraphs[-1:]


_MAX_TOKEN_COLUMNS = 12


class NextTokenBars(LineWidget):
    """Eight rows at most, as many as there is room for. What belongs to an older text is faint."""

    def __init__(self, charset: CharsetName) -> None:
        super().__init__("next-tokens", charset, classes="pane")
        self.likeliest: Likeliest = ()
        self._hint = ""
        self._old = False
        self.border_title = "next"

    def show(self, likeliest: Likeliest, *, old: bool = False, hint: str = "") -> None:
        """Show probabilities, or a hint where there are none. `old`: the answer to the newest text is on its way."""
        self.likeliest, self._old, self._hint = likeliest, old, hint
        self.redraw()

    def build(self, width: int, height: int) -> list[Content]:
        """One token a row."""
        if not self.likeliest:
            return [Content.assemble((self._hint, f"{DIM} italic"))]
        return token_bar_lines(self.likeliest[:height], width, self.charset, old=self._old)


def token_bar_lines(likeliest: Likeliest, width: int, charset: CharsetName, *, old: bool) -> list[Content]:
    """`o  81% ████████` for each token, in at most `width` columns."""
    names = [shorten_to_columns(token_label(token, charset), _MAX_TOKEN_COLUMNS) for token, _ in likeliest]
    name_width = min(max((cell_len(name) for name in names), default=0), max(1, width - 6))
    room = max(0, width - name_width - len("  100% "))
    lines: list[Content] = []
    for name, (_, share) in zip(names, likeliest, strict=True):
        shown = shorten_to_columns(name, name_width)
        lines.append(
            Content.assemble(
                (shown + " " * (name_width - cell_len(shown)), "$foreground 50%" if old else "bold $primary"),
                (f" {short_percent(share):>5} ", "$foreground 50%" if old else "$foreground"),
                (probability_bar(share, room, charset), "$foreground 35%" if old else "$accent"),
            ).truncate(width)
        )
    return lines
