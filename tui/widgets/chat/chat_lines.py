"""The single lines around a conversation: who it is, how it draws, what there is to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.styled_lines import shorten_to_columns

_MAX_NAME = 40
# Setting -> what it is called where there is room, and where there is little.
SETTING_LABELS = {
    "temperature": ("temperature", "T"),
    "top-k": ("top-k", "k"),
    "top-p": ("top-p", "p"),
    "min-p": ("min-p", "min"),
    "repetition-penalty": ("repetition", "rep"),
}
NEUTRAL_SETTINGS = {"top-k": "0", "top-p": "1", "min-p": "0", "repetition-penalty": "1"}  # where they do nothing


class ChatInput(Input, inherit_bindings=False):
    """A line to type in; what Enter does is the screen's to say, so that people can have another key for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in Input.BINDINGS if isinstance(binding, Binding) and binding.key != "enter"
    ]


class ChatTitle(Widget):
    """Who one talks to, and at the right how it is doing."""

    DEFAULT_CSS = "ChatTitle { height: 1; width: 1fr; background: $surface; }"
    ALLOW_SELECT = False

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="chat-title")
        self._glyphs = glyphs
        self._who, self._words, self._sign, self._style = "", "", "", ""

    def show(self, name: str, words: str, sign: str, style: str) -> None:
        """Name of the run, state in words, its sign and its style."""
        if (name, words, sign, style) != (self._who, self._words, self._sign, self._style):
            self._who, self._words, self._sign, self._style = name, words, sign, style
            self.refresh()

    def render(self) -> Content:
        """One line."""
        width = self.size.width
        state = f"{self._sign} {self._words}"
        name = shorten_to_columns(
            safe_line(self._who, _MAX_NAME), max(0, width - cell_len(state) - 4), self._glyphs.ellipsis
        )
        gap = max(1, width - cell_len(name) - cell_len(state) - 2)
        line = Content.assemble(" ", (name, "bold $primary"), " " * gap, (state, self._style), " ")
        return line.truncate(width)


class SamplingSettingsLine(Widget):
    """How the next text is drawn; the setting that the arrows turn stands in brackets. A click chooses one."""

    DEFAULT_CSS = "SamplingSettingsLine { height: 1; width: 1fr; }"
    ALLOW_SELECT = False

    class Chosen(Message):
        """A setting was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="sampling-settings")
        self._glyphs = glyphs
        self._settings: tuple[tuple[str, str], ...] = ()
        self._chosen = ""

    def show(self, settings: Sequence[tuple[str, str]], chosen: str) -> None:
        """Settings with where they stand, and which one the arrows turn."""
        if (tuple(settings), chosen) != (self._settings, self._chosen):
            self._settings, self._chosen = tuple(settings), chosen
            self.refresh()

    def render(self) -> Content:
        """As many as fit, with long names where they all do."""
        parts = self._parts(self.size.width)
        return Content.assemble(" ", *(content for _, content in parts)).truncate(self.size.width)

    def on_click(self, event: events.Click) -> None:
        """The setting under the mouse."""
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


class NoteLine(Widget):
    """What there is to say now, in one line or two."""

    DEFAULT_CSS = "NoteLine { height: 2; width: 1fr; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__(id="chat-note")
        self._text, self._style = "", ""

    @property
    def text(self) -> str:
        """What is said."""
        return self._text

    def show(self, text: str, style: str = "$foreground 60%") -> None:
        """Say something; nothing to say is an empty line."""
        if (text, style) != (self._text, self._style):
            self._text, self._style = text, style
            self.refresh()

    def render(self) -> Content:
        """The sentence, cut where there is no room."""
        content = safe_content(self._text, self._style, one_line=True)
        width, rows = self.content_size
        lines = content.wrap(max(1, width))
        return Content("\n").join(lines[: max(1, rows)])
