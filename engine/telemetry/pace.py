"""Sensors asked no more often than they are worth: each is allowed a small share of the processor, and waits its turn.

A disk's size is no news every second, and one look at all temperatures of a large board can cost milliseconds. What a
look costs is measured, so a cheap sensor stays fresh and a dear one comes less often, without anybody tuning it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SHARE_OF_A_CORE = 0.0005
LONGEST_SECONDS = 20.0


class Paced(Generic[T]):
    """`ask`, remembered: put again after `every_seconds` at the earliest, later if it is dear.

    A look that cost c seconds of processor time is followed by a wait of at least c / 0.0005, though of no more than
    20 seconds. What `ask` raises comes out, and is not remembered.
    """

    def __init__(
        self,
        ask: Callable[[], T],
        every_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        cost: Callable[[], float] = time.thread_time,
    ) -> None:
        self._ask = ask
        self._every = every_seconds
        self._clock = clock
        self._cost = cost
        self._kept: tuple[float, T] | None = None  # until when, and what

    def __call__(self) -> T:
        """The value, from now or from the last look."""
        now = self._clock()
        if self._kept is not None and now < self._kept[0]:
            return self._kept[1]
        started = self._cost()
        value = self._ask()
        wait = max(self._every, min(LONGEST_SECONDS, (self._cost() - started) / SHARE_OF_A_CORE))
        self._kept = (now + wait, value)
        return value
