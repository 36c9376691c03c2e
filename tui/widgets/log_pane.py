"""The log: what happened to the run, one line each, the newest at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.log_lines import LogEvent, PrintedLine, log_key, log_lines, recent_events
from babytrain.tui.widgets.text_pane import TextPane


class LogPane(TextPane):
    """Pane 5. Follows its end unless somebody scrolled up to read."""

    def __init__(self, *, number: str = "5", charset: CharsetName = "braille") -> None:
        self._key: tuple[int, ...] = ()
        self._events: list[LogEvent] = []
        self._follows = True
        super().__init__(f"{number} log", id="log", charset=charset, classes="pane")

    def show(self, moment: Moment, printed: Sequence[PrintedLine], printed_count: int) -> None:
        """Show the newest events; nothing happens when there are no new ones."""
        key = log_key(moment, printed_count)
        if key == self._key:
            return
        self._key = key
        self._events = recent_events(moment, printed)
        self.rebuild()

    def rebuild(self) -> None:
        """Build the lines again and stay at the end."""
        super().rebuild()
        if self._follows:
            self.scroll_end(animate=False, force=True, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up stops the following, scrolling back to the end begins it again."""
        super().watch_scroll_y(old_value, new_value)
        self._follows = self.at_end

    def build(self, width: int) -> list[Content]:
        """One line an event, cut at the edge."""
        return [line.truncate(width, ellipsis=True) for line in log_lines(self._events, self.glyphs)]
