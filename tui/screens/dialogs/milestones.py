"""The milestones dialog, and the sentence that announces new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from babytrain.runs.events import Milestone
from babytrain.runs.formatting import format_count
from babytrain.tui.screens.dialogs.dialog import PaneDialog
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.wording import format_clock
from babytrain.tui.widgets.common.text_pane import TextPane

_MAX_MILESTONE_TEXT = 300
MIN_ROWS_FOR_TOAST = 20  # rows; on a lower screen it would take the chart's
_NONE_YET = "Nothing has happened for the first time yet. It will: first words, first lines, first haiku."
_NONE = "Nothing happened for the first time in this run, or it is from before anybody kept a list."


def milestone_announcement(news: Sequence[Milestone], glyphs: Glyphs) -> str:
    """The newest milestone and how many more were reached with it; empty if there are none."""
    if not news:
        return ""
    more = f" And {format_count(len(news) - 1)} more." if len(news) > 1 else ""
    return f"{glyphs.milestone} {safe_line(news[-1].text, _MAX_MILESTONE_TEXT)}{more}"


def milestone_lines(reached: Sequence[Milestone], glyphs: Glyphs, width: int, *, to_come: bool = True) -> list[Content]:
    """Milestones with time and step, oldest first, wrapped to `width` columns. `to_come`: more may follow."""
    if not reached:
        return Content.assemble((_NONE_YET if to_come else _NONE, "$foreground 60% italic")).wrap(max(1, width))
    clocks = max(len(format_clock(one.t)) for one in reached)
    steps = max(len(format_count(one.step)) for one in reached) + 1
    lines: list[Content] = []
    for one in reached:
        head = Content.assemble(
            (f"{format_clock(one.t):>{clocks}} ", "$foreground 60%"),
            (f"{'@' + format_count(one.step):<{steps}} ", "$foreground 40%"),
            (f"{glyphs.milestone} ", "bold $success"),
        )
        words = safe_content(one.text[:_MAX_MILESTONE_TEXT], one_line=True)
        if width - head.cell_length < 12:
            lines += [head.truncate(width), *words.wrap(max(1, width))]
            continue
        first, *rest = words.wrap(width - head.cell_length) or [Content()]
        lines.append(Content.assemble(head, first))
        lines += [Content.assemble(" " * head.cell_length, line) for line in rest]
    return lines


class MilestonesPane(TextPane):
    """The list of milestones."""

    def __init__(self, reached: Sequence[Milestone], charset: CharsetName, *, to_come: bool) -> None:
        self._reached = tuple(reached)
        self._to_come = to_come
        super().__init__("milestones", id="milestones", charset=charset)

    def build(self, width: int) -> list[Content]:
        """One or more lines per milestone."""
        return milestone_lines(self._reached, self.glyphs, width, to_come=self._to_come)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """The number of lines."""
        return max(1, len(self.build(width)))


class MilestonesScreen(PaneDialog[None]):
    """Closed by escape, enter, or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("M,q,enter", "cancel", show=False)]
