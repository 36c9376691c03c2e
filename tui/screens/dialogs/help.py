"""The help screen: every key of the screen below it and every displayed number, from the key map."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content

from babytrain.tui.keys.keymap import SCOPE_TITLES, SCOPES_BY_MODE, KeyCommand, KeyMode, commands_in, keys_text
from babytrain.tui.screens.dialogs.dialog import PaneDialog
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.widgets.common.text_pane import TextPane

_WIDE_LABELS = 14
_NARROW_LABELS = 9
_NARROW_COLUMNS = 60


class HelpPane(TextPane):
    """The help text; a click on a command dismisses the dialog with its action."""

    def __init__(self, mode: KeyMode, keymap: Mapping[str, str], keys_file: str, charset: CharsetName) -> None:
        self._mode = mode
        self._keymap = keymap
        self._keys_file = keys_file
        self._commands: dict[int, KeyCommand] = {}  # by line
        super().__init__("help", id="help", charset=charset)

    def on_click(self, event: events.Click) -> None:
        """Dismiss with the action of the clicked line."""
        offset = event.get_content_offset(self)
        if offset is not None and (command := self._commands.get(self.scroll_offset.y + offset.y)) is not None:
            self.screen.dismiss(command.action)

    def build(self, width: int) -> list[Content]:
        """Keys by scope, the numbers, and how to remap keys."""
        labels = _WIDE_LABELS if width >= _NARROW_COLUMNS else _NARROW_LABELS
        lines: list[Content] = []
        self._commands = {}
        for scope in SCOPES_BY_MODE[self._mode]:
            lines += _heading(SCOPE_TITLES[scope])
            for command in commands_in(scope):
                entry = _entry(keys_text(command, self._keymap), command.help, width, labels)
                self._commands |= {len(lines) + offset: command for offset in range(len(entry))}
                lines += entry
        lines += _heading("The numbers")
        for name, explanation in explanations().items():
            lines += _entry(name, explanation, width, labels)
        lines += _heading("Your own keys")
        advice = f'Write lines such as  "live.pause" = "p"  into {safe_line(self._keys_file)}. The names:'
        lines += Content(advice).wrap(width)
        for scope in SCOPES_BY_MODE[self._mode]:
            for command in commands_in(scope):
                lines += _entry(keys_text(command, self._keymap), command.id, width, labels)
        return lines


class HelpScreen(PaneDialog[str]):
    """Dismissed with the action to run when a command was clicked, else with None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,q,enter", "cancel", show=False)]


@cache
def explanations() -> Mapping[str, str]:
    """Every number on the screen explained, by its name."""
    document = tomllib.loads(files("babytrain.tui.text").joinpath("explanations.toml").read_text("utf-8"))
    return {name: " ".join(text.split()) for name, text in document.items()}


def _heading(text: str) -> list[Content]:
    return [Content(""), Content.assemble((text, "bold $accent"))]


def _entry(label: str, words: str, width: int, labels: int) -> list[Content]:
    """A label and its text with a hanging indent; a long label has its own line."""
    head = Content.assemble((label, "bold $primary"))
    indent = " " * labels
    wrapped = Content(words).wrap(max(1, width - labels))
    if head.cell_length >= labels:
        return [head.truncate(width), *(Content.assemble(indent, line) for line in wrapped)]
    first = Content.assemble(head.pad_right(labels - head.cell_length), wrapped[0])
    return [first, *(Content.assemble(indent, line) for line in wrapped[1:])]
