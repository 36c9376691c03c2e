"""The list of milestones of a run, on top of its screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from babytrain.runs.events import Milestone
from babytrain.tui.charset import CharsetName
from babytrain.tui.keymap import bindings_in
from babytrain.tui.milestones import milestone_lines
from babytrain.tui.widgets.text_pane import TextPane


class MilestonesPane(TextPane):
    """The list."""

    def __init__(self, reached: Sequence[Milestone], charset: CharsetName, *, to_come: bool) -> None:
        self._reached = tuple(reached)
        self._to_come = to_come
        super().__init__("milestones", id="milestones", charset=charset)

    def build(self, width: int) -> list[Content]:
        """A line each, or more where the words need it."""
        return milestone_lines(self._reached, self.glyphs, width, to_come=self._to_come)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As tall as its lines."""
        return max(1, len(self.build(width)))


class MilestonesScreen(ModalScreen[None]):
    """Closed by escape, enter, or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_in("dialog", "picture"),
        Binding("M,q,enter", "cancel", show=False),
    ]

    def __init__(self, reached: Sequence[Milestone], charset: CharsetName, *, to_come: bool) -> None:
        super().__init__(classes="dialog")
        self._pane = MilestonesPane(reached, charset, to_come=to_come)

    def compose(self) -> ComposeResult:
        """One pane of text."""
        yield self._pane

    def on_mount(self) -> None:
        """Arrows scroll."""
        self._pane.border_subtitle = "esc closes"
        self._pane.focus()

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss(None)
