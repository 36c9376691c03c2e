"""When a graphics card slowed itself down, why, and what that cost, from the recorded sensors.

Power limits, reached under any full load, and clocks set by hand are not slowdowns.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from babytrain.runs.events import GpuReading, Vitals
from babytrain.runs.state.elapsed_time import Interval, policy_pauses, wall_time_at
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.runs.time_of_day import clock_text, minute_of_day

MAX_SENSOR_GAP_SECONDS = 15.0  # expensive sensors are read every ten seconds
SENSOR_GAP_SHARE = 3 / 3600.0  # of the running time: three times the interval at which a journal keeps readings
GROUP_STEPS = 8  # compared together, because the recorded time of a step on a GPU may be that of queueing it
MIN_GROUPS = 3  # on either side, for a comparison
MAX_NEIGHBOUR_ROWS = 2000  # rows on each side of an interval to compare its speed with
NEAR_POWER_LIMIT_SHARE = 0.5  # of the limit; a card that draws less is not held back by it
MIN_TOKENS_LOST = 0.005  # of the tokens; less is noise

# Prefixes of reasons that are not slowdowns; an explanation in brackets may follow.
_POWER_LIMIT = "at its power limit"
EXPECTED_REASONS = (
    _POWER_LIMIT,
    "keeping step with other cards",
    "clocks set by hand",
    "clocks set for the display",
)
_CAUSES = {
    "hot": "heat",
    "slowed down by its hardware": "heat or power",
    "power supply asked it to slow down": "the power supply",
    "at its board's limit": "its board's limit",
    "held back for reliability": "its reliability limit",
}


def trains_on_processor(snapshot: RunSnapshot) -> bool:
    """Whether no card takes part: what a card does says nothing of such a run."""
    return snapshot.started is not None and snapshot.started.device.startswith("cpu")


def is_expected_reason(reason: str) -> bool:
    """Whether a reason for a lowered clock is normal under load or set by a person."""
    return reason.startswith(EXPECTED_REASONS)


def short_reason(reason: str) -> str:
    """A reason without the explanation in brackets."""
    return reason.split(" (")[0]


def current_reasons(card: GpuReading) -> tuple[str, ...]:
    """The reasons for a lowered clock, without a power limit that the card is far from.

    Drivers give the reason of a moment and the power of a second, in which a resting card hardly works.
    """
    watts, limit = card.power_watts, card.power_limit_watts
    if watts is None or limit is None or watts >= NEAR_POWER_LIMIT_SHARE * limit:
        return card.throttle_reasons
    return tuple(reason for reason in card.throttle_reasons if not reason.startswith(_POWER_LIMIT))


def slowdown_reasons(vitals: Vitals) -> tuple[str, ...]:
    """Why the card that trains was slowed down, empty when it was not or no card trains."""
    card = vitals.training_gpu
    if card is None or not card.throttle_reasons:
        return ()
    reasons = (reason for reason in card.throttle_reasons if not is_expected_reason(reason))
    return tuple(dict.fromkeys(short_reason(reason) for reason in reasons))


def throttled_intervals(vitals: Sequence[Vitals]) -> list[Interval]:
    """Intervals of running time in which the card was slowed down, from readings in order of time."""
    tracker = ThrottleTracker()
    tracker.extend(vitals)
    return tracker.intervals()


@dataclass(frozen=True)
class _Open:
    """A slowdown that has not ended: its first and last reading, and until when the last holds."""

    since: float
    seen: float
    until: float
    reasons: tuple[str, ...]

    def as_interval(self, end: float, *, ongoing: bool = False) -> Interval:
        causes = dict.fromkeys(_CAUSES.get(reason, reason) for reason in self.reasons[:2])
        return Interval(self.since, end, " and ".join(causes), ongoing)


class ThrottleTracker:
    """The slowdowns of a run, updated reading by reading so that a call per second stays cheap."""

    def __init__(self) -> None:
        self._state: RunState | None = None
        self._count = 0
        self._last: Vitals | None = None
        self._found: list[Interval] = []
        self._open: _Open | None = None

    def until(self, snapshot: RunSnapshot) -> list[Interval]:
        """The intervals up to a moment, oldest first; an ongoing one ends at the moment."""
        events = snapshot.state.vitals.events
        grown = self._state is snapshot.state and self._count <= len(events)
        if not grown or (self._count and events[self._count - 1] is not self._last):
            self._state, self._count, self._found, self._open, self._last = snapshot.state, 0, [], None, None
        if len(events) > self._count:
            self.extend(events[self._count :])
        t = snapshot.t
        past = self._found[: bisect.bisect_right(self._found, t, key=lambda interval: interval.start)]
        found = [interval if interval.end <= t else replace(interval, end=t, ongoing=True) for interval in past]
        if self._open is not None and self._open.since <= t:
            ongoing = t <= self._open.until
            found.append(self._open.as_interval(t if ongoing else self._open.seen, ongoing=ongoing))
        return found

    def extend(self, vitals: Sequence[Vitals]) -> None:
        """Add readings; each holds until the next one, within the allowed gap."""
        for reading in vitals:
            reasons = slowdown_reasons(reading)
            before = self._open
            if before is not None and reading.t > before.until:
                self._found.append(before.as_interval(before.seen))
                self._open = before = None
            if reasons:
                since, why = (reading.t, reasons) if before is None else (before.since, (*before.reasons, *reasons))
                holds = max(MAX_SENSOR_GAP_SECONDS, reading.t * SENSOR_GAP_SHARE)
                self._open = _Open(since, reading.t, reading.t + holds, tuple(dict.fromkeys(why)))
            elif before is not None:
                self._found.append(before.as_interval(reading.t))
                self._open = None
        self._count += len(vitals)
        self._last = vitals[-1] if vitals else self._last

    def intervals(self) -> list[Interval]:
        """All intervals so far."""
        return [*self._found, *([] if self._open is None else [self._open.as_interval(self._open.seen)])]


def tokens_lost(snapshot: RunSnapshot, interval: Interval, others: Sequence[Interval] = ()) -> float | None:
    """The share (0 to 1) of its tokens that a slowdown cost, without the run's `others`; None if not comparable."""
    t, step_seconds, tokens = (snapshot.column(name) for name in ("t", "step_seconds", "tokens"))
    first, last = (int(row) for row in np.searchsorted(t, (interval.start, interval.end)))
    low, high = max(1, first - MAX_NEIGHBOUR_ROWS), min(len(t), last + MAX_NEIGHBOUR_ROWS)
    if high - low < 2 * MIN_GROUPS * GROUP_STEPS:
        return None
    times, seconds, gained = t[low:high], step_seconds[low:high], np.diff(tokens[low - 1 : high])
    usable = (seconds > 0) & (gained > 0)
    inside = usable & (times > interval.start) & (times <= interval.end)
    outside = usable & ~inside
    for other in (*others, *policy_pauses(snapshot)):
        between = (times > other.start) & (times <= other.end)
        outside &= ~between
        if other.cause != interval.cause or other.start != interval.start:
            inside &= ~between
    if outside.any() and inside.any() and np.median(gained[outside]) != np.median(gained[inside]):
        return None
    slow, usual = (_speed(seconds[rows], gained[rows]) for rows in (inside, outside))
    if slow is None or usual is None:
        return None
    lost = 1.0 - slow / usual
    return lost if lost >= MIN_TOKENS_LOST else 0.0


