"""Signals that ask a run without a screen to stop: Ctrl-C, a `kill`, a terminal that closes.

They are counted and raise nothing: an exception at any place whatever could end the program while the run is still
being saved. Once means save and stop; twice means leave at once. Terminals, `timeout` and service managers signal a
program and its whole group together, so signals that come at the same moment are one.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_MOMENT_SECONDS = 0.5


class StopSignals:
    """While entered, what the signals say; `leave` is called in the second one, and by default ends the program."""

    def __init__(self, exit_code: int, leave: Callable[[int], Any] = os._exit) -> None:
        self.wanted = False  # to save and stop
        self._exit_code = exit_code
        self._leave = leave
        self._asked_at = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in NUMBERS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` has the last word
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _count(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.wanted:
            self.wanted, self._asked_at = True, now
        elif now - self._asked_at >= SAME_MOMENT_SECONDS:
            self._leave(self._exit_code)  # the journal is safe, the newest checkpoint stands
