"""The new-run dialog. Every field has a default, so Enter alone starts a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Select

from babytrain.tui.dials.dial_input import MAX_RUN_STEPS, steps_typed
from babytrain.tui.engine_client.client import NewRunOptions, PresetChoice
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.screens.dialogs.dialog import FormDialog
from babytrain.tui.terminal.safe_text import safe_content

CORPORA = ("haiku", "tinyshakespeare")


class NewRunScreen(FormDialog[TrainingSession]):
    """Asks what to train and creates the session; problems are shown in the dialog."""

    def __init__(self, presets: Sequence[PresetChoice], make: Callable[[NewRunOptions], TrainingSession]) -> None:
        super().__init__("New run", accept="Start", variant="success")
        self.id = "new-run"
        self._presets = list(presets)
        self._make = make

    def compose_fields(self) -> ComposeResult:
        """Preset, text, name, steps."""
        presets = [(safe_content(f"{preset.name}: {preset.summary}"), preset.name) for preset in self._presets]
        fields = {
            "preset": Select(presets, value=self._presets[0].name, allow_blank=False, id="preset", compact=True),
            "text": Input(
                CORPORA[0],
                placeholder="haiku, tinyshakespeare, or a file, folder or glob",
                suggester=SuggestFromList(CORPORA, case_sensitive=False),
                id="corpus",
                compact=True,
            ),
            "name": Input(placeholder="one is drawn", id="name", compact=True),
            "steps": Input(placeholder="as the preset says", id="steps", compact=True),
        }
        for label, field in fields.items():
            yield Horizontal(Label(label), field, classes="field")
        yield Label("", id="problem", classes="problem -none")

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Create the session from the fields."""
        try:
            self.dismiss(self._make(self._options()))
        except ValueError as error:
            self.show_problem(str(error))

    def _options(self) -> NewRunOptions:
        """The options from the fields. Raises ValueError with a sentence."""
        steps = self.query_one("#steps", Input).value.strip()
        if steps and steps_typed(steps) is None:
            raise ValueError(f"Steps are a whole number such as 2000, up to {MAX_RUN_STEPS:,}, not {steps!r}.")
        return NewRunOptions(
            preset=str(self.query_one("#preset", Select).value),
            corpus=self.query_one("#corpus", Input).value.strip() or CORPORA[0],
            name=self.query_one("#name", Input).value.strip(),
            steps=steps_typed(steps),
        )
