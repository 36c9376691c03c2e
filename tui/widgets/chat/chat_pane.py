"""What was typed and written, dim outside the model's context, and bars for the likeliest next tokens."""

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

_MAX_SHOWN_CHARACTERS = 20_000  # characters shown from the end of a conversation
UNSEEN_STYLE = "$foreground 35%"
_PROMPT_SIGN_COLUMNS = 2


@dataclass(frozen=True)
class ChatView:
    """What to show; of the newest text the first `left_out` characters are outside the model's context."""

    turns: tuple[ChatTurn, ...]
    writing: bool
    left_out: int = 0
    hint: str = ""


class ChatPane(TextPane, inherit_bindings=False):
    """Shows a conversation; the screen scrolls it."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    def __init__(self, charset: CharsetName = "braille") -> None:
        self._facts = ChatView((), False)
        super().__init__("the text so far", id="chat", charset=charset, classes="pane")

    def show(self, facts: ChatView) -> None:
        """Show a conversation, scrolled to its end."""
        if facts != self._facts:
            self._facts = facts
            self.rebuild()
            if facts.turns:
                self.call_after_refresh(self.scroll_end, animate=False)  # the scroll bar has to exist first

    def build(self, width: int) -> list[Content]:
        """A paragraph for each typed line, marked with a sign."""
        facts = self._facts
        if not facts.turns:
            return Content.assemble((facts.hint, "$foreground 60% italic")).wrap(width)
        lines: list[Content] = []
        paragraphs = _paragraphs(facts.turns)
        for number, paragraph in enumerate(paragraphs):
            is_newest = number == len(paragraphs) - 1
            unseen = facts.left_out if is_newest else 0
            writing = facts.writing and is_newest
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
        """Wrap for the new width; the end stays visible."""
        self.rebuild()
        if self._facts.turns:
            self.call_after_refresh(self.scroll_end, animate=False)


@dataclass
class _Paragraph:
    """Text from one typed line to the next, and the length of its typed part."""

    text: str
    typed: int

    def marks(self, unseen: int) -> list[TextHighlight]:
        """Highlights: the first `unseen` characters dim, the other typed ones in their own style."""
        unseen = min(unseen, len(self.text))
        marks = [TextHighlight(0, unseen, UNSEEN_STYLE)] if unseen else []
        return [*marks, TextHighlight(unseen, self.typed, "bold $primary")] if self.typed > unseen else marks


def _paragraphs(turns: Sequence[ChatTurn]) -> list[_Paragraph]:
    """The newest texts; a turn without typed text continues the one before."""
    paragraphs: list[_Paragraph] = []
    for turn in turns:
        if paragraphs and not turn.typed:
            paragraphs[-1].text += turn.reply
        else:
            paragraphs.append(_Paragraph(turn.typed + turn.reply, len(turn.typed)))
    room = _MAX_SHOWN_CHARACTERS
    shown: list[_Paragraph] = []
    for paragraph in reversed(paragraphs):
        room -= len(paragraph.text)
        if room < 0 and shown:
            break
        shown.insert(0, paragraph)
    return shown


class NextTokenBars(LineWidget):
    """At most eight rows, as many as fit; dim if they belong to an older text."""

    def __init__(self, charset: CharsetName) -> None:
        super().__init__("next-tokens", charset, classes="pane")
        self.likeliest: Likeliest = ()
        self._hint = ""
        self._old = False
        self.border_title = "next"

    def show(self, likeliest: Likeliest, *, old: bool = False, hint: str = "") -> None:
        """Show probabilities, or a hint without any. `old`: those of the newest text are not computed yet."""
        self.likeliest, self._old, self._hint = likeliest, old, hint
        self.redraw()

    def build(self, width: int, height: int) -> list[Content]:
        """One token per row."""
        if not self.likeliest:
            return [Content.assemble((self._hint, f"{DIM} italic"))]
        return token_bar_lines(self.likeliest[:height], width, self.charset, old=self._old)


def token_bar_lines(likeliest: Likeliest, width: int, charset: CharsetName, *, old: bool) -> list[Content]:
    """`o  81% ████████` for each token, in at most `width` columns."""
    names = [shorten_to_columns(token_label(token, charset), 12) for token, _ in likeliest]
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
