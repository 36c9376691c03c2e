"""The base of all screens but the dialogs: their own commands, and size classes set on mount.

Textual sets the classes for the terminal's size with the first resize event, after the first frame was painted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from babytrain.tui.keys.keymap import KeyMode
from babytrain.tui.screens.messages import ReadInFullRequested
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunSnapshot
    from babytrain.tui.widgets.common.full_text import FullText


@dataclass(frozen=True)
class PaletteEntry:
    """A command palette entry without a key."""

    title: str
    help: str
    action: str


class ModeScreen(Screen[None]):
    """A screen with commands of its own. `folder` returns the run's folder, None until it is known."""

    mode: ClassVar[KeyMode] = "home"

    def __init__(self, charset: CharsetName, folder: Callable[[], Path | None] = lambda: None) -> None:
        super().__init__()
        self.charset: CharsetName = charset
        self.glyphs = GLYPHS[charset]
        self._folder = folder

    def on_mount(self) -> None:
        """Set the classes for the terminal's present size."""
        size = self.app.size
        self.add_class(breakpoint_class(size.width, self.app.HORIZONTAL_BREAKPOINTS or []))
        self.add_class(breakpoint_class(size.height, self.app.VERTICAL_BREAKPOINTS or []))

    @property
    def run_folder(self) -> Path | None:
        """The folder of the run on the screen, None if unknown."""
        return self._folder()

    def palette_entries(self) -> Sequence[PaletteEntry]:
        """Palette entries besides the commands of the key map."""
        return ()

    def full_texts(self) -> Sequence[FullText]:
        """What this screen says, uncut."""
        return ()

    def action_read_in_full(self, part: str = "", line: int = -1) -> None:
        """Show everything the screen says in full, from a line of one of its parts on."""
        focused = self.focused.id if self.focused is not None else None
        self.post_message(ReadInFullRequested(self.full_texts(), part or focused or "", line))

    def interrupt(self) -> bool:
        """Handle ctrl+c; True if something was stopped, so that no quit dialog is needed."""
        return False


class OverlayScreen(ModeScreen):
    """A full screen over a run screen or the list of runs. It can draw once all `required_widgets` exist."""

    required_widgets: ClassVar[tuple[str, ...]] = ()

    @property
    def can_draw(self) -> bool:
        """Whether all required widgets exist: False before the screen is composed and while it is removed."""
        return self.is_mounted and self.is_attached and all(self.query(part) for part in self.required_widgets)

    def follow(self, snapshot: RunSnapshot) -> None:
        """Update from the run on the screen below. Called ten times a second, never over the list of runs."""


def breakpoint_class(cells: int, breakpoints: Sequence[tuple[int, str]]) -> str:
    """The class of the widest breakpoint that fits in `cells`."""
    return max((low, name) for low, name in breakpoints if cells >= low)[1]
