"""What the home screen and the run screens share: a place in the key map, and a first frame of the right layout.

Textual gives a screen its classes for the terminal's size with the first resize event, after something has been
painted already. Given on mount, the first frame is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from babytrain.tui.keys.keymap import KeyMode

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunSnapshot


@dataclass(frozen=True)
class PaletteEntry:
    """A line of the command palette that no key stands for."""

    title: str
    help: str
    action: str


class ModeScreen(Screen[None]):
    """A screen with commands of its own."""

    mode: ClassVar[KeyMode] = "home"

    def palette_entries(self) -> Sequence[PaletteEntry]:
        """What the palette offers besides the commands of the key map."""
        return ()

    def interrupt(self) -> bool:
        """ctrl+c was pressed: whether there was something here to stop, so that nobody needs to be asked."""
        return False

    def apply_breakpoints(self) -> None:
        """Take on the classes for the size the terminal has now."""
        size = self.app.size
        self.add_class(breakpoint_class(size.width, self.app.HORIZONTAL_BREAKPOINTS or []))
        self.add_class(breakpoint_class(size.height, self.app.VERTICAL_BREAKPOINTS or []))


class OverlayScreen(ModeScreen):
    """A whole screen that stands on another one for a while; escape closes it. It draws on its `required_widgets`."""

    required_widgets: ClassVar[tuple[str, ...]] = ()

    @property
    def can_draw(self) -> bool:
        """Whether all its parts are there: not before the screen is made, and not while it is taken down."""
        return self.is_mounted and self.is_attached and all(self.query(part) for part in self.required_widgets)

    def follow(self, snapshot: RunSnapshot) -> None:
        """The run on the screen below, ten times a second; a list of runs has nothing to say."""


def breakpoint_class(cells: int, breakpoints: Sequence[tuple[int, str]]) -> str:
    """The class of the widest breakpoint that `cells` reaches."""
    return max((low, name) for low, name in breakpoints if cells >= low)[1]
