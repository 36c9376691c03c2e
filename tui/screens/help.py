"""The help screen: every key of the screen below it, and every number in plain words. Made from the key map.

Each command is a line that can be clicked as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.keys import format_key
from textual.screen import ModalScreen
from textual.widgets import Static

from babytrain.tui.glossary import GLOSSARY
from babytrain.tui.keymap import MODES, SCOPE_TITLES, KeyCommand, Mode, bindings_in, commands_in, keys_of

KEY_WIDTH = 12


class CommandLine(Static):
    """One command: its keys and what it does. A click closes the help and runs it."""

    ALLOW_SELECT = False

    def __init__(self, command: KeyCommand, keymap: Mapping[str, str]) -> None:
        super().__init__(command_line(command, keymap), classes="command", markup=False)
        self.command = command

    def on_click(self) -> None:
        """Run the command where the help was opened."""
        screen = self.screen
        if isinstance(screen, HelpScreen):
            screen.run_command(self.command)


class HelpScreen(ModalScreen[str | None]):
    """Dismissed with the action to run, when a command was clicked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_in("dialog"),
        Binding("question_mark,q,enter", "cancel", show=False),
    ]

    def __init__(self, mode: Mode, keymap: Mapping[str, str], keys_file: str) -> None:
        super().__init__(classes="dialog")
        self._mode = mode
        self._keymap = keymap
        self._keys_file = keys_file

    def compose(self) -> ComposeResult:
        """Keys by scope, then the numbers."""
        with VerticalScroll(classes="box", id="help"):
            for scope in MODES[self._mode]:
                yield Static(SCOPE_TITLES[scope], classes="heading", markup=False)
                for command in commands_in(scope):
                    yield CommandLine(command, self._keymap)
            yield Static("The numbers", classes="heading", markup=False)
            for name, words in GLOSSARY:
                yield Static(Content.assemble((name, "bold $primary"), "  ", words), classes="number")
            yield Static("Your own keys", classes="heading", markup=False)
            yield Static(
                f'Lines such as  "live.pause" = "p"  in {self._keys_file}. The names of the commands: '
                + ", ".join(command.id for scope in MODES[self._mode] for command in commands_in(scope)),
                classes="number",
                markup=False,
            )

    def on_mount(self) -> None:
        """Arrows scroll."""
        self.query_one("#help").focus()

    def run_command(self, command: KeyCommand) -> None:
        """Close, and let whoever opened the help run this."""
        self.dismiss(command.action)

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss(None)


def command_line(command: KeyCommand, keymap: Mapping[str, str]) -> Content:
    """Keys and explanation of one command."""
    keys = " ".join(format_key_words(key) for key in keys_of(command, keymap))
    return Content.assemble((f"{keys:<{KEY_WIDTH}} ", "bold $primary"), command.help)


def format_key_words(key: str) -> str:
    """A key as people call it: `ctrl+c`, `←`, `.`."""
    *modifiers, name = key.split("+")
    return "+".join([*modifiers, format_key(name)])
