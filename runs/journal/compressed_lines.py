"""The lines of a journal in memory, so that it can be begun again when its file is taken away."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator

PIECE_BYTES = 64 * 2**10


class CompressedLines:
    """Lines in memory, compressed piece by piece to about a tenth."""

    def __init__(self) -> None:
        self._compressed: list[bytes] = []
        self._newest = bytearray()

    def add(self, lines: bytes) -> None:
        """Append lines."""
        self._newest += lines
        if len(self._newest) >= PIECE_BYTES:
            self._compressed.append(zlib.compress(self._newest, 1))
            self._newest.clear()

    def add_file(self, fd: int) -> int:
        """Append what a regular file holds. Returns how many bytes; unreadable ones are left out."""
        size = 0
        try:
            while stat.S_ISREG(os.fstat(fd).st_mode) and (data := os.pread(fd, PIECE_BYTES, size)):
                self.add(data)
                size += len(data)
        except OSError:
            pass
        return size

    def pieces(self) -> Iterator[bytes]:
        """All lines in order, in pieces."""
        yield from map(zlib.decompress, self._compressed)
        yield bytes(self._newest)
