"""A pty to run the program on, with a time stamp for every byte it paints. Linux only (pty, /proc)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class Terminal:
    """A program on a pty of `columns` x `rows`; `output` holds everything painted so far."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 36,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.output = b""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=follower, stdout=follower, stderr=follower, env=variables, start_new_session=True
        )
        os.close(follower)
        self._leader = leader

    def read(self, seconds: float) -> bytes:
        """What arrives within `seconds`, returning at the first chunk; empty when nothing did."""
        ready, _, _ = select.select([self._leader], [], [], max(0.0, seconds))
        if not ready:
            return b""
        try:
            chunk = os.read(self._leader, 1 << 16)
        except OSError:  # the program has ended and closed the terminal
            return b""
        self.output += chunk
        return chunk

    def wait_for(self, text: bytes, seconds: float) -> float:
        """Seconds since the program started when `text` was first seen. Raises TimeoutError."""
        seen = max(0, len(self.output) - len(text))
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            if text in self.output[seen:] or text in self.output:
                return time.perf_counter() - self.started
            self.read(0.05)
        raise TimeoutError(f"{text!r} was not painted within {seconds:.0f} s")

    def drain(self, seconds: float) -> None:
        """Read the output for a while, as a terminal would."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            self.read(left)

    def press(self, keys: bytes) -> None:
        """Send keys."""
        os.write(self._leader, keys)

    def wait_end(self, seconds: float) -> int:
        """Read until the program ends; returns its exit code. Raises TimeoutError."""
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            self.read(0.05)
            if (code := self.process.poll()) is not None:
                return code
        raise TimeoutError("the program did not end")

    def close(self) -> None:
        """End the program if necessary, and close the terminal."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._leader)


@contextlib.contextmanager
def terminal(command: Sequence[str], **options: object) -> Iterator[Terminal]:
    """A `Terminal` that is closed on exit."""
    opened = Terminal(command, **options)  # type: ignore[arg-type]
    try:
        yield opened
    finally:
        opened.close()


def has_loaded(process_id: int, library: str) -> bool:
    """Whether a process has mapped a library such as `libtorch`."""
    try:
        return library in Path(f"/proc/{process_id}/maps").read_text()
    except OSError:
        return False


def program(*arguments: str) -> list[str]:
    """The command line of babytrain-tui in this environment."""
    return [sys.executable, "-m", "babytrain", *arguments]
