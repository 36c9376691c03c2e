"""Captures what libraries print while the app runs, so that it does not disturb the screen.

File descriptors 1 and 2 are redirected to a pipe, which also catches C and C++ libraries; Textual draws through copies
of them kept as `sys.__stdout__` and `sys.__stderr__`.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

MAX_CAPTURED_LINE_BYTES = 4096


class OutputCapture:
    """A context manager that passes every printed line to `add_line`, in its own thread."""

    def __init__(self, add_line: Callable[[str], None]) -> None:
        self._add_line = add_line
        self._reader: threading.Thread | None = None

    def __enter__(self) -> OutputCapture:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._saved_descriptors = (os.dup(1), os.dup(2))
        self._saved_streams = (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr)
        drawn_on = 1 if os.isatty(1) and not os.isatty(2) else 2  # standard error may be a file
        terminal_out, terminal_err = (_writer(os.dup(descriptor), _TerminalStream) for descriptor in (1, drawn_on))
        read_end, write_end = os.pipe()
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
        os.close(write_end)
        # Textual draws on sys.__stderr__ and measures sys.__stdout__: both must be the terminal.
        sys.__stdout__, sys.__stderr__ = terminal_out, terminal_err  # type: ignore[misc,assignment]
        sys.stdout, sys.stderr = _writer(os.dup(1)), _writer(os.dup(2))
        self._reader = threading.Thread(target=self._read, args=(read_end,), name="captured-output", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        captured = (sys.stdout, sys.stderr)
        terminal = (sys.__stdout__, sys.__stderr__)
        sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr = self._saved_streams  # type: ignore[misc]
        for stream in captured:
            stream.close()
        for saved, descriptor in zip(self._saved_descriptors, (1, 2), strict=True):
            os.dup2(saved, descriptor)  # closes the last write end of the pipe, so the reader ends
            os.close(saved)
        for stream in terminal:
            if stream is not None:
                stream.close()
        if self._reader is not None:
            self._reader.join(timeout=1.0)

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as pipe:
            rest = b""
            while chunk := pipe.read(65536):
                *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
                if len(rest) > MAX_CAPTURED_LINE_BYTES:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    if line.strip():
                        self._add_line(line[:MAX_CAPTURED_LINE_BYTES].decode("utf-8", errors="replace"))
            if rest.strip():
                self._add_line(rest.decode("utf-8", errors="replace"))


class _TerminalStream(io.TextIOWrapper):
    """The terminal without write errors: after one (a closed window), Textual's writing thread would end and the app
    would wait for it forever."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def _writer(descriptor: int, kind: type[io.TextIOWrapper] = io.TextIOWrapper) -> TextIO:
    return kind(
        os.fdopen(descriptor, "wb", buffering=0), encoding="utf-8", errors="backslashreplace", write_through=True
    )
