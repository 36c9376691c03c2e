"""Bytes of text files, pipes and standard input, looked at before they are read and only up to a limit."""

from __future__ import annotations

import errno
import gzip
import io
import os
import select
import stat
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from babytrain.runs.files.regular_files import UnfitFileError, open_regular_file

MOST_FILE_BYTES = 8 * 2**30
MOST_STREAM_BYTES = 2**30  # of what has no size to look at: pipes, standard input, unpacked files
PIPE_PATIENCE_SECONDS = 10.0  # for a pipe that nothing has opened for writing
_CHUNK_BYTES = 2**20
_GZIP_START = b"\x1f\x8b\x08"


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class TextBytes:
    """What was read. `unpacked`: it was packed with gzip, though its name does not say so."""

    data: bytes
    unpacked: bool = False


def is_pipe(path: Path) -> bool:
    """Whether it is a named pipe or the pipe of a process substitution, also by a link. Never raises."""
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def read_text_bytes(path: Path, first: int | None = None, *, as_bytes: bool = False) -> TextBytes:
    """All bytes of a file or pipe, or the `first` ones, unpacked if gzip packed them. Raises OSError.

    With `as_bytes` a file that only begins like gzip and has not its name is taken as it is.
    """
    is_named_gzip = path.suffix.lower() == ".gz"
    if is_pipe(path):
        return _unpack(io.BytesIO(_read_pipe(path)), path, None, is_named_gzip, as_bytes)
    with os.fdopen(open_regular_file(path, follow_links=True), "rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_FILE_BYTES:
            raise UnfitFileError(f"it is larger than {MOST_FILE_BYTES // 2**30} GiB, the most that is read", path)
        return _unpack(file, path, first, is_named_gzip, as_bytes)


def read_stream(stream: _Readable, path: Path = Path("-")) -> bytes:
    """All bytes of a stream. Raises OSError, UnfitFileError at the limit."""
    data = _read_up_to(stream, MOST_STREAM_BYTES + 1)
    if len(data) > MOST_STREAM_BYTES:
        raise UnfitFileError(
            f"it goes on after {MOST_STREAM_BYTES // 2**30} GiB, the most that is read of what has no size: save what "
            "you want in a file",
            path,
        )
    return data


def unpack_stream(data: bytes, *, as_bytes: bool) -> TextBytes:
    """Bytes of standard input, unpacked if gzip packed them. Raises OSError."""
    if not data.startswith(_GZIP_START):
        return TextBytes(data)
    return _unpack(io.BytesIO(data), Path("-"), None, False, as_bytes)


def _unpack(file: BinaryIO, path: Path, first: int | None, is_named_gzip: bool, as_bytes: bool) -> TextBytes:
    start = file.read(len(_GZIP_START))
    file.seek(0)
    if start != _GZIP_START:
        if is_named_gzip and start:
            raise UnfitFileError("its name ends in .gz, but gzip did not pack it: rename it if it is text", path)
        return TextBytes(file.read(-1 if first is None else first))
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            data = read_stream(packed, path) if first is None else _read_up_to(packed, first)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        if as_bytes and not is_named_gzip:
            file.seek(0)
            return TextBytes(file.read(-1 if first is None else first))
        raise UnfitFileError(f"it is packed with gzip and damaged ({str(error).rstrip('.')})", path) from error
    return TextBytes(data, unpacked=not is_named_gzip)


def _read_up_to(stream: _Readable, most: int) -> bytes:
    """At most `most` bytes. Chunks, because a read of a large size takes that much memory at once."""
    taken = io.BytesIO()
    while (left := most - taken.tell()) > 0 and (chunk := stream.read(min(left, _CHUNK_BYTES))):
        taken.write(chunk)
    return taken.getvalue()  # without a copy


def _read_pipe(path: Path) -> bytes:
    """All bytes of a pipe. Raises OSError; UnfitFileError when nothing opens its other end."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return read_stream(_Pipe(fd, path), path)
    finally:
        os.close(fd)


class _Pipe:
    """Reads a pipe that does not block, so that signals are met and a pipe without a writer is noticed."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd, self._path = fd, path
        self._has_writer = False
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""
        deadline = time.monotonic() + PIPE_PATIENCE_SECONDS
        while True:
            ready = self._poll.poll(100)  # milliseconds
            try:
                data = os.read(self._fd, size)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                self._has_writer = True  # one that is slow
                continue
            if data or ready or self._has_writer:
                return data
            if time.monotonic() > deadline:
                raise UnfitFileError("it is a pipe that nothing writes into", self._path)
