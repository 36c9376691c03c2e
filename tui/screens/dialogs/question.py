"""Small dialogs: a question with a typed answer, a question with yes or no, and a sentence to be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.terminal.safe_text import safe_content


class TextInputScreen(ModalScreen[str | None]):
    """One line of typed text, or None when it was cancelled.

    `check` returns what is wrong with an answer as a sentence, or None; while something is wrong the dialog stays.
    `hint` says something about what has been typed so far; `below` stands under the line.
    """

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("dialog", "picture"))

    def __init__(
        self,
        question: str,
        *,
        detail: str = "",
        initial: str = "",
        placeholder: str = "",
        check: Callable[[str], str | None] = lambda text: None,
        hint: Callable[[str], str] | None = None,
        below: str = "",
    ) -> None:
        super().__init__(classes="dialog")
        self._question = question
        self._detail = detail
        self._initial = initial
        self._placeholder = placeholder
        self._check = check
        self._hint = hint
        self._below = below

    def compose(self) -> ComposeResult:
        """Question, explanation, a line to type in, and what is wrong with it."""
        with VerticalScroll(classes="box"):
            yield Label(safe_content(self._question), classes="question")
            if self._detail:
                yield Label(safe_content(self._detail), classes="detail")
            yield Input(self._initial, placeholder=self._placeholder, id="answer", compact=True)
            if self._hint is not None:
                yield Label(safe_content(self._hint(self._initial)), id="hint", classes="hint")
            yield Label("", id="problem", classes="problem -none")
            if self._below:
                yield Label(safe_content(self._below), classes="detail")
            with Horizontal(classes="buttons"):
                yield Button("OK", id="ok", variant="primary", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Typing can begin at once."""
        answer = self.query_one("#answer", Input)
        answer.select_on_focus = False  # what is filled in is there to be gone on with
        answer.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self._hint is not None:
            self.query_one("#hint", Label).update(safe_content(self._hint(event.value)))
        self.query_one("#problem", Label).add_class("-none")

    @on(Input.Submitted)
    @on(Button.Pressed, "#ok")
    def _answer(self) -> None:
        text = self.query_one("#answer", Input).value.strip()
        problem = self._check(text)
        if problem is None:
            self.dismiss(text)
        else:
            show_problem(self.query_one("#problem", Label), problem)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class ConfirmScreen(ModalScreen[bool]):
    """Yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("dialog", "picture"))

    def __init__(self, question: str, *, detail: str = "", yes: str = "Yes", no: str = "No") -> None:
        super().__init__(classes="dialog")
        self._question = question
        self._detail = detail
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """The question and two buttons, the first one ready for Enter."""
        with VerticalScroll(classes="box"):
            yield Label(safe_content(self._question), classes="question")
            if self._detail:
                yield Label(safe_content(self._detail), classes="detail")
            with Horizontal(classes="buttons"):
                yield Button(self._yes, id="yes", variant="warning", compact=True)
                yield Button(self._no, id="no", compact=True)

    def on_mount(self) -> None:
        """Enter says yes, escape says no."""
        self.query_one("#yes", Button).focus()

    @on(Button.Pressed, "#yes")
    def _agree(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#no")
    def action_cancel(self) -> None:
        """No."""
        self.dismiss(False)


class MessageScreen(ModalScreen[None]):
    """Something a person has to have read."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("dialog", "picture"))

    def __init__(self, heading: str, text: str) -> None:
        super().__init__(classes="dialog")
        self._heading = heading
        self._text = text

    def compose(self) -> ComposeResult:
        """A heading, the text, and a button."""
        with VerticalScroll(classes="box"):
            yield Label(safe_content(self._heading), classes="question")
            yield Label(safe_content(self._text), classes="detail", id="message")
            with Horizontal(classes="buttons"):
                yield Button("OK", id="ok", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Enter closes it."""
        self.query_one("#ok", Button).focus()

    @on(Button.Pressed, "#ok")
    def action_cancel(self) -> None:
        """Close."""
        self.dismiss(None)


def show_problem(label: Label, sentence: str) -> None:
    """Say in a dialog what is wrong with an answer."""
    label.remove_class("-none")
    label.update(safe_content(sentence))
