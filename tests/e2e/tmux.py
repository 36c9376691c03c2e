"""A real terminal for tests: the program in a tmux pane, typed into and read from."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tests.timeouts import LONGEST_WAIT_SECONDS

ROOT = Path(__file__).parents[2]


def needs_tmux() -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Pane:
    """One program in one tmux pane of its own server."""

    def __init__(self, command: list[str], *, columns: int = 120, rows: int = 36, **environment: str) -> None:
        self._server = f"babytrain-{uuid.uuid4().hex[:8]}"
        variables = {"OMP_NUM_THREADS": "1", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **environment}
        words = ["env", *(f"{key}={value}" for key, value in variables.items()), *command]
        shell = f"{shlex.join(words)}; echo EXIT CODE $?; exec sleep 1000"
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(ROOT), shell)

    def text(self) -> str:
        """What stands on the screen."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Type keys in tmux's names (`Enter`, `Escape`, `C-c`, `x`)."""
        self._tmux("send-keys", *keys)

    def wait_for(self, *wanted: str) -> str:
        """The screen, as soon as all of `wanted` stand on it."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while True:
            text = self.text()
            if all(word in text for word in wanted):
                return text
            assert time.monotonic() < deadline, f"{wanted} did not appear:\n{text}"
            time.sleep(0.05)

    def pid(self, pattern: str) -> int:
        """The process id of the program in the pane."""
        shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        found = subprocess.run(["pgrep", "-f", "-P", str(shell), pattern], capture_output=True, text=True, check=True)
        return int(found.stdout.split()[0])

    def close(self) -> None:
        """End the program and its server."""
        subprocess.run(["tmux", "-L", self._server, "kill-server"], capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        # Without `env` a child also gets what libreadline put into the C environment: LINES and COLUMNS of nowhere.
        done = subprocess.run(
            ["tmux", "-L", self._server, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            check=True,
            env=dict(os.environ),
        )
        return done.stdout


def babytrain(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "babytrain", *(str(argument) for argument in arguments)]
