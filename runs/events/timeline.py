"""Events of one kind sorted by time, so that a seek is a bisection."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Generic, TypeVar

from babytrain.runs.events import Event

TimelineEvent = TypeVar("TimelineEvent", bound=Event)
MAX_VITALS = 14_400  # four hours of readings at one a second
MAX_LETTERS = 1_000  # evaluations, at about ten kilobytes each
MAX_RESUMES = 2_000  # and rollbacks: each looks through what it supersedes
MAX_EVENTS = 100_000  # of any other kind: more than a run has, and less than a stranger's file may have


class Timeline(Generic[TimelineEvent]):
    """Events of one kind sorted by time. Beyond `most`, every second event of the older half is dropped."""

    def __init__(self, most: int = MAX_EVENTS) -> None:
        self.events: list[TimelineEvent] = []
        self._times: list[float] = []
        self._most = most

    def __len__(self) -> int:
        return len(self.events)

    def append(self, event: TimelineEvent) -> None:
        """Add an event; with an earlier time than the last one's it is filed at the last one's time."""
        self.events.append(event)
        self._times.append(max(event.t, self._times[-1]) if self._times else event.t)
        if len(self.events) > self._most:
            self.thin_older_half()

    def count_until(self, t: float) -> int:
        """How many events happened at or before `t`."""
        return bisect.bisect_right(self._times, t)

    def last_until(self, t: float) -> TimelineEvent | None:
        """The newest event at or before `t`."""
        count = self.count_until(t)
        return self.events[count - 1] if count else None

    def until(self, t: float) -> list[TimelineEvent]:
        """All events at or before `t`, oldest first."""
        return self.events[: self.count_until(t)]

    def newest_first(self, t: float) -> Iterator[TimelineEvent]:
        """All events at or before `t`, newest first."""
        return (self.events[index] for index in range(self.count_until(t) - 1, -1, -1))

    def thin_older_half(self) -> None:
        """Drop every second event of the older half; the first and the newest stay."""
        half = len(self.events) // 2
        self.events[:half] = self.events[:half:2]
        self._times[:half] = self._times[:half:2]

    def drop_after_step(self, step: int) -> None:
        """Drop events of later steps, which a resume superseded."""
        if all(event.step <= step for event in self.events):
            return
        kept = [(event, t) for event, t in zip(self.events, self._times, strict=True) if event.step <= step]
        self.events = [event for event, _ in kept]
        self._times = [t for _, t in kept]
