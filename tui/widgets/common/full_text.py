"""Lines that are cut on the screen, in full: what a widget hands to the dialog that shows them."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding
from textual.content import Content

CUT_SIGN = "…"
# For panes that can have the focus; `v` does the same from anywhere.
READ_BINDING = Binding("enter", "screen.read_in_full", show=False)
_MIN_WRAP_COLUMNS = 12


class Readable:
    """A widget whose text can be read in full."""

    def in_full(self) -> list[Content]:
        """All lines, uncut."""
        return []

    def is_cut(self, y: int) -> bool:
        """Whether row `y` of what is visible does not show all of its text."""
        return False

    def line_number(self, y: int) -> int:
        """The number of the line of `in_full` that is shown in row `y`; -1 if there is none."""
        return -1


@dataclass(frozen=True)
class FullText:
    """The lines of the part of a screen whose id is `id`, uncut. `newest_last`: it is read from its end."""

    id: str
    title: str
    lines: list[Content]
    newest_last: bool = False


def wrap_hanging(line: Content, indent: int, width: int) -> list[Content]:
    """`line` wrapped to `width` columns, all but the first line indented, where that leaves room for words."""
    if line.cell_length <= width:
        return [line]
    if width - indent < _MIN_WRAP_COLUMNS:
        return list(line.wrap(max(1, width)))
    head, words = line.divide([indent]) if indent else (Content(), line)
    first, *rest = words.wrap(width - indent)
    return [Content.assemble(head, first), *(Content.assemble(" " * indent, part) for part in rest)]
