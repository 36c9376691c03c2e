"""Times of day such as `23:00-07:00`, in minutes since midnight."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

_LAST_WALL_TIME = 253_402_200_000.0  # in the last days of the year 9999
MINUTES_PER_DAY = 24 * 60
NO_WINDOWS = ("off", "none")
_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True)
class DayWindow:
    """From `start` to before `end`, in minutes since midnight; an end at or before the start is on the next day."""

    start: int
    end: int

    def contains(self, minute: float) -> bool:
        """Whether a time of day lies in the window; a window that ends where it starts is the whole day."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        return f"{clock_text(self.start)}-{clock_text(self.end)}"


def parse_window(text: str) -> DayWindow:
    """`23:00-07:00` as a window. Raises ValueError with what is wrong."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text.strip()!r} is no stretch of the day; write it like 23:00-07:00")
    hours = [int(part) for part in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if max(hours[1], hours[3]) > 59 or max(start, end) > MINUTES_PER_DAY:
        raise ValueError(f"{text.strip()!r} has a time that no clock shows; the day ends at 24:00")
    return DayWindow(start % MINUTES_PER_DAY, end % MINUTES_PER_DAY)


def parse_windows(text: str) -> tuple[DayWindow, ...]:
    """Windows with commas between them; none for an empty text or `off`. Raises ValueError with what is wrong."""
    if text.strip().lower() in NO_WINDOWS:
        return ()
    return tuple(parse_window(part) for part in text.split(",") if part.strip())


def local_time(wall_time: float) -> time.struct_time:
    """The local time of a Unix time; of one that no calendar has, the nearest that one has."""
    return time.localtime(min(wall_time, _LAST_WALL_TIME) if wall_time > 0.0 else 0.0)


def minute_of_day(wall_time: float) -> float:
    """The local time of day of `wall_time` (Unix seconds), in minutes since midnight."""
    local = local_time(wall_time)
    return local.tm_hour * 60 + local.tm_min + local.tm_sec / 60


def clock_text(minute: float) -> str:
    """A time of day as `07:05`."""
    return f"{int(minute) // 60:02d}:{int(minute) % 60:02d}"
