"""When the screen may draw, so that drawing takes a limited share of one core.

Every frame holds up the training thread, since both share the interpreter lock. A frame's cost, painting included, is
the processor time this thread spent between two frames of the chart.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

TICK_SECONDS = 0.1  # shortest time between two frames of the chart
NUMBERS_SECONDS = 0.25
VITALS_SECONDS = 1.0
UNFOCUSED_SECONDS = 0.5  # while the terminal has no focus
IDLE_SECONDS = 0.25  # after a while without a key
IDLE_AFTER_SECONDS = 5.0
MAX_SECONDS = 1.0
CORE_SHARE = 0.02
MIN_MEASURED_FRAMES = 3
MAX_MEASURED_FRAMES = 9
# The timer jitters; a frame due within this time counts as due.
_SLACK_SECONDS = 0.02


@dataclass(frozen=True)
class DueParts:
    """Which parts to draw now."""

    chart: bool
    numbers: bool
    vitals: bool


class FrameBudget:
    """Called once per tick. `now` returns wall seconds, `processor` processor seconds of this thread."""

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
        self._answered = False  # an answer of the engine is not drawn yet
        self.has_focus = True  # whether the terminal has the focus

    @property
    def frame_seconds(self) -> float:
        """Mean processor seconds of recent frames, without the largest, which may be an outlier."""
        if len(self._frame_costs) < MIN_MEASURED_FRAMES:
            return 0.0
        return (sum(self._frame_costs) - max(self._frame_costs)) / (len(self._frame_costs) - 1)

    @property
    def period_seconds(self) -> float:
        """Seconds between two frames that keep the share."""
        shortest = IDLE_SECONDS if self._now() - self._input_at >= IDLE_AFTER_SECONDS else TICK_SECONDS
        if not self.has_focus:
            shortest = UNFOCUSED_SECONDS
        return min(MAX_SECONDS, max(shortest, self.frame_seconds / CORE_SHARE))

    def input_seen(self) -> None:
        """A key or click happened: draw at the full rate."""
        self._input_at = self._now()

    def answered(self) -> None:
        """The engine answered a person: draw the numbers a tick after the last ones at the latest."""
        self._answered = True

    def due(self, *, changed: bool, vitals_changed: bool) -> DueParts:
        """What to draw now: parts that changed and have waited long enough. They count as drawn."""
        now, period = self._now(), self.period_seconds
        chart = self._chart.draw_if_due(changed, now, period)
        if chart:
            processor = self._processor()
            self._frame_costs.append(processor - self._processor_at_frame)
            self._processor_at_frame = processor
        # Together with the chart where possible: one pass is cheaper than two.
        numbers_period = max(NUMBERS_SECONDS, period) if chart or not self._chart.stale else math.inf
        numbers = self._numbers.draw_if_due(changed, now, TICK_SECONDS if self._answered else numbers_period)
        self._answered = self._answered and not numbers
        return DueParts(
            chart=chart,
            numbers=numbers,
            vitals=self._vitals.draw_if_due(vitals_changed, now, max(VITALS_SECONDS, period)),
        )

    def drawn(self) -> None:
        """Everything was drawn just now, outside the schedule."""
        now = self._now()
        self._answered = False
        for part in (self._chart, self._numbers, self._vitals):
            part.drawn(now)


class _ScreenPart:
    """A part of the screen: whether it is out of date, and when it was last drawn."""

    def __init__(self) -> None:
        self.stale = False
        self._drawn_at = -math.inf

    def draw_if_due(self, changed: bool, now: float, period: float) -> bool:
        """Whether to draw it now; if so it counts as drawn."""
        self.stale = self.stale or changed
        if not self.stale or now - self._drawn_at < period - _SLACK_SECONDS:
            return False
        self.drawn(now)
        return True

    def drawn(self, now: float) -> None:
        self.stale = False
        self._drawn_at = now
