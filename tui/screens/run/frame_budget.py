"""When the screen may draw: often enough to feel alive, seldom enough to leave the processor to the training.

Every frame of the screen holds up the training thread (one interpreter lock for both), so drawing has a budget: a
share of one core. The cost of a frame is measured, painting included, as the processor time this thread spent from
one frame of the chart to the next, and the frames are spaced so that the share is kept.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

TICK_SECONDS = 0.1  # the shortest time between two frames of the chart
NUMBERS_SECONDS = 0.25
VITALS_SECONDS = 1.0
UNFOCUSED_SECONDS = 0.5  # while another window has the keyboard
IDLE_SECONDS = 0.25  # after a while without a key: somebody may still look, but nobody steers
IDLE_AFTER_SECONDS = 5.0
MAX_SECONDS = 1.0
CORE_SHARE = 0.02
MIN_MEASURED_FRAMES = 3
MAX_MEASURED_FRAMES = 9
# The timer is never quite on time; a frame that is due within this is due.
_SLACK_SECONDS = 0.02


@dataclass(frozen=True)
class DueParts:
    """What to draw now."""

    chart: bool
    numbers: bool
    vitals: bool


class FrameBudget:
    """Asked once a tick. `now` is a wall clock, `processor` the processor time of this thread, both in seconds."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, processor: Callable[[], float] = time.thread_time
    ) -> None:
        self._now = now
        self._processor = processor
        self._processor_at_frame = processor()
        self._frame_costs: deque[float] = deque(maxlen=MAX_MEASURED_FRAMES)
        self._chart = _ScreenPart()
        self._numbers = _ScreenPart()
        self._vitals = _ScreenPart()
        self._input_at = now()
        self.has_focus = True  # whether the terminal has the keyboard

    @property
    def frame_seconds(self) -> float:
        """Processor seconds of a recent frame: the mean without the dearest, since one odd frame says nothing."""
        if len(self._frame_costs) < MIN_MEASURED_FRAMES:
            return 0.0
        return (sum(self._frame_costs) - max(self._frame_costs)) / (len(self._frame_costs) - 1)

    @property
    def period_seconds(self) -> float:
        """Time between two frames that keeps the share."""
        shortest = IDLE_SECONDS if self._now() - self._input_at >= IDLE_AFTER_SECONDS else TICK_SECONDS
        if not self.has_focus:
            shortest = UNFOCUSED_SECONDS
        return min(MAX_SECONDS, max(shortest, self.frame_seconds / CORE_SHARE))

    def input_seen(self) -> None:
        """A key or a click: whoever does that wants to see what follows."""
        self._input_at = self._now()

    def due(self, *, changed: bool, vitals_changed: bool) -> DueParts:
        """What to draw now: what changed since it was drawn last and has waited long enough. It counts as drawn."""
        now, period = self._now(), self.period_seconds
        chart = self._chart.draw_if_due(changed, now, period)
        if chart:
            processor = self._processor()
            self._frame_costs.append(processor - self._processor_at_frame)
            self._processor_at_frame = processor
        # With the chart where possible: two changes in one go are cheaper than one after the other.
        numbers_period = max(NUMBERS_SECONDS, period) if chart or not self._chart.stale else math.inf
        return DueParts(
            chart=chart,
            numbers=self._numbers.draw_if_due(changed, now, numbers_period),
            vitals=self._vitals.draw_if_due(vitals_changed, now, max(VITALS_SECONDS, period)),
        )

    def drawn(self) -> None:
        """Everything was drawn just now, out of turn."""
        now = self._now()
        for part in (self._chart, self._numbers, self._vitals):
            part.drawn(now)


class _ScreenPart:
    """A part of the screen: whether it is out of date, and when it was drawn."""

    def __init__(self) -> None:
        self.stale = False
        self._drawn_at = -math.inf

    def draw_if_due(self, changed: bool, now: float, period: float) -> bool:
        """Whether to draw it now; then it counts as drawn."""
        self.stale = self.stale or changed
        if not self.stale or now - self._drawn_at < period - _SLACK_SECONDS:
            return False
        self.drawn(now)
        return True

    def drawn(self, now: float) -> None:
        """It is up to date."""
        self.stale = False
        self._drawn_at = now
