"""Where one stands among the samples of a run: a line with a tick for each of them, and two lines of words around it.

1/3 "a snake in"                                          step 600 · 6 of 6
──┬────┬────┬────┬────┬────◉
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from babytrain.tui.charset import CharsetName
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.spans import shortened


@dataclass(frozen=True)
class RailFacts:
    """What the rail shows. `here` and `pinned` are places in `steps`; `words` are said beside the count."""

    run: str
    prompt: str
    prompt_number: int
    prompts: int
    steps: tuple[int, ...]
    here: int | None
    pinned: int | None = None
    words: str = ""
    is_news: bool = False


class SampleRail(Widget):
    """Two lines; a click on a tick goes there."""

    DEFAULT_CSS = """
    SampleRail {
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
        super().__init__(id="rail")
        self._glyphs = GLYPHS[charset]
        self._facts: RailFacts | None = None

    def show(self, facts: RailFacts) -> None:
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

    def _words(self, facts: RailFacts, width: int) -> Content:
        glyphs = self._glyphs
        dot = f" {glyphs.dot} "
        if facts.here is None:
            right = facts.words
        else:
            right = f"{facts.here + 1} of {len(facts.steps)}" + (f"{dot}{facts.words}" if facts.words else "")
        right = shortened(right, width - 2, glyphs.ellipsis)
        prompt = f'"{safe_line(facts.prompt, 60)}"' if facts.prompt else "no prompt"
        number = f"{facts.prompt_number}/{facts.prompts} " if facts.prompts > 1 else ""
        room = max(0, width - cell_len(right) - 4)
        name = shortened(safe_line(facts.run, 30), room, glyphs.ellipsis)
        rest = shortened(f"{dot}{number}{prompt}", room - cell_len(name), glyphs.ellipsis) if facts.steps else ""
        gap = max(1, width - 2 - cell_len(name) - cell_len(rest) - cell_len(right))
        style = "bold $warning" if facts.is_news else "$foreground 60%"
        return Content.assemble(" ", (name, "bold $primary"), (rest, "$foreground 80%"), " " * gap, (right, style), " ")

    def _ticks(self, facts: RailFacts, width: int) -> Content:
        glyphs = self._glyphs
        signs: list[tuple[str, str]] = [(glyphs.bar_rest, "$foreground 30%")] * width
        columns = tick_columns(facts.steps, width)
        for column in columns:
            signs[column] = (glyphs.dot if glyphs.dot != "·" else "┼", "$foreground 60%")
        if facts.pinned is not None:
            signs[columns[facts.pinned]] = (glyphs.best, "bold $accent")
        if facts.here is not None:
            signs[columns[facts.here]] = (glyphs.head, "bold $primary")
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


def rail_steps(steps: Sequence[int]) -> tuple[int, ...]:
    """Steps that never go back: a way back to a checkpoint makes later samples of earlier steps."""
    highest: list[int] = []
    for step in steps:
        highest.append(max(step, highest[-1]) if highest else step)
    return tuple(highest)
