"""Where one stands among the samples of a run: the list of their beginnings and the timeline with one tick a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.formatting import format_count, format_loss
from babytrain.tui.text.styled_lines import shorten_to_columns
from babytrain.tui.widgets.common.text_pane import TextPane
from babytrain.tui.widgets.samples.sample_comparison import SampleWithMetrics

_MAX_BEGINNING = 80  # characters


class SampleList(TextPane, inherit_bindings=False):
    """A line a sample; a click goes there."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    class Chosen(Message):
        """A line was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, charset: CharsetName = "braille") -> None:
        self._samples: tuple[SampleWithMetrics, ...] = ()
        self._selected: int | None = None
        super().__init__("through time", id="through-time", charset=charset, classes="pane card")

    def show(self, samples: Sequence[SampleWithMetrics], selected: int | None) -> None:
        """Show samples, the one stood at marked and on the screen."""
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
        """Step, validation loss, parrot index, and how the text begins."""
        steps = max((len(format_count(one.sample.step)) for one in self._samples), default=0)
        losses = max((len(format_loss(one.val_loss)) for one in self._samples), default=0)
        lines: list[Content] = []
        for number, one in enumerate(self._samples):
            selected = number == self._selected
            beginning = " ".join(one.sample.text[: 4 * _MAX_BEGINNING].split())[:_MAX_BEGINNING]
            style = "bold" if selected else "$foreground 70%"
            line = Content.assemble(
                (f"{self.glyphs.playing if selected else ' '} ", "bold $primary"),
                (f"{format_count(one.sample.step):>{steps}} ", "$foreground 60%"),
                (f"{format_loss(one.val_loss):>{losses}}  ", "$foreground 40%"),
                safe_content(beginning, style, one_line=True),
            )
            lines.append(line.truncate(width, ellipsis=True))
        return lines

    def on_click(self, event: events.Click) -> None:
        """Go to the sample on this line."""
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= (index := self.scroll_offset.y + offset.y) < len(self._samples):
            self.post_message(self.Chosen(index))


@dataclass(frozen=True)
class TimelineState:
    """What the rail shows. `here` and `pinned` are places in `steps`; `words` are said beside the count."""

    run: str
    prompt: str
    prompt_number: int
    prompts: int
    steps: tuple[int, ...]
    selected: int | None
    pinned: int | None = None
    words: str = ""
    is_news: bool = False


class SampleTimeline(Widget):
    """Two lines; a click on a tick goes there."""

    DEFAULT_CSS = """
    SampleTimeline {
        height: 2;
        width: 1fr;
        background: $surface;
    }
    """
    ALLOW_SELECT = False

    class Chosen(Message):
        """A tick was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, charset: CharsetName = "braille") -> None:
        super().__init__(id="position")
        self._glyphs = GLYPHS[charset]
        self._facts: TimelineState | None = None

    def show(self, facts: TimelineState) -> None:
        """Show where one stands."""
        if facts != self._facts:
            self._facts = facts
            self.refresh()

    def render(self) -> Content:
        """Words, then ticks."""
        if self._facts is None:
            return Content("")
        width = self.size.width
        if self.size.height < 2:
            return self._words(self._facts, width)
        return Content("\n").join([self._words(self._facts, width), self._ticks(self._facts, width)])

    def on_click(self, event: events.Click) -> None:
        """To the sample nearest to where was clicked."""
        facts = self._facts
        if facts is not None and facts.steps and event.y == 1:
            columns = tick_columns(facts.steps, self.size.width)
            index = min(range(len(columns)), key=lambda number: abs(columns[number] - event.x))
            self.post_message(self.Chosen(index))

    def _words(self, facts: TimelineState, width: int) -> Content:
        glyphs = self._glyphs
        dot = f" {glyphs.dot} "
        if facts.selected is None:
            right = facts.words
        else:
            right = f"{facts.selected + 1} of {len(facts.steps)}" + (f"{dot}{facts.words}" if facts.words else "")
        right = shorten_to_columns(right, width - 2, glyphs.ellipsis)
        prompt = f'"{safe_line(facts.prompt, 60)}"' if facts.prompt else "no prompt"
        number = f"{facts.prompt_number}/{facts.prompts} " if facts.prompts > 1 else ""
        room = max(0, width - cell_len(right) - 4)
        name = shorten_to_columns(safe_line(facts.run, 30), room, glyphs.ellipsis)
        rest = (
            shorten_to_columns(f"{dot}{number}{prompt}", room - cell_len(name), glyphs.ellipsis) if facts.steps else ""
        )
        gap = max(1, width - 2 - cell_len(name) - cell_len(rest) - cell_len(right))
        style = "bold $warning" if facts.is_news else "$foreground 60%"
        return Content.assemble(" ", (name, "bold $primary"), (rest, "$foreground 80%"), " " * gap, (right, style), " ")

    def _ticks(self, facts: TimelineState, width: int) -> Content:
        glyphs = self._glyphs
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
    """The column of each step on a rail of `width` columns, a margin of one at either end; `steps` ascend."""
    last = max(1, width - 3)
    if not steps:
        return []
    first, span = steps[0], max(1, steps[-1] - steps[0])
    if len(steps) == 1:
        return [min(1, max(0, width - 1))]
    return [min(max(0, width - 1), 1 + round((step - first) / span * last)) for step in steps]


def non_decreasing_steps(steps: Sequence[int]) -> tuple[int, ...]:
    """Steps that never go back: a way back to a checkpoint makes later samples of earlier steps."""
    highest: list[int] = []
    for step in steps:
        highest.append(max(step, highest[-1]) if highest else step)
    return tuple(highest)
