"""What comes next: the likeliest tokens after the text so far, a bar each."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from babytrain.tui.charset import CharsetName
from babytrain.tui.engine_client.chat_backend import Likeliest
from babytrain.tui.likelihood_bars import percent_words, share_bar, token_name
from babytrain.tui.widgets.spans import shortened

WIDEST_NAME = 12


class NextBars(Widget):
    """Eight rows at most, as many as there is room for. What belongs to an older text is faint."""

    ALLOW_SELECT = False

    def __init__(self, charset: CharsetName = "braille") -> None:
        super().__init__(id="next", classes="pane")
        self._charset = charset
        self._likeliest: Likeliest = ()
        self._hint = ""
        self._old = False
        self.border_title = "next"

    def show(self, likeliest: Likeliest, *, old: bool = False, hint: str = "") -> None:
        """Show probabilities, or a hint where there are none. `old`: the answer to the newest text is on its way."""
        if (likeliest, old, hint) != (self._likeliest, self._old, self._hint):
            self._likeliest, self._old, self._hint = likeliest, old, hint
            self.refresh()

    @property
    def likeliest(self) -> Likeliest:
        """What is shown."""
        return self._likeliest

    def render(self) -> Content:
        """One token a row."""
        width, rows = self.content_size
        if not self._likeliest:
            return Content.assemble((self._hint, "$foreground 60% italic"))
        lines = bar_lines(self._likeliest[:rows], width, self._charset, old=self._old)
        return Content("\n").join(lines)


def bar_lines(likeliest: Likeliest, width: int, charset: CharsetName, *, old: bool) -> list[Content]:
    """`o  81% ████████` for each token, in at most `width` columns."""
    names = [shortened(token_name(token, charset), WIDEST_NAME) for token, _ in likeliest]
    name_width = min(max((cell_len(name) for name in names), default=0), max(1, width - 6))
    room = max(0, width - name_width - len("  100% "))
    lines: list[Content] = []
    for name, (_, share) in zip(names, likeliest, strict=True):
        shown = shortened(name, name_width)
        lines.append(
            Content.assemble(
                (shown + " " * (name_width - cell_len(shown)), "$foreground 50%" if old else "bold $primary"),
                (f" {percent_words(share):>5} ", "$foreground 50%" if old else "$foreground"),
                (share_bar(share, room, charset), "$foreground 35%" if old else "$accent"),
            ).truncate(width)
        )
    return lines
