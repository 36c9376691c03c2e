"""What all screens but the dialogs share: commands of their own, and a first frame of the right layout.

Textual gives a screen its classes for the terminal's size with the first resize event, after something has been
painted already. Given on mount, the first frame is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from babytrain.tui.keys.keymap import KeyMode
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunSnapshot


@dataclass(frozen=True)
class PaletteEntry:
    """A line of the command palette that no key stands for."""

    title: str
    help: str
    action: str


class ModeScreen(Screen[None]):
    """A screen with commands of its own. `folder` says where the run on it is kept, as soon as that is known."""

    mode: ClassVar[KeyMode] = "home"

    def __init__(self, charset: CharsetName, folder: Callable[[], Path | None] = lambda: None) -> None:
        super().__init__()
        self.charset: CharsetName = charset
        self.glyphs = GLYPHS[charset]
        self._folder = folder

    def on_mount(self) -> None:
        """Take on the classes for the size the terminal has now."""
        size = self.app.size
        self.add_class(breakpoint_class(size.width, self.app.HORIZONTAL_BREAKPOINTS or []))
        self.add_class(breakpoint_class(size.height, self.app.VERTICAL_BREAKPOINTS or []))

    @property
    def run_folder(self) -> Path | None:
        """Where the run on the screen is kept, None where that is not known."""
        return self._folder()

    def palette_entries(self) -> Sequence[PaletteEntry]:
        """What the palette offers besides the commands of the key map."""
        return ()

    def interrupt(self) -> bool:
        """ctrl+c was pressed: whether there was something here to stop, so that nobody needs to be asked."""
        return False


class OverlayScreen(ModeScreen):
    """A whole screen over the one of a run, or over the list of runs. It draws on `required_widgets`."""

    required_widgets: ClassVar[tuple[str, ...]] = ()

    @property
    def can_draw(self) -> bool:
        """Whether all its parts are there: not before the screen is made, and not while it is taken down."""
        return self.is_mounted and self.is_attached and all(self.query(part) for part in self.required_widgets)

    def follow(self, snapshot: RunSnapshot) -> None:
        """Take in the run on the screen below. Called ten times a second, never over the list of runs."""


def breakpoint_class(cells: int, breakpoints: Sequence[tuple[int, str]]) -> str:
    """The class of the widest breakpoint that `cells` reaches."""
    return max((low, name) for low, name in breakpoints if cells >= low)[1]
