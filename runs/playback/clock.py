"""A clock over a recording: play, pause, seek, faster, slower. Only `advance`, called once a frame, moves time."""

from __future__ import annotations

import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import pairwise

SPEEDS: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, math.inf)
# At maximum speed the whole recording takes this many frames, about 12 seconds on a 10 Hz screen.
FRAMES_AT_MAXIMUM = 120

PlaybackGap = tuple[float, float]


class PlaybackClock:
    """The position of a replay in seconds of running time, from 0 to `duration`; starts paused with speed 1."""

    def __init__(self, duration: float, now: Callable[[], float] = time.monotonic) -> None:
        if math.isnan(duration) or math.isinf(duration):
            raise ValueError(f"a recording cannot last {duration} seconds")
        self.duration = max(0.0, duration)
        self.position = 0.0
        self.playing = False
        self._now = now  # monotonic seconds
        self._speed_index = SPEEDS.index(1.0)
        self._advanced_at = now()
        self._gaps: list[PlaybackGap] = []

    @property
    def finished(self) -> bool:
        """True at the end of the recording."""
        return self.position >= self.duration

    @property
    def speed(self) -> float:
        """Seconds of recording per second; infinite is one 120th of the recording per frame."""
        return SPEEDS[self._speed_index]

    @property
    def speed_label(self) -> str:
        """The speed as shown: `×2`, `×½`, `max`."""
        if math.isinf(self.speed):
            return "max"
        return "×½" if self.speed == 0.5 else f"×{self.speed:g}"

    def set_gaps(self, gaps: Iterable[PlaybackGap]) -> None:
        """Intervals `(start, end)` in seconds that playing skips and seeking does not; in any order, may overlap."""
        merged: list[PlaybackGap] = []
        for start, end in sorted(gap for gap in gaps if gap[1] > gap[0]):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self._gaps = merged

    def play(self) -> None:
        """Play from here, from the start at the end."""
        if self.playing:
            return
        if self.finished:
            self.position = 0.0
        self._advanced_at = self._now()
        self.playing = True

    def pause(self) -> None:
        """Stop at the position reached by now."""
        self.advance()
        self.playing = False

    def toggle(self) -> None:
        """Play when paused, pause when playing."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def seek(self, t: float) -> None:
        """Go to `t` seconds, clipped to the recording, and keep playing. Raises ValueError for NaN."""
        if math.isnan(t):
            raise ValueError("a position in a recording cannot be NaN")
        self._advanced_at = self._now()
        self.position = min(max(t, 0.0), self.duration)

    def faster(self) -> None:
        """The next higher speed, if any."""
        self._change_speed(self._speed_index + 1)

    def slower(self) -> None:
        """The next lower speed, if any."""
        self._change_speed(self._speed_index - 1)

    def set_speed(self, speed: float) -> None:
        """The lowest speed that is at least `speed`."""
        self._change_speed(bisect_left(SPEEDS, speed))

    def advance(self) -> float:
        """Move by the time since the last call and return the position. Stops at the end."""
        now = self._now()
        elapsed = max(0.0, now - self._advanced_at)
        self._advanced_at = now
        if not self.playing:
            return self.position
        seconds = self.duration / FRAMES_AT_MAXIMUM if math.isinf(self.speed) else elapsed * self.speed
        self.position = min(self._after(seconds), self.duration)
        if self.finished:
            self.playing = False
        return self.position

    def _change_speed(self, index: int) -> None:
        self.advance()  # at the old speed
        self._speed_index = min(max(index, 0), len(SPEEDS) - 1)

    def _after(self, seconds: float) -> float:
        """The position after `seconds` of playing from here, gaps skipped."""
        position = self.position
        first = max(0, bisect_right(self._gaps, (position, math.inf)) - 1)
        for start, end in self._gaps[first:]:
            if end <= position:
                continue
            if position + seconds < start:
                break
            seconds -= max(0.0, start - position)
            position = end
        return position + seconds


def quiet_gaps(times: Iterable[float], longest_seconds: float, lead_seconds: float = 1.0) -> list[PlaybackGap]:
    """Intervals over `longest_seconds` between ascending `times`, less `lead_seconds` at either end, to skip."""
    return [
        (before + lead_seconds, after - lead_seconds)
        for before, after in pairwise(times)
        if after - before > max(longest_seconds, 2 * lead_seconds)
    ]
