"""Small dialogs: a typed answer, a yes or no, and a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Label

from babytrain.tui.screens.dialogs.dialog import FormDialog
from babytrain.tui.terminal.safe_text import safe_content


class TextInputScreen(FormDialog[str]):
    """One line of typed text. `check` returns what is wrong with an answer as a sentence, or None; the dialog stays
    open while it is wrong. `hint` returns a comment on the text typed so far; `below` is shown under the input."""

    first_focus: ClassVar[str] = "#answer"

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
        super().__init__(question, detail)
        self._initial = initial
        self._placeholder = placeholder
        self._check = check
        self._hint = hint
        self._below = below

    def compose_fields(self) -> ComposeResult:
        """The input, the hint and the problem."""
        yield Input(  # the filled-in text is not selected, so typing continues it
            self._initial, placeholder=self._placeholder, id="answer", compact=True, select_on_focus=False
        )
        if self._hint is not None:
            yield Label(safe_content(self._hint(self._initial)), id="hint", classes="hint")
        yield Label("", id="problem", classes="problem -none")
        if self._below:
            yield Label(safe_content(self._below), classes="detail")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self._hint is not None:
            self.query_one("#hint", Label).update(safe_content(self._hint(event.value)))
        self.query_one("#problem", Label).add_class("-none")

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Dismiss with the stripped text."""
        text = self.query_one("#answer", Input).value.strip()
        problem = self._check(text)
        if problem is None:
            self.dismiss(text)
        else:
            self.show_problem(problem)


class ConfirmScreen(FormDialog[bool]):
    """Yes (enter: True) or no (escape: None)."""

    def __init__(self, question: str, detail: str, yes: str = "Yes") -> None:
        super().__init__(question, detail, accept=yes, variant="warning", cancel="No")

    def action_accept(self) -> None:
        """Dismiss with True."""
        self.dismiss(True)


class MessageScreen(FormDialog[None]):
    """A message closed by enter."""

    def __init__(self, heading: str, text: str) -> None:
        super().__init__(heading, text, cancel="")

    def action_accept(self) -> None:
        """Close."""
        self.dismiss(None)
