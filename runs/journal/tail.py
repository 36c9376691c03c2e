"""Following a journal that another process is writing."""

from __future__ import annotations

import os
from pathlib import Path

from babytrain.runs.events import AnyEvent
from babytrain.runs.files.regular_files import UnfitFileError, open_regular_file
from babytrain.runs.journal.codec import MAX_JOURNAL_LINE_BYTES, decode_lines
from babytrain.runs.journal.schema_v1 import is_schema_1, upgrade_lines

TAIL_CHUNK_BYTES = 4 * 2**20
_HEAD_BYTES = 512


class JournalTail:
    """Reads the whole lines appended to `path` since the last poll, a bounded number of bytes at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restarted = False  # the last poll found another file and began again: replace states made before
        self.error = ""  # why the last poll could not read the file; empty while there is no file yet
        self._forget()

    def poll(self) -> list[AnyEvent]:
        """New events, oldest first. Never raises: a screen calls this on its timer."""
        self.restarted = False
        self.error = ""
        try:
            fd = open_regular_file(self.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            return self._unreadable(error)
        try:
            self._notice_another_file(fd)
            return self._read(fd)
        except OSError as error:
            return self._unreadable(error)
        finally:
            os.close(fd)

    def _unreadable(self, error: OSError) -> list[AnyEvent]:
        hint = "" if isinstance(error, UnfitFileError) else "; check its permissions"
        self.error = f"Cannot read the journal {self.path}: {error.strerror or error}{hint}."
        return []

    def _forget(self) -> None:
        self.bad_lines = self.unknown_lines = 0  # since the beginning of the file
        self._identity: tuple[int, int] | None = None
        self._offset = 0
        self._head = b""
        self._old_schema = False
        self._piece_bytes = TAIL_CHUNK_BYTES
        self._in_long_line = False

    def _notice_another_file(self, fd: int) -> None:
        status = os.fstat(fd)
        identity = (status.st_dev, status.st_ino)
        if (
            self._identity not in (None, identity)
            or status.st_size < self._offset
            # Inode numbers are reused, and a rewritten file may be longer than the old one: compare the head.
            or os.pread(fd, len(self._head), 0) != self._head
        ):
            self.restarted = True
            self._forget()
        self._identity = identity

    def _read(self, fd: int) -> list[AnyEvent]:
        data = os.pread(fd, self._piece_bytes, self._offset)
        end = data.rfind(b"\n") + 1
        if self._offset == 0:
            self._head = data[:end][:_HEAD_BYTES]
            self._old_schema = is_schema_1(self._head)
        if not end:
            self._skip_or_widen(data)
            return []
        self._offset += end
        self._piece_bytes = TAIL_CHUNK_BYTES
        start = 0
        if self._in_long_line:
            self._in_long_line = False
            start = data.index(b"\n") + 1
        lines = data[start:end]
        events, bad_lines, unknown_lines = decode_lines(upgrade_lines(lines) if self._old_schema else lines)
        self.bad_lines += bad_lines
        self.unknown_lines += unknown_lines
        return events

    def _skip_or_widen(self, data: bytes) -> None:
        """Without a newline in the piece: read a larger one next time, or give up on a line that is too long."""
        if len(data) < self._piece_bytes:
            return
        if self._piece_bytes < MAX_JOURNAL_LINE_BYTES:
            self._piece_bytes *= 2
            return
        self._offset += len(data)
        self.bad_lines += not self._in_long_line
        self._in_long_line = True
