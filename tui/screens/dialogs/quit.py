"""What to do with the training run on quitting; after a stop was chosen the dialog stays until everything is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Label
from textual.widgets.button import ButtonVariant

from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.screens.messages import StopRequested
from babytrain.tui.terminal.safe_text import safe_content

StopChoice = Literal["quit", "home", "keep"]
_LABELS: Mapping[StopChoice, str] = {
    "quit": "s  save and stop, leave the program",
    "home": "h  save and stop, back to the runs",
    "keep": "k  keep training",
}


class QuitScreen(ModalScreen[None]):
    """Posts `StopRequested`; the app stops the session and closes the dialog when it has ended."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("quit", "picture"))

    def __init__(self, name: str) -> None:
        super().__init__(classes="dialog")
        self._name = name
        self.choice: StopChoice | None = None

    def compose(self) -> ComposeResult:
        """Three buttons with their keys; while stopping only the reason for waiting is shown."""
        with VerticalScroll(classes="box"):
            yield Label(safe_content(f"{self._name} is still training."), classes="question", id="question")
            yield Label("Stopping saves a checkpoint first; the run can be resumed to the bit.", classes="detail")
            for choice, label in _LABELS.items():
                variant: ButtonVariant = "primary" if choice == "quit" else "default"
                yield Button(label, id=choice, variant=variant, compact=True, action=f"screen.choose('{choice}')")

    def on_mount(self) -> None:
        """Focus the default, save and stop."""
        self.query_one("#quit", Button).focus()

    def action_choose(self, choice: StopChoice) -> None:
        """Carry out a choice. While saving, the destination can still be changed, the stop cannot."""
        if choice == "keep":
            if self.choice is None:
                self.dismiss(None)
            return
        first = self.choice is None
        self.choice = choice
        next_ = "then the program ends" if choice == "quit" else "then back to the runs"
        self.query_one("#question", Label).update(safe_content(f"Saving {self._name}, {next_}…"))
        self.query_one("#keep", Button).display = False
        if first:
            self.post_message(StopRequested())