def _speed(seconds: np.ndarray, gained: np.ndarray) -> float | None:
    """Median tokens per second over groups of steps; None when there are too few."""
    groups = len(seconds) // GROUP_STEPS
    if groups < MIN_GROUPS:
        return None
    shape = (groups, GROUP_STEPS)
    used = groups * GROUP_STEPS
    rates = gained[:used].reshape(shape).sum(axis=1) / seconds[:used].reshape(shape).sum(axis=1)
    return float(np.median(rates))


def interval_sentence(snapshot: RunSnapshot, interval: Interval, lost: float | None = None) -> str:
    """`slowed by heat 14:02–14:09, 3% of tokens lost`, in local time."""
    text = f"slowed by {interval.cause} {interval_clock_text(snapshot, interval)}"
    if not lost or lost < MIN_TOKENS_LOST:
        return text
    return f"{text}, {max(1.0, 100 * lost):.0f}% of tokens lost"


def interval_clock_text(snapshot: RunSnapshot, interval: Interval) -> str:
    """An interval in local time: `14:02–14:09`, `at 14:02`, `since 14:02`."""
    start, end = (clock_text(minute_of_day(wall_time_at(snapshot.state.at(t)))) for t in (interval.start, interval.end))
    if interval.ongoing:
        return f"since {start}"
    return f"at {start}" if start == end else f"{start}–{end}"


def throttled_seconds(snapshot: RunSnapshot, card: GpuReading) -> dict[str, float]:
    """Seconds for which each reason lowered a card's clock in all sessions, by the card's own counters."""
    timeline, total = snapshot.state.vitals, dict.fromkeys(card.throttled_seconds, 0.0)
    if not total:
        return {}
    count = timeline.count_until(snapshot.t)
    begins = [0, *map(timeline.count_until, snapshot.later_session_starts)]
    for begin, end in zip(begins, [*begins[1:], count], strict=True):
        first = _reading_of(timeline.events[begin:end], card)
        last = card if end == count else _reading_of(timeline.events[begin:end][::-1], card)
        for reason, seconds in last.throttled_seconds.items() if first is not None and last is not None else ():
            before = first.throttled_seconds.get(reason, 0.0) if first is not None else 0.0
            # A counter that decreased was reset with its driver.
            total[reason] = total.get(reason, 0.0) + (seconds - before if seconds >= before else seconds)
    return total


def _reading_of(readings: Sequence[Vitals], card: GpuReading) -> GpuReading | None:
    """The first reading of this card with counters."""
    same = (gpu for vitals in readings for gpu in vitals.gpus if (gpu.index, gpu.uuid) == (card.index, card.uuid))
    return next((gpu for gpu in same if gpu.throttled_seconds), None)
