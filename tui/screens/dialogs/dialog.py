"""The base of the dialogs: a box over the screen below, its keys, and buttons that accept or cancel."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Button, Label
from textual.widgets.button import ButtonVariant

from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.terminal.safe_text import safe_content
from babytrain.tui.widgets.common.text_pane import TextPane


class Dialog(ModalScreen[ScreenResultType]):
    """Dismissed with None by escape."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("dialog", "picture"))
    first_focus: ClassVar[str] = "#accept"  # selector of the widget focused first

    def __init__(self) -> None:
        super().__init__(classes="dialog")

    def on_mount(self) -> None:
        """Set the focus now; `AUTO_FOCUS` would wait for the terminal to have the focus."""
        self.query_one(self.first_focus).focus()

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class FormDialog(Dialog[ScreenResultType]):
    """A question, an explanation, the subclass's fields, an accept button and, with `cancel`, a cancel button."""

    def __init__(
        self,
        question: str,
        detail: str = "",
        *,
        accept: str = "OK",
        variant: ButtonVariant = "primary",
        cancel: str = "Cancel",
    ) -> None:
        super().__init__()
        self._question = question
        self._detail = detail
        self._accept = accept
        self._variant = variant
        self._cancel = cancel

    def compose(self) -> ComposeResult:
        """Everything stacked, the buttons side by side."""
        with VerticalScroll(classes="box"):
            yield Label(safe_content(self._question), classes="question")
            if self._detail:
                yield Label(safe_content(self._detail), classes="detail")
            yield from self.compose_fields()
            with Horizontal(classes="buttons"):
                yield Button(self._accept, id="accept", variant=self._variant, compact=True, action="screen.accept")
                if self._cancel:
                    yield Button(self._cancel, id="cancel", compact=True, action="screen.cancel")

    def compose_fields(self) -> ComposeResult:
        """Widgets between the explanation and the buttons."""
        return iter(())

    @abstractmethod
    def action_accept(self) -> None:
        """Dismiss with the answer, or show what is wrong with it."""

    def show_problem(self, sentence: str) -> None:
        """Show a sentence in the label `#problem`."""
        label = self.query_one("#problem", Label)
        label.remove_class("-none")
        label.update(safe_content(sentence))


class PaneDialog(Dialog[ScreenResultType]):
    """One scrollable text pane."""

    first_focus: ClassVar[str] = "TextPane"

    def __init__(self, pane: TextPane) -> None:
        super().__init__()
        self._pane = pane
        pane.border_subtitle = "esc closes"

    def compose(self) -> ComposeResult:
        """The pane."""
        yield self._pane
