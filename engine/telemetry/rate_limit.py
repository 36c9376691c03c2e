"""A sensor that is asked no more often than it may be, and less often the more it costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

SHARE_OF_A_CORE = 0.0005
LONGEST_SKIP_SECONDS = 20.0
T = TypeVar("T")


class RateLimited(Generic[T]):
    """`ask`, remembered: called again after `every_seconds` at the earliest, later if it is expensive.

    A call that cost c seconds of processor time is followed by a wait of at least c / 0.0005, though of no more than
    20 seconds. What `ask` raises comes out, and is not remembered. `clock` and `cost` give seconds.
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
        """The value, new or remembered."""
        now = self._clock()
        if self._kept is not None and now < self._kept[0]:
            return self._kept[1]
        started = self._cost()
        value = self._ask()
        wait = max(self._every, min(LONGEST_SKIP_SECONDS, (self._cost() - started) / SHARE_OF_A_CORE))
        self._kept = (now + wait, value)
        return value
