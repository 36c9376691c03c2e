"""The new-run dialog. Every field has its default and Enter starts, so one Enter trains a haiku baby."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Label, Select

from babytrain.tui.engine_client.client import NewRunOptions, PresetChoice
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.screens.dialogs.question import show_problem
from babytrain.tui.terminal.safe_text import safe_content

CORPORA = ("haiku", "tinyshakespeare")


class NewRunScreen(ModalScreen[TrainingSession | None]):
    """Asks what to train and makes the session; what cannot be trained is said in the dialog, which stays."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("dialog", "picture"))

    def __init__(self, presets: Sequence[PresetChoice], make: Callable[[NewRunOptions], TrainingSession]) -> None:
        super().__init__(classes="dialog")
        self._presets = list(presets)
        self._make = make

    def compose(self) -> ComposeResult:
        """Preset, text, name, steps."""
        options = [(safe_content(f"{preset.name}: {preset.summary}"), preset.name) for preset in self._presets]
        with VerticalScroll(classes="box", id="new-run"):
            yield Label("New run", classes="question")
            with Horizontal(classes="field"):
                yield Label("preset")
                yield Select(options, value=self._presets[0].name, allow_blank=False, id="preset", compact=True)
            with Horizontal(classes="field"):
                yield Label("text")
                yield Input(
                    CORPORA[0],
                    placeholder="haiku, tinyshakespeare, or a file, folder or glob",
                    suggester=SuggestFromList(CORPORA, case_sensitive=False),
                    id="corpus",
                    compact=True,
                )
            with Horizontal(classes="field"):
                yield Label("name")
                yield Input(placeholder="one is made up", id="name", compact=True)
            with Horizontal(classes="field"):
                yield Label("steps")
                yield Input(placeholder="as the preset says", id="steps", compact=True)
            yield Label("", id="problem", classes="problem -none")
            with Horizontal(classes="buttons"):
                yield Button("Start", id="start", variant="success", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Enter starts the default."""
        self.query_one("#start", Button).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#start")
    def _start(self) -> None:
        try:
            session = self._make(self._options())
        except ValueError as error:
            show_problem(self.query_one("#problem", Label), str(error))
            return
        self.dismiss(session)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without a new run."""
        self.dismiss(None)

    def _options(self) -> NewRunOptions:
        """What the fields say. Raises ValueError with a sentence."""
        preset = self.query_one("#preset", Select).value
        return NewRunOptions(
            preset=str(preset),
            corpus=self.query_one("#corpus", Input).value.strip() or CORPORA[0],
            name=self.query_one("#name", Input).value.strip(),
            steps=parse_steps(self.query_one("#steps", Input).value),
        )


def parse_steps(text: str) -> int | None:
    """A number of steps as people write it (`2000`, `2,000`, `2k`); None for nothing. Raises ValueError."""
    plain = text.strip().lower().replace(",", "").replace("_", "")
    if not plain:
        return None
    factor = {"k": 1000, "m": 1_000_000}.get(plain[-1], 1)
    digits = plain[:-1] if factor > 1 else plain
    if not digits.isascii() or not digits.isdigit() or int(digits) == 0:
        raise ValueError(f"Steps are a whole number such as 2000, not {text.strip()!r}.")
    return int(digits) * factor
