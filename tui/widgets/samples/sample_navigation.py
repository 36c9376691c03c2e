"""Navigation among the samples of a run: a list of their first words, and a timeline with one tick per sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from babytrain.runs.formatting import format_count, format_loss
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.styled_lines import shorten_to_columns
from babytrain.tui.widgets.common.line_widget import LineWidget
from babytrain.tui.widgets.common.text_pane import TextPane
from babytrain.tui.widgets.samples.sample_comparison import SampleWithMetrics

_MAX_BEGINNING = 80  # characters


class SampleList(TextPane, inherit_bindings=False):
    """A line per sample; a click selects it."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    @dataclass
    class Chosen(Message):
        """A line was clicked."""

        index: int

    def __init__(self, charset: CharsetName = "braille") -> None:
        self._samples: tuple[SampleWithMetrics, ...] = ()
        self._selected: int | None = None
        super().__init__("through time", id="through-time", charset=charset, classes="pane card")

    def show(self, samples: Sequence[SampleWithMetrics], selected: int | None) -> None:
        """Show samples, the selected one marked and scrolled into view."""
        if (tuple(samples), selected) != (self._samples, self._selected):
            self._samples, self._selected = tuple(samples), selected
            self.rebuild()
            self.call_after_refresh(self._bring_into_view)

    def _bring_into_view(self) -> None:
        height = self.scrollable_content_region.height
        if self._selected is not None and height > 0:
            top = min(max(self.scroll_offset.y, self._selected - height + 1), self._selected)
            self.scroll_to(y=top, animate=False, immediate=True)

    def build(self, width: int) -> list[Content]:
        """Step, validation loss, memorisation index, and the start of the text."""
        steps = max((len(format_count(shown.sample.step)) for shown in self._samples), default=0)
        losses = max((len(format_loss(shown.val_loss)) for shown in self._samples), default=0)
        lines: list[Content] = []
        for number, shown in enumerate(self._samples):
            selected = number == self._selected
            beginning = " ".join(shown.sample.text[: 4 * _MAX_BEGINNING].split())[:_MAX_BEGINNING]
            style = "bold" if selected else "$foreground 70%"
            line = Content.assemble(
                (f"{self.glyphs.playing if selected else ' '} ", "bold $primary"),
                (f"{format_count(shown.sample.step):>{steps}} ", "$foreground 60%"),
                (f"{format_loss(shown.val_loss):>{losses}}  ", "$foreground 40%"),
                safe_content(beginning, style, one_line=True),
            )
            lines.append(line.truncate(width, ellipsis=True))
        return lines

    def in_full(self) -> list[Content]:
        """Each sample after its step."""
        return [
            safe_content(f"{format_count(shown.sample.step)}  {' '.join(shown.sample.text.split())}")
            for shown in self._samples
        ]

    def on_click(self, event: events.Click) -> None:
        """Select the sample on this line."""
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= (index := self.scroll_offset.y + offset.y) < len(self._samples):
            self.post_message(self.Chosen(index))


@dataclass(frozen=True)
class TimelineState:
    """What the timeline shows. `selected` and `pinned` are indices into `steps`; `words` follow the count."""

    run: str
    prompt: str
    prompt_number: int
    prompts: int
    steps: tuple[int, ...]
    selected: int | None
    pinned: int | None = None
    words: str = ""
    is_news: bool = False


class SampleTimeline(LineWidget):
    """Two lines; a click on a tick selects its sample."""

    DEFAULT_CSS = "SampleTimeline { height: 2; background: $surface; }"

    @dataclass
    class Chosen(Message):
        """A tick was clicked."""

        index: int

    def __init__(self, charset: CharsetName) -> None:
        super().__init__("position", charset)
        self._facts: TimelineState | None = None

    def show(self, facts: TimelineState) -> None:
        """Show these samples and the selected one."""
        self._facts = facts
        self.redraw()

    def build(self, width: int, height: int) -> list[Content]:
        """Text, then ticks."""
        facts = self._facts
        return [self._words(facts, width), self._ticks(facts, width)][:height] if facts else []

    def on_click(self, event: events.Click) -> None:
        """Select the sample nearest to the click."""
        facts = self._facts
        if facts is not None and facts.steps and event.y == 1:
            columns = tick_columns(facts.steps, self.size.width)
            index = min(range(len(columns)), key=lambda number: abs(columns[number] - event.x))
            self.post_message(self.Chosen(index))

    def _words(self, facts: TimelineState, width: int) -> Content:
        glyphs = self.glyphs
        dot = f" {glyphs.dot} "
        position = "" if facts.selected is None else f"{facts.selected + 1} of {len(facts.steps)}"
        right = dot.join(part for part in (position, facts.words) if part)
        right = shorten_to_columns(right, width - 2, glyphs.ellipsis)
        prompt = f'"{safe_line(facts.prompt, 60)}"' if facts.prompt else "no prompt"
        number = f"{facts.prompt_number}/{facts.prompts} " if facts.prompts > 1 else ""
        room = max(0, width - cell_len(right) - 4)
        name = shorten_to_columns(safe_line(facts.run, 30), room, glyphs.ellipsis)
        rest = f"{dot}{number}{prompt}" if facts.steps else ""
        rest = shorten_to_columns(rest, room - cell_len(name), glyphs.ellipsis)
        gap = max(1, width - 2 - cell_len(name) - cell_len(rest) - cell_len(right))
        style = "bold $warning" if facts.is_news else "$foreground 60%"
        return Content.assemble(" ", (name, "bold $primary"), (rest, "$foreground 80%"), " " * gap, (right, style), " ")

    def _ticks(self, facts: TimelineState, width: int) -> Content:
        glyphs = self.glyphs
        signs: list[tuple[str, str]] = [(glyphs.bar_rest, "$foreground 30%")] * width
        columns = tick_columns(facts.steps, width)
        for column in columns:
            signs[column] = (glyphs.dot if glyphs.dot != "·" else "┼", "$foreground 60%")
        if facts.pinned is not None:
            signs[columns[facts.pinned]] = (glyphs.best, "bold $accent")
        if facts.selected is not None:
            signs[columns[facts.selected]] = (glyphs.head, "bold $primary")
        return Content.assemble(*signs)


def tick_columns(steps: Sequence[int], width: int) -> list[int]:
    """The column of each step on a line of `width` columns with a margin of one at either end; `steps` ascend."""
    last = max(1, width - 3)
    if not steps:
        return []
    first, span = steps[0], max(1, steps[-1] - steps[0])
    if len(steps) == 1:
        return [min(1, max(0, width - 1))]
    return [min(max(0, width - 1), 1 + round((step - first) / span * last)) for step in steps]


def non_decreasing_steps(steps: Sequence[int]) -> tuple[int, ...]:
    """Running maximum of the steps: a rollback makes later samples of earlier steps."""
    return tuple(accumulate(steps, max))
