"""Text that comes piece by piece from a model, made safe for a plain terminal or a file."""

from __future__ import annotations

import os
from typing import TextIO

from babytrain.tui.terminal.charset import CharsetName, detect_charset, fold_to_charset
from babytrain.tui.terminal.safe_text import safe_text

_REMEMBERED = 3  # characters: a letter and the most marks that may stack on it


class SafeStream:
    """`safe_text` of a text that comes in pieces: the same as of the whole, however it is cut."""

    def __init__(self) -> None:
        self._before = ""  # the end of what came, which decides what may follow it
        self._held = ""  # a carriage return, which with a line feed is one line break

    def feed(self, piece: str) -> str:
        """What to show of `piece` now."""
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") else ""
        return self._shown(text.removesuffix("\r"))

    def end(self) -> str:
        """What is left to show. A new text may begin."""
        shown = self._shown(self._held)
        self._before = self._held = ""
        return shown

    def _shown(self, text: str) -> str:
        known = len(safe_text(self._before))
        text = self._before + text
        self._before = text[-_REMEMBERED:]
        return safe_text(text)[known:]


class PlainOutput:
    """A stream that is written to at once, in characters that it can carry."""

    def __init__(self, stream: TextIO, charset: CharsetName | None = None) -> None:
        self.charset = charset or detect_charset(os.environ, stream.encoding or "ascii")
        self._stream = stream
        self._safe = SafeStream()
        self._line_begun = False

    def write(self, piece: str) -> None:
        """More of a text."""
        self._put(self._safe.feed(piece))

    def end(self) -> None:
        """The text is over: what comes next stands on a line of its own."""
        self._put(self._safe.end())
        if self._line_begun:
            self._put("\n")

    def line(self, text: str = "") -> None:
        """A line, or several, of their own."""
        self.end()
        self._put(f"{safe_text(text)}\n")

    def _put(self, text: str) -> None:
        if text:
            # The middle set is for what we draw ourselves: a console shows what it lacks in its own way.
            self._stream.write(fold_to_charset(text, "ascii") if self.charset == "ascii" else text)
            self._stream.flush()
            self._line_begun = not text.endswith("\n")
