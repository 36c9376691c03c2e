"""The lines around a conversation: title, text field, sampling settings, note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.styled_lines import shorten_to_columns
from babytrain.tui.widgets.common.line_widget import DIM, LineWidget

_MAX_NAME = 40
# Setting -> its long and its short label.
SETTING_LABELS = {
    "temperature": ("temperature", "T"),
    "top-k": ("top-k", "k"),
    "top-p": ("top-p", "p"),
    "min-p": ("min-p", "min"),
    "repetition-penalty": ("repetition", "rep"),
}
NEUTRAL_SETTINGS = {"top-k": "0", "top-p": "1", "min-p": "0", "repetition-penalty": "1"}  # values without effect


class ChatInput(Input, inherit_bindings=False):
    """An input line; Enter is bound by the screen, so that it can be remapped."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in Input.BINDINGS if isinstance(binding, Binding) and binding.key != "enter"
    ]


class ChatTitle(LineWidget):
    """The run or checkpoint that replies, and at the right end its state."""

    DEFAULT_CSS = "ChatTitle { background: $surface; }"

    def __init__(self, charset: CharsetName) -> None:
        super().__init__("chat-title", charset)
        self._run_name, self._state, self._style = "", "", ""

    def show(self, name: str, words: str, sign: str, style: str) -> None:
        """Show the run's name and its state: words, sign and style."""
        self._run_name, self._state, self._style = name, f"{sign} {words}", style
        self.redraw()

    def build(self, width: int, height: int) -> list[Content]:
        """One line."""
        room = max(0, width - cell_len(self._state) - 4)
        name = shorten_to_columns(safe_line(self._run_name, _MAX_NAME), room, self.glyphs.ellipsis)
        gap = max(1, width - cell_len(name) - cell_len(self._state) - 2)
        line = Content.assemble(" ", (name, "bold $primary"), " " * gap, (self._state, self._style), " ")
        return [line.truncate(width)]


class SamplingSettingsLine(LineWidget):
    """The sampling settings; the one that up and down change is in brackets. A click selects one."""

    @dataclass
    class Chosen(Message):
        """A setting was clicked."""

        name: str

    def __init__(self, charset: CharsetName) -> None:
        super().__init__("sampling-settings", charset)
        self._settings: tuple[tuple[str, str], ...] = ()
        self._chosen = ""

    def show(self, settings: Sequence[tuple[str, str]], chosen: str) -> None:
        """Show settings with their values, and the selected one."""
        self._settings, self._chosen = tuple(settings), chosen
        self.redraw()

    def build(self, width: int, height: int) -> list[Content]:
        """As many as fit, with long labels if all of them fit."""
        return [Content.assemble(" ", *(content for _, content in self._parts(width))).truncate(width)]

    def on_click(self, event: events.Click) -> None:
        """Select the setting under the mouse."""
        column = 1
        for name, content in self._parts(self.size.width):
            if column <= event.x < column + content.cell_length and name:
                self.post_message(self.Chosen(name))
            column += content.cell_length

    def _parts(self, width: int) -> list[tuple[str, Content]]:
        long = self._assembled(0, 2)
        if sum(content.cell_length for _, content in long) + 2 <= width:
            return long
        return self._assembled(1, 1)

    def _assembled(self, which: int, gap: int) -> list[tuple[str, Content]]:
        parts: list[tuple[str, Content]] = []
        for name, value in self._settings:
            off = NEUTRAL_SETTINGS.get(name) == value
            words = f"{SETTING_LABELS[name][which]} {'off' if off else value}"
            if name == self._chosen:
                content = Content.assemble((f"[{words}]", "bold $primary"))
            else:
                content = Content.assemble((f" {words} ", "$foreground 50%" if off else "$foreground"))
            parts.append((name, content))
            parts.append(("", Content(" " * (gap - 1))))
        return parts


class NoteLine(LineWidget):
    """A note in one line or two."""

    DEFAULT_CSS = "NoteLine { height: 2; padding: 0 1; }"
    ALLOW_SELECT = True

    def __init__(self) -> None:
        super().__init__("chat-note")
        self.text, self._style = "", ""

    def show(self, text: str, style: str = DIM) -> None:
        """Show a note; an empty one is an empty line."""
        self.text, self._style = text, style
        self.redraw()

    def build(self, width: int, height: int) -> list[Content]:
        """The note, cut to the size."""
        return list(safe_content(self.text, self._style, one_line=True).wrap(width))[:height]
