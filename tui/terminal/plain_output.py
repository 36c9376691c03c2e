"""Text from a model, piece by piece: made safe for a plain terminal, exact for everything else.

A file or a pipe gets UTF-8 and the raw bytes of a byte model, which are lone surrogates in Python text.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Protocol, TextIO

from babytrain.tui.terminal.charset import CharsetName, detect_charset, fold_to_charset
from babytrain.tui.terminal.safe_text import JOINERS, safe_text

_REMEMBERED = 5  # characters: a letter, three combining marks and a joiner


class SafeStream:
    """`safe_text` of a text in pieces: the same as of the whole text."""

    def __init__(self) -> None:
        self._before = ""  # the end of the text so far
        self._held = ""  # a carriage return that a line feed may follow, or joiners before a letter

    def feed(self, piece: str) -> str:
        """The safe text to show for `piece`."""
        text = self._held + piece
        ready = text.rstrip(f"\r{JOINERS}")
        self._held = text[len(ready) :]
        return self._shown(ready)

    def end(self) -> str:
        """The rest of the text. A new text may begin."""
        shown = self._shown(self._held)
        self._before = self._held = ""
        return shown

    def _shown(self, text: str) -> str:
        known = len(safe_text(self._before, tab="\t"))
        text = self._before + text
        self._before = text[-_REMEMBERED:]
        return safe_text(text, tab="\t")[known:]


class TextOutput(Protocol):
    """Where the texts of a model go."""

    charset: CharsetName

    def write(self, piece: str) -> None:
        """Write a piece of a text."""

    def end(self) -> None:
        """End the text and its line."""

    def line(self, text: str = "") -> None:
        """Write one or more whole lines."""


def output_for(stream: TextIO) -> TextOutput:
    """Safe text for a terminal, exact bytes for a file or a pipe."""
    return PlainOutput(stream) if stream.isatty() or not hasattr(stream, "buffer") else ExactOutput(stream.buffer)


def exact_bytes(text: str) -> bytes:
    """The bytes of a text: UTF-8, and raw bytes for lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate that is no byte: from a broken prompt
        return text.encode("utf-8", "replace")


class ExactOutput:
    """Writes the exact bytes of texts to a stream, flushed at once."""

    charset: CharsetName = "braille"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._line_begun = self._ended = False

    def write(self, piece: str) -> None:
        """Write a piece of a text."""
        if piece:
            if self._ended and self._line_begun:
                self._stream.write(b"\n")
            self._stream.write(exact_bytes(piece))
            self._stream.flush()
            self._line_begun, self._ended = not piece.endswith("\n"), False

    def end(self) -> None:
        """End the text. Its line is ended only before another text."""
        self._ended = True

    def line(self, text: str = "") -> None:
        """Write one or more whole lines."""
        self.end()
        self.write(f"{text}\n")


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
