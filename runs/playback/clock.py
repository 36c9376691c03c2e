"""A clock over a recording: play, pause, seek, faster, slower.

Pure arithmetic on an injected clock: nothing here knows of a screen or a file. `advance` is called once a frame and
is the only thing that moves time, so a paused or hidden screen costs nothing. Stretches in which nothing happened
(training paused for an hour) can be handed over with `set_gaps`; playing jumps over them, seeking into them does not.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import pairwise

SPEEDS: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, math.inf)
# As fast as it can: the whole recording in this many frames, about 12 seconds on a 10 Hz screen.
FRAMES_AT_MAXIMUM = 120

PlaybackGap = tuple[float, float]


class PlaybackClock:
    """Where a replay stands, in seconds of the recording's running time, between 0 and `duration`.

    Starts paused at 0 with speed 1. `now` is any monotonic clock in seconds.
    """

    def __init__(self, duration: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._duration = _as_duration(duration)
        self._position = 0.0
        self._playing = False
        self._speed_index = SPEEDS.index(1.0)
        self._last_look = now()
        self._gaps: list[PlaybackGap] = []

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        return self._duration

    @property
    def position(self) -> float:
        """Seconds into the recording."""
        return self._position

    @property
    def playing(self) -> bool:
        """True while `advance` moves the position."""
        return self._playing

    @property
    def finished(self) -> bool:
        """True at the end of the recording."""
        return self._position >= self._duration

    @property
    def speed(self) -> float:
        """Seconds of recording a second; infinite means as fast as the frames come."""
        return SPEEDS[self._speed_index]

    @property
    def speed_label(self) -> str:
        """The speed as shown: `×2`, `×½`, `max`."""
        if math.isinf(self.speed):
            return "max"
        return "×½" if self.speed == 0.5 else f"×{self.speed:g}"

    def set_gaps(self, gaps: Iterable[PlaybackGap]) -> None:
        """Stretches `(start, end)` in seconds that playing jumps over. They may come in any order and overlap."""
        merged: list[PlaybackGap] = []
        for start, end in sorted(gap for gap in gaps if gap[1] > gap[0]):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self._gaps = merged

    def play(self) -> None:
        """Run on from here; from the start when the end was reached."""
        if self._playing:
            return
        if self.finished:
            self._position = 0.0
        self._last_look = self._now()
        self._playing = True

    def pause(self) -> None:
        """Stand still, at the place reached by now."""
        self.advance()
        self._playing = False

    def toggle(self) -> None:
        """Play when paused, pause when playing; at the end it starts again from 0."""
        if self._playing:
            self.pause()
        else:
            self.play()

    def seek(self, t: float) -> None:
        """Go to `t` seconds, held within the recording; playing goes on from there."""
        if math.isnan(t):
            raise ValueError("a position in a recording cannot be NaN")
        self._last_look = self._now()
        self._position = min(max(t, 0.0), self._duration)

    def faster(self) -> None:
        """One speed up, if there is one."""
        self._change_speed(+1)

    def slower(self) -> None:
        """One speed down, if there is one."""
        self._change_speed(-1)

    def set_speed(self, speed: float) -> None:
        """The slowest speed of the table that is not below `speed`; raises ValueError unless it is above 0."""
        if not speed > 0:
            raise ValueError(f"a playback speed is above 0, not {speed}")
        self.advance()
        self._speed_index = bisect_left(SPEEDS, speed)

    def advance(self) -> float:
        """Move on by the time passed since the last look and return the position. Stops by itself at the end."""
        now = self._now()
        elapsed = max(0.0, now - self._last_look)
        self._last_look = now
        if not self._playing:
            return self._position
        stretch = self._duration / FRAMES_AT_MAXIMUM if math.isinf(self.speed) else elapsed * self.speed
        self._position = min(self._after(stretch), self._duration)
        if self.finished:
            self._playing = False
        return self._position

    def _change_speed(self, by: int) -> None:
        self.advance()  # what passed until now passed at the old speed
        self._speed_index = min(max(self._speed_index + by, 0), len(SPEEDS) - 1)

    def _after(self, stretch: float) -> float:
        """The position `stretch` seconds of playing from here, gaps left out."""
        position = self._position
        first = max(0, bisect_right(self._gaps, (position, math.inf)) - 1)
        for start, end in self._gaps[first:]:
            if end <= position:
                continue
            if position + stretch < start:
                break
            stretch -= max(0.0, start - position)
            position = end
        return position + stretch


def quiet_gaps(times: Iterable[float], longest_seconds: float, lead_seconds: float = 1.0) -> list[PlaybackGap]:
    """Stretches of more than `longest_seconds` without an event, for `PlaybackClock.set_gaps`.

    `times` are event times in ascending order. A gap starts and ends `lead_seconds` inside the quiet, so that the
    viewer sees that something paused.
    """
    return [
        (before + lead_seconds, after - lead_seconds)
        for before, after in pairwise(times)
        if after - before > max(longest_seconds, 2 * lead_seconds)
    ]


def _as_duration(duration: float) -> float:
    if math.isnan(duration) or math.isinf(duration):
        raise ValueError(f"a recording cannot last {duration} seconds")
    return max(0.0, duration)
