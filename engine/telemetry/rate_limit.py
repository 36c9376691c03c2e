"""A rate limit for sensors, longer for expensive ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

SHARE_OF_A_CORE = 0.0005
LONGEST_SKIP_SECONDS = 20.0
T = TypeVar("T")


class RateLimited(Generic[T]):
    """Caches the result of `ask` for at least `every_seconds`, longer if it is expensive.

    A call that cost c seconds of processor time is cached for at least c / 0.0005, up to 20 seconds. Exceptions of
    `ask` are raised and not cached. `clock` and `cost` give seconds.
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
        self._kept: tuple[float, T] | None = None  # expiry, value

    def __call__(self) -> T:
        """The value, new or cached."""
        now = self._clock()
        if self._kept is not None and now < self._kept[0]:
            return self._kept[1]
        started = self._cost()
        value = self._ask()
        wait = max(self._every, min(LONGEST_SKIP_SECONDS, (self._cost() - started) / SHARE_OF_A_CORE))
        self._kept = (now + wait, value)
        return value
