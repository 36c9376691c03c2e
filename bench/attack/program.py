"""The real program in a process group of its own, with a time after which it counts as hanging. Linux only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.measuring import PROJECT

HANG_SECONDS = 20.0
_TERMINAL_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BOX_LINES = re.compile("[\u2500-\u257f]+")


@dataclass(frozen=True)
class Outcome:
    """How a program ended. `code` is None when it had to be ended because it hung; a signal is a negative number."""

    command: str
    code: int | None
    output: bytes
    messages: bytes
    seconds: float

    @property
    def text(self) -> str:
        """Standard output and standard error, one after the other."""
        return (self.output + self.messages).decode("utf-8", "replace")

    @property
    def last_words(self) -> str:
        """The last words it wrote, short enough for a report and without anything a terminal obeys."""
        words = "".join(char if char.isprintable() else " " for char in _TERMINAL_STYLE.sub("", self.text))
        return " ".join(_BOX_LINES.sub(" ", words).split())[-240:]


class Program:
    """A program that runs now, started with `start_program`. Its output goes to files, so that it never waits on us."""

    def __init__(self, process: subprocess.Popen[bytes], command: str, output: IO[bytes], messages: IO[bytes]) -> None:
        self.process, self.command = process, command
        self._output, self._messages = output, messages
        self._started = time.monotonic()

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to it and to what it started; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until `condition` holds; False when the program ended or the time was over before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            if not self.is_running():
                return condition()
            time.sleep(0.01)
        return False

    def finish(self, seconds: float = HANG_SECONDS) -> Outcome:
        """Wait until it ends, and end it after `seconds`."""
        code: int | None
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        self.signal(signal.SIGKILL)  # also what it left behind
        self.process.wait()
        took = time.monotonic() - self._started
        return Outcome(self.command, code, _content(self._output), _content(self._messages), took)


def _content(file: IO[bytes]) -> bytes:
    with file:
        file.seek(0)
        return file.read()


def start_program(
    words: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    before: Callable[[], None] | None = None,
) -> Program:
    """Start a command line in `folder`; `before` runs in the new process. Streams that are None are kept in files."""
    output, messages = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed by `finish`
    process = subprocess.Popen(
        [os.fsencode(word) for word in words],
        cwd=folder,
        env=environment,
        stdin=stdin,
        stdout=output if stdout is None else stdout,
        stderr=messages if stderr is None else stderr,
        start_new_session=True,
        preexec_fn=before,
    )
    return Program(process, shlex.join(ascii_words(words)), output, messages)


def ascii_words(words: Sequence[str]) -> list[str]:
    """A command line in which no character can do anything to the terminal it is reported on."""
    plain = [Path(words[0]).name if words[0] == sys.executable else words[0], *words[1:]]
    return [word if word.isascii() and word.isprintable() else ascii(word)[1:-1] for word in plain]


def program_words(*arguments: str) -> list[str]:
    """The command line of babytrain-tui from this checkout."""
    return [sys.executable, "-m", "babytrain", *arguments]


def program_environment(home: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """This environment with another home, so that no settings of the user play a part. None removes a variable."""
    variables: dict[str, str | None] = {
        **os.environ,
        "HOME": str(home),
        "PYTHONPATH": str(PROJECT),
        "OMP_NUM_THREADS": "1",
        "LANG": "C.UTF-8",
        "BABYTRAIN_RUNS_DIR": None,
        "BABYTRAIN_KEYS": None,
        "BABYTRAIN_MACHINE": None,
        "XDG_CONFIG_HOME": None,
        "XDG_DATA_HOME": None,
        "XDG_CACHE_HOME": None,
        **changes,
    }
    return {key: value for key, value in variables.items() if value is not None}


class Screen:
    """A program on a pseudo-terminal; `painted` holds every byte it wrote there."""

    def __init__(
        self, words: Sequence[str], *, folder: Path, environment: Mapping[str, str], columns: int = 100, rows: int = 30
    ) -> None:
        self.painted = b""
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        variables = {"TERM": "xterm-256color", **environment}
        self.program = start_program(
            words, folder=folder, environment=variables, stdin=follower, stdout=follower, stderr=follower
        )
        os.close(follower)

    def read(self, seconds: float) -> None:
        """Take what it paints within `seconds`, at most one chunk."""
        if self._leader < 0:
            time.sleep(seconds)
            return
        ready, _, _ = select.select([self._leader], [], [], seconds)
        if ready:
            with contextlib.suppress(OSError):  # the program has ended and closed the terminal
                self.painted += os.read(self._leader, 1 << 16)

    def wait_for(self, words: bytes, seconds: float = HANG_SECONDS) -> bool:
        """Read until `words` were painted; False when the program ended or the time was over before."""
        deadline = time.monotonic() + seconds
        while words not in self.painted and time.monotonic() < deadline and self.program.is_running():
            self.read(0.05)
        return words in self.painted

    def press(self, keys: bytes) -> None:
        """Send keys."""
        with contextlib.suppress(OSError):
            os.write(self._leader, keys)

    def hang_up(self) -> None:
        """Close the terminal under the program."""
        if self._leader >= 0:
            os.close(self._leader)
            self._leader = -1

    def finish(self, seconds: float = HANG_SECONDS) -> Outcome:
        """Read until it ends, and end it after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.program.is_running() and time.monotonic() < deadline:
            self.read(0.05)
        hung = self.program.is_running()
        for _ in range(20):  # what is still in the pipe
            self.read(0.0)
        ended = self.program.finish(0.0 if hung else seconds)
        self.hang_up()
        return Outcome(ended.command, None if hung else ended.code, self.painted, b"", ended.seconds)
