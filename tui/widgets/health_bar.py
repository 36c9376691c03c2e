"""The lines below the header: diagnosis, what to do about it, the newest rescue, the forecast.

What it shows is made by the pure function `health_lines`; where nothing is known of a run's health it takes no room.
"""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widget import Widget

from babytrain.tui.charset import CharsetName
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.health_lines import HealthFacts, HealthLine, has_news, health_lines, lines_wanted


class HealthBar(Widget):
    """One to four lines, by the layout and by how much there is to say."""

    DEFAULT_CSS = "HealthBar { height: 1; width: 1fr; display: none; }"
    ALLOW_SELECT = False

    def __init__(self, charset: CharsetName = "braille") -> None:
        super().__init__(id="health")
        self._glyphs = GLYPHS[charset]
        self._facts: HealthFacts | None = None
        self._shown: list[HealthLine] = []

    def show(self, facts: HealthFacts) -> None:
        """Show these facts; draws only if a letter or a colour changed."""
        self._facts = facts
        self.set_class(has_news(facts), "-known")
        wanted = lines_wanted(facts)
        for count in (2, 3, 4):
            self.set_class(count == wanted, f"-lines-{count}")
        lines = self._lines()
        same = len(lines) == len(self._shown) and all(
            line.content.is_same(before.content) for line, before in zip(lines, self._shown, strict=True)
        )
        if not same:
            self._shown = lines
            self.refresh()

    def render(self) -> Content:
        """The lines for the size it has now."""
        self._shown = self._lines()
        return Content("\n").join(line.content for line in self._shown)

    async def on_click(self, event: events.Click) -> None:
        """Press the key that stands there."""
        if 0 <= event.y < len(self._shown):
            for button in self._shown[event.y].buttons:
                if button.first <= event.x < button.end:
                    await self.app.action_simulate_key(button.key)

    def _lines(self) -> list[HealthLine]:
        if self._facts is None or self.size.width <= 0:
            return []
        return health_lines(self._facts, self.size.width, max(1, self.size.height), self._glyphs)
