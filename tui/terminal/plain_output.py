"""Text from a model, piece by piece, made safe for a plain terminal or a file."""

from __future__ import annotations

import os
from typing import TextIO

from babytrain.tui.terminal.charset import CharsetName, detect_charset, fold_to_charset
from babytrain.tui.terminal.safe_text import safe_text

_REMEMBERED = 3  # characters: a letter and two combining marks


class SafeStream:
    """`safe_text` of a text in pieces: the same as of the whole text."""

    def __init__(self) -> None:
        self._before = ""  # the end of the text so far
        self._held = ""  # a carriage return that a line feed may follow

    def feed(self, piece: str) -> str:
        """The safe text to show for `piece`."""
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") else ""
        return self._shown(text.removesuffix("\r"))

    def end(self) -> str:
        """The rest of the text. A new text may begin."""
        shown = self._shown(self._held)
        self._before = self._held = ""
        return shown

    def _shown(self, text: str) -> str:
        known = len(safe_text(self._before))
        text = self._before + text
        self._before = text[-_REMEMBERED:]
        return safe_text(text)[known:]


class PlainOutput:
    """Writes to a stream, flushed at once, in the characters of `charset` (None: of the stream)."""

    def __init__(self, stream: TextIO, charset: CharsetName | None = None) -> None:
        self.charset = charset or detect_charset(os.environ, stream.encoding or "ascii")
        self._stream = stream
        self._safe = SafeStream()
        self._line_begun = False

    def write(self, piece: str) -> None:
        """Write a piece of a text."""
        self._put(self._safe.feed(piece))

    def end(self) -> None:
        """End the text and its line."""
        self._put(self._safe.end())
        if self._line_begun:
            self._put("\n")

    def line(self, text: str = "") -> None:
        """Write one or more whole lines."""
        self.end()
        self._put(f"{safe_text(text)}\n")

    def _put(self, text: str) -> None:
        if text:
            # "blocks" is not applied: a console replaces characters of texts itself.
            self._stream.write(fold_to_charset(text, "ascii") if self.charset == "ascii" else text)
            self._stream.flush()
            self._line_begun = not text.endswith("\n")
