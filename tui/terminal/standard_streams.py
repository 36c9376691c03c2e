"""Standard output and standard error that can print everything and break without harm.

A character that a terminal or pipe cannot print is replaced. What is said on standard error may be lost; it never ends
what the program does. Data on standard output that cannot be written is a `StandardOutputError`.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, NoReturn

from babytrain.tui.terminal.charset import detect_charset, fold_to_charset

if TYPE_CHECKING:
    from typing_extensions import Buffer

EXIT_BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended
_FOLD = "babytrain-fold"
_FEWEST_COLUMNS = 10


class StandardOutputError(Exception):
    """Standard output cannot be written; `reason` is the error of the operating system."""

    def __init__(self, error: OSError) -> None:
        self.is_broken_pipe = error.errno == errno.EPIPE
        self.reason = error.strerror or str(error)
        super().__init__(self.reason)


class _DescriptorOutput(io.RawIOBase):
    """Writes to a file descriptor at once. `may_fail`: errors are dropped, else raised as StandardOutputError."""

    def __init__(self, fd: int, *, may_fail: bool, is_open: bool) -> None:
        self._fd, self._may_fail, self._is_open = fd, may_fail, is_open

    def write(self, data: Buffer) -> int:
        """Write all of `data`. Raises StandardOutputError."""
        with memoryview(data) as view:
            rest, size = bytes(view), view.nbytes
        try:
            if not self._is_open:
                raise OSError(errno.EBADF, "it is closed")
            while rest:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except BlockingIOError:  # a terminal that another program made non-blocking
                    select.select([], [self._fd], [])
        except OSError as error:
            if not self._may_fail:
                raise StandardOutputError(error) from error
        return size

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """Whether the descriptor is a terminal."""
        return self._is_open and os.isatty(self._fd)

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd


def prepare_standard_streams() -> None:
    """Replace `sys.stdout` and `sys.stderr`; a closed descriptor becomes the null device, so that no file gets it."""
    codecs.register_error(_FOLD, _fold_unencodable)
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) < _FEWEST_COLUMNS:
        del os.environ["COLUMNS"]  # 0 where nobody knows it; nothing could be read
    is_open = [_open_if_closed(fd) for fd in (0, 1, 2)]
    sys.stdout = _text_stream(1, sys.stdout, may_fail=False, is_open=is_open[1])
    sys.stderr = _text_stream(2, sys.stderr, may_fail=True, is_open=is_open[2])


def leave_with(error: StandardOutputError) -> NoReturn:
    """End the program: quietly when nobody reads any more, else with a sentence."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    if error.is_broken_pipe:
        sys.exit(EXIT_BROKEN_PIPE)
    print(f"babytrain-tui: Standard output cannot be written: {error.reason}.", file=sys.stderr)  # noqa: T201
    sys.exit(1)


def _open_if_closed(fd: int) -> bool:
    """Whether the descriptor was open. Called for 0, 1 and 2 in order, because the lowest free one is taken."""
    try:
        os.fstat(fd)
    except OSError:
        os.open(os.devnull, os.O_RDWR)
        return False
    return True


def _text_stream(fd: int, before: io.TextIOBase | object, *, may_fail: bool, is_open: bool) -> io.TextIOWrapper:
    raw = _DescriptorOutput(fd, may_fail=may_fail, is_open=is_open)
    encoding = getattr(before, "encoding", None) or "utf-8"
    environ = os.environ if raw.isatty() else {name: value for name, value in os.environ.items() if name != "TERM"}
    if detect_charset(environ, encoding) == "ascii":
        encoding = "ascii" if raw.isatty() or encoding.lower().startswith("utf") else encoding
    return io.TextIOWrapper(raw, encoding, _FOLD, line_buffering=raw.isatty() or may_fail, write_through=may_fail)  # type: ignore[arg-type]


def _fold_unencodable(error: UnicodeError) -> tuple[str, int]:
    """Replacements from ASCII for characters that an encoding lacks."""
    assert isinstance(error, UnicodeEncodeError)
    return fold_to_charset(error.object[error.start : error.end], "ascii"), error.end
