"""The last step before the terminal: characters that it cannot show are replaced."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from babytrain.tui.terminal.charset import CharsetName, fold_to_charset


class CharsetFilter(LineFilter):
    """Replaces characters the terminal cannot show."""

    def __init__(self, charset: CharsetName) -> None:
        super().__init__()
        self._charset = charset

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with replaced characters."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(fold_to_charset(segment.text, self._charset), segment.style, segment.control)
            for segment in segments
        ]
