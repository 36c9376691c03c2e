"""What to do with a run that is being trained: save and stop, stop and go home, or keep training.

Once stopping was chosen the dialog stays and says so, until everything is on disk.
"""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.screens.messages import StopChoice, StopRequested
from babytrain.tui.terminal.safe_text import safe_content


class QuitScreen(ModalScreen[None]):
    """Posts `StopWanted`; the app stops the session and closes the dialog when it has ended."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("quit", "picture"))

    def __init__(self, name: str) -> None:
        super().__init__(classes="dialog")
        self._name = name
        self.choice: StopChoice | None = None

    def compose(self) -> ComposeResult:
        """Three buttons, each with its key; then only what is being waited for."""
        with VerticalScroll(classes="box"):
            yield Label(safe_content(f"{self._name} is still training."), classes="question", id="question")
            yield Label("Stopping saves a checkpoint first; the run can be resumed to the bit.", classes="detail")
            yield Button("s  save and stop, leave the program", id="quit", variant="primary", compact=True)
            yield Button("h  save and stop, back to the runs", id="home", compact=True)
            yield Button("k  keep training", id="keep", compact=True)

    def on_mount(self) -> None:
        """Enter saves and stops."""
        self.query_one("#quit", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "quit":
                self.action_choose("quit")
            case "home":
                self.action_choose("home")
            case _:
                self.action_choose("keep")

    def action_choose(self, choice: StopChoice) -> None:
        """Act on a choice. While saving, changing one's mind about where to go is allowed, about stopping is not."""
        if choice == "keep":
            if self.choice is None:
                self.dismiss(None)
            return
        first = self.choice is None
        self.choice = choice
        goal = "then the program ends" if choice == "quit" else "then back to the runs"
        self.query_one("#question", Label).update(safe_content(f"Saving {self._name}, {goal}…"))
        self.query_one("#keep", Button).display = False
        if first:
            self.post_message(StopRequested(choice))
