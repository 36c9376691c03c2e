"""Appending to a journal without ever stopping a training run.

While the disk is full or failing, lines wait in memory, bounded, and are written in order once there is room;
`failing_since` and `last_error` say so. A line that was half written is finished later, byte for byte.

All lines are kept in memory too, compressed to about a tenth, so that a journal that is removed, replaced or cut short
while it is written can be begun again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent, Checkpoint, Ended, Eval, SamplePiece, Step
from babytrain.runs.files.regular_files import is_regular_file, open_regular_file, unlink_from_others
from babytrain.runs.journal.codec import encode_event
from babytrain.runs.journal.compressed_lines import CompressedLines
from babytrain.runs.state.thinning import StepThinner, planned_steps, steps_per_line

BACKLOG_BYTES = 64 * 2**20
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0

_datasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
# Of files that cannot be synced (a FUSE mount, a device).
_NOT_SYNCABLE = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})


class JournalWriter:
    """The only writer of a journal, for use from one thread. `clock` is monotonic seconds.

    Opening raises RunsError when the file cannot be opened; after that no OSError leaves this class.
    """

    def __init__(
        self,
        path: Path,
        *,
        durable_seconds: float = 2.0,
        backlog_bytes: int = BACKLOG_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.failing_since: float | None = None  # Unix seconds; None while all is well
        self.last_error = ""  # stays after the disk has recovered
        self._durable_seconds = durable_seconds
        self._clock = clock
        self._thinner = StepThinner(1)
        self._backlog = Backlog(backlog_bytes)
        self._sync_broken = False
        self._retry_at = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._last_sync = clock()
        self._fd = _open(path)
        self._lines = CompressedLines()
        self._size = self._lines.add_file(self._fd)  # of the file at least
        self._taken_away = False  # and not begun again yet
        # To be written before any further line: the newline a killed writer left out, or the rest of a line.
        self._rest = b"" if _ends_in_newline(self._fd) else b"\n"
        self._lines.add(self._rest)

    @property
    def dropped(self) -> int:
        """Lines given up because the backlog was full."""
        return self._backlog.dropped

    @property
    def unwritten(self) -> int:
        """Lines waiting for room on the disk."""
        return len(self._backlog)

    def is_in_place(self) -> bool:
        """Whether the file at `path` is still the one that is written, with all that was written. Never raises."""
        try:
            own, there = os.fstat(self._fd), self.path.lstat()
        except OSError:
            return False
        return os.path.samestat(own, there) and not self.is_cut_short()

    def is_cut_short(self) -> bool:
        """Whether the file that is written lacks some of what was written. Never raises."""
        try:
            own = os.fstat(self._fd)
        except OSError:
            return False
        return own.st_size < self._size and stat.S_ISREG(own.st_mode)

    def begin_again(self, path: Path, last_event: AnyEvent | None = None) -> bool:
        """Write all lines so far into a new file at `path` and go on there. False when that failed: see `last_error`.

        A file that is there already is replaced. The file written before gets `last_event` as its last line.
        """
        draft = path.with_name(f".draft-{path.name}")
        fd = -1
        try:
            draft.unlink(missing_ok=True)  # left by a kill
            fd = os.open(draft, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            size = 0
            for data in self._lines.pieces():
                size += len(data)
                while data:
                    data = data[os.write(fd, data) :]
            _datasync(fd)
            draft.replace(path)
        except OSError as error:
            self._taken_away = True
            self._failed(error)
            if fd >= 0:
                os.close(fd)
                with contextlib.suppress(OSError):
                    draft.unlink()
            return False
        with contextlib.suppress(OSError):
            if last_event is not None:
                os.write(self._fd, encode_event(last_event))
            os.close(self._fd)
        self._fd, self.path, self._size = fd, path, size
        self._backlog.clear()
        self._rest = b""
        self._taken_away = False
        self._note_recovery()
        return True

    def append(self, event: AnyEvent) -> None:
        """Write one event; a `SamplePiece` is for live screens only and is left out."""
        if self._fd < 0:
            raise ValueError("this journal is closed")
        if isinstance(event, SamplePiece):
            return
        if not isinstance(event, Step):
            self._plan(event)
        elif self._thinner.stride == 1:
            self._append(event)
            return
        for ready in self._thinner.add(event):
            self._append(ready)

    def sync(self) -> None:
        """Retry what could not be written, and sync everything to the disk."""
        if self._fd < 0:
            return
        self._drain(at_once=True)
        self._sync()

    def close(self) -> None:
        """Write what waits, sync and close. Lines that find no room are lost; `unwritten` counts them."""
        if self._fd < 0:
            return
        for event in self._thinner.flush():
            self._append(event)
        self.sync()
        fd, self._fd = self._fd, -1
        try:
            os.close(fd)
        except OSError as error:
            self._failed(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _plan(self, event: AnyEvent) -> None:
        """Keep as many steps as suits the planned length of the run."""
        total_steps = planned_steps(event)
        if total_steps is not None:
            self._thinner.stride = steps_per_line(total_steps)

    def _append(self, event: AnyEvent) -> None:
        line = encode_event(event)
        self._lines.add(line)
        must_last = isinstance(event, (Eval, Checkpoint, Ended))
        if self._rest or self._backlog:
            self._backlog.add(line, thinnable=isinstance(event, Step))
            self._drain(at_once=must_last)
        else:
            unwritten = self._write(line)
            if len(unwritten) == len(line):
                self._backlog.add(line, thinnable=isinstance(event, Step))
            else:
                self._rest = unwritten
        if must_last or self._clock() - self._last_sync >= self._durable_seconds:
            self._sync()

    def _drain(self, *, at_once: bool) -> None:
        """Write what waits, in order; without `at_once` not before the next retry is due."""
        if self.failing_since is not None and not at_once and self._clock() < self._retry_at:
            return
        self._rest = self._write(self._rest)
        while self._backlog and not self._rest:
            line = self._backlog.first()
            unwritten = self._write(line)
            if len(unwritten) == len(line):
                return
            self._backlog.drop_first()
            self._rest = unwritten
        self._note_recovery()

    def _write(self, data: bytes) -> bytes:
        """Write `data` and return the part that could not be written."""
        while data:
            try:
                written = os.write(self._fd, data)
                if not written:
                    raise OSError(errno.EIO, "nothing could be written")
            except OSError as error:
                self._failed(error)
                return data
            self._size += written
            data = data[written:]
        return data

    def _sync(self) -> None:
        self._last_sync = self._clock()
        try:
            _datasync(self._fd)
        except OSError as error:
            if error.errno not in _NOT_SYNCABLE:
                self._sync_broken = True
                self._failed(error)
                return
        self._sync_broken = False
        self._note_recovery()

    def _failed(self, error: OSError) -> None:
        self.last_error = error.strerror or str(error)
        if self.failing_since is None:
            self.failing_since = time.time()
            self._retry_seconds = FIRST_RETRY_SECONDS
        self._retry_at = self._clock() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def _note_recovery(self) -> None:
        if not (self._rest or self._backlog or self._sync_broken or self._taken_away):
            self.failing_since = None


class Backlog:
    """Lines waiting for room on the disk, oldest first, at most `limit_bytes` of them."""

    def __init__(self, limit_bytes: int) -> None:
        self.dropped = 0
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._lines: deque[tuple[bytes, bool]] = deque()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: bytes, *, thinnable: bool) -> None:
        """Append one line, making room if needed."""
        self._lines.append((line, thinnable))
        self._bytes += len(line)
        if self._bytes > self._limit_bytes:
            # Well below the limit, so that not every further line scans the whole backlog.
            while self._lines and self._bytes > self._limit_bytes * 3 // 4:
                self._thin()

    def first(self) -> bytes:
        """The oldest line."""
        return self._lines[0][0]

    def drop_first(self) -> None:
        """Forget the oldest line, which was written."""
        self._bytes -= len(self._lines.popleft()[0])

    def clear(self) -> None:
        """Forget all lines, which were written."""
        self._lines.clear()
        self._bytes = 0

    def _thin(self) -> None:
        """Drop every second thinnable line, or every second line when none is thinnable."""
        only_thinnable = any(thinnable for _, thinnable in self._lines)
        kept: deque[tuple[bytes, bool]] = deque()
        drop = True
        for line, thinnable in self._lines:
            if thinnable or not only_thinnable:
                drop = not drop
                if drop or len(self._lines) == 1:
                    continue
            kept.append((line, thinnable))
        if len(kept) == len(self._lines):  # a single thinnable line
            kept = deque(entry for entry in kept if not entry[1])
        self.dropped += len(self._lines) - len(kept)
        self._lines = kept
        self._bytes = sum(len(line) for line, _ in kept)


def _open(path: Path) -> int:
    try:
        if is_regular_file(path):
            unlink_from_others(path)
        return open_regular_file(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, devices=True)
    except OSError as error:
        raise RunsError(
            f"Cannot write the journal {path}: {error.strerror or error}; check that the folder exists and is yours."
        ) from error


def _ends_in_newline(fd: int) -> bool:
    """Whether the next line can be appended as it is. True for an empty file and for one that is not regular."""
    try:
        size = os.fstat(fd).st_size
        return size == 0 or os.pread(fd, 1, size - 1) == b"\n"
    except OSError:
        return False  # unreadable: an extra blank line does no harm
