"""Following a journal that another process is writing.

Only whole lines are taken: what stands after the last newline may still be in the middle of being written. Each poll
reads a bounded piece, so a screen never waits for a gigabyte.
"""

from __future__ import annotations

import os
from pathlib import Path

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent
from babytrain.runs.journal.codec import decode_lines

PIECE_BYTES = 4 * 2**20
LONGEST_LINE_BYTES = 64 * 2**20
_HEAD_BYTES = 512


class JournalTail:
    """Reads what was appended to `path` since the last poll.

    `bad_lines` and `unknown_lines` count since the beginning of the file. `restarted` says that the last poll found
    another file in its place (it shrank, was replaced or rewritten) and began again from its start: whoever keeps a
    state made from earlier polls must start a new one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad_lines = 0
        self.unknown_lines = 0
        self.restarted = False
        self._forget()

    def poll(self) -> list[AnyEvent]:
        """New events, oldest first; empty when there are none or no file yet.

        Raises RunsError when the file is there and cannot be read.
        """
        self.restarted = False
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            if self._is_another_file(fd):
                self.restarted = True
                self._forget()
            return self._read(fd)
        except OSError as error:
            raise self._unreadable(error) from error
        finally:
            os.close(fd)

    def _unreadable(self, error: OSError) -> RunsError:
        return RunsError(f"Cannot read the journal {self.path}: {error.strerror or error}; check its permissions.")

    def _forget(self) -> None:
        self.bad_lines = self.unknown_lines = 0
        self._identity: tuple[int, int] | None = None
        self._offset = 0
        self._head = b""
        self._piece_bytes = PIECE_BYTES
        self._in_long_line = False

    def _is_another_file(self, fd: int) -> bool:
        """Inode numbers are soon used again and a rewritten file may have grown past us: the head tells them apart."""
        status = os.fstat(fd)
        identity = (status.st_dev, status.st_ino)
        before, self._identity = self._identity, identity
        if before is None:
            return False
        return identity != before or status.st_size < self._offset or os.pread(fd, len(self._head), 0) != self._head

    def _read(self, fd: int) -> list[AnyEvent]:
        if self._identity is None:
            status = os.fstat(fd)
            self._identity = (status.st_dev, status.st_ino)
        data = os.pread(fd, self._piece_bytes, self._offset)
        if not self._head:
            self._head = data[: data.rfind(b"\n") + 1][:_HEAD_BYTES]
        end = data.rfind(b"\n") + 1
        if not end:
            self._skip_or_widen(data)
            return []
        self._offset += end
        self._piece_bytes = PIECE_BYTES
        start = 0
        if self._in_long_line:
            self._in_long_line = False
            start = data.index(b"\n") + 1
        events, bad_lines, unknown_lines = decode_lines(data[start:end])
        self.bad_lines += bad_lines
        self.unknown_lines += unknown_lines
        return events

    def _skip_or_widen(self, data: bytes) -> None:
        """No newline in the whole piece: look further next time, or give up on a line beyond all reason."""
        if len(data) < self._piece_bytes:
            return
        if self._piece_bytes < LONGEST_LINE_BYTES:
            self._piece_bytes *= 2
            return
        self._offset += len(data)
        self.bad_lines += not self._in_long_line
        self._in_long_line = True
