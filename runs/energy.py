"""Energy from readings of sensors: power integrated, counters differenced, gaps told. Pure functions and frozen states.

A part of the computer (a card, the processor, the battery) is read about once a second. From two readings follows a
stretch of measured energy, or nothing. Choices worth knowing:

- Power is integrated by trapezoids on the monotonic clock. Readings further apart than three usual intervals have a gap
  between them: that time is unmeasured and never filled in.
- A counter measures through a silence of its sensor, because it went on counting; but not through a sleep of the
  computer, and not longer than a counter may take to wrap unseen.
- A counter that runs backwards has wrapped if that explains it with a plausible power; otherwise it began anew (a
  driver was reloaded, a card came back) and the stretch is unmeasured. So is a jump that no hardware could draw.
- A counter that stands still while the card draws power is broken (AMD's is known for it) and is not believed.
- Where a counter has nothing to say for a stretch the integrated power of the same part steps in, never both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

USUAL_SECONDS = 1.0  # between readings, at least
GAP_INTERVALS = 3.0
SLEEP_SECONDS = 2.0  # that other clocks may run ahead of the monotonic one: more is a computer that slept
MOST_WATTS = 5000.0  # of one part of a computer
SMALLEST_BOUND_WATTS = 1000.0  # a card may jump from idle to its most within a reading
TIMES_THE_HIGHEST = 4.0
# Longer, and a counter of a processor may have wrapped unseen: 65.5 kJ, the smallest of them, at 220 W.
LONGEST_COUNTER_SECONDS = 300.0
FROZEN_SECONDS = 10.0
FROZEN_ABOVE_WATTS = 5.0
# Where energy counters are known to wrap, in joules: 32 bits of microjoules, of RAPL's usual units (15.3, 61 and 977
# microjoules, as `max_energy_range_uj` has them), and of millijoules.
WRAPS_JOULES = (4294.967296, 65532.610987, 262143.328850, 4194304.0, 4294967.296)


@dataclass(frozen=True)
class Clocks:
    """A moment on three clocks, in seconds. Only `boottime` and `wall_time` (Unix) run while the computer sleeps."""

    monotonic: float
    boottime: float
    wall_time: float


@dataclass(frozen=True)
class Passed:
    """Between two looks: `awake` seconds, and all of them, sleep included."""

    awake: float
    seconds: float

    @property
    def slept(self) -> bool:
        """Whether the computer was asleep in between."""
        return self.seconds > self.awake


@dataclass(frozen=True)
class Stretch:
    """Measured energy over the `seconds` that end at the reading it came from."""

    joules: float
    seconds: float

    @property
    def watts(self) -> float:
        """The mean power."""
        return self.joules / self.seconds


@dataclass(frozen=True)
class PowerProbe:
    """The newest reading of a polled power: when (monotonic seconds) and watts."""

    at: float = 0.0
    watts: float | None = None


@dataclass(frozen=True)
class CounterProbe:
    """The newest reading of an energy counter, and for how long it has not moved although power was drawn."""

    at: float = 0.0
    joules: float | None = None
    still_seconds: float = 0.0

    @property
    def frozen(self) -> bool:
        """Whether the counter is not to be believed."""
        return self.still_seconds >= FROZEN_SECONDS


@dataclass(frozen=True)
class PartProbe:
    """What is remembered of one part of the computer from one look to the next."""

    counter: CounterProbe = CounterProbe()
    power: PowerProbe = PowerProbe()
    highest_watts: float = 0.0


@dataclass(frozen=True)
class PartLook:
    """What a look found out: by the counter, by integrated power, each None if it measured nothing."""

    probe: PartProbe
    counted: Stretch | None = None
    polled: Stretch | None = None

    @property
    def best(self) -> Stretch | None:
        """What to believe."""
        return self.counted or self.polled


def time_passed(before: Clocks, now: Clocks) -> Passed:
    """How long it was between two looks. A clock put forward by hand cannot be told from a sleep."""
    awake = max(0.0, now.monotonic - before.monotonic)
    longest = max(now.boottime - before.boottime, now.wall_time - before.wall_time)
    return Passed(awake, longest if longest - awake > SLEEP_SECONDS else awake)


def trapezoid(before: float, now: float, seconds: float) -> float:
    """Joules drawn while the power went in a straight line from `before` to `now` watts."""
    return (before + now) / 2 * seconds


def advance_power(
    probe: PowerProbe, watts: float | None, at: float, *, usual_seconds: float = USUAL_SECONDS
) -> tuple[PowerProbe, Stretch | None]:
    """Take a polled power in; None when the sensor was silent."""
    if watts is None:
        return probe, None
    reading = PowerProbe(at, watts)
    seconds = at - probe.at
    if probe.watts is None or not 0 < seconds <= GAP_INTERVALS * usual_seconds:
        return reading, None
    return reading, Stretch(trapezoid(probe.watts, watts, seconds), seconds)


def counter_difference(before: float, now: float, seconds: float, most_watts: float = MOST_WATTS) -> float | None:
    """Joules between two readings of a counter; None when it began anew, or claims more than could be drawn."""
    most = most_watts * seconds
    if now >= before:
        return now - before if now - before <= most else None
    wrapped = (now + size - before for size in WRAPS_JOULES if before <= size)
    return next((joules for joules in wrapped if joules <= most), None)


def advance_counter(
    probe: CounterProbe, joules: float | None, at: float, *, most_watts: float = MOST_WATTS
) -> tuple[CounterProbe, Stretch | None]:
    """Take a reading of a counter in; None when it was silent."""
    if joules is None:
        return probe, None
    reading = CounterProbe(at, joules)
    seconds = at - probe.at
    if probe.joules is None or not 0 < seconds <= LONGEST_COUNTER_SECONDS:
        return reading, None
    difference = counter_difference(probe.joules, joules, seconds, most_watts)
    if difference is None or (probe.frozen and difference > 0):
        return reading, None  # where a frozen counter woke up is not known
    stretch = Stretch(difference, seconds)
    return replace(reading, still_seconds=probe.still_seconds if difference == 0 else 0.0), stretch


def advance_part(
    probe: PartProbe, *, joules: float | None, watts: float | None, at: float, usual_seconds: float = USUAL_SECONDS
) -> PartLook:
    """Take in what a part said at `at` (monotonic seconds): its counter, its power, each None when it was silent."""
    joules, watts = _sane(joules, math.inf), _sane(watts, MOST_WATTS)
    highest = max(probe.highest_watts, watts or 0.0)
    most = min(MOST_WATTS, max(SMALLEST_BOUND_WATTS, TIMES_THE_HIGHEST * highest)) if highest else MOST_WATTS
    power, polled = advance_power(probe.power, watts, at, usual_seconds=usual_seconds)
    counter, counted = advance_counter(probe.counter, joules, at, most_watts=most)
    if counted is not None and counted.joules == 0 and polled is not None and polled.watts > FROZEN_ABOVE_WATTS:
        counter = replace(counter, still_seconds=counter.still_seconds + counted.seconds)
    if counter.frozen:
        counted = None
    if counted is None and polled is not None:
        # Power stepped in up to now, so the counter must not measure this stretch again when it speaks.
        counter = replace(counter, at=at, joules=joules)
    elif counted is not None and watts is None:
        power = PowerProbe()
    return PartLook(PartProbe(counter, power, highest), counted, polled)


def _sane(value: float | None, most: float) -> float | None:
    """A reading, or None for one that no sensor can mean."""
    return value if value is not None and math.isfinite(value) and 0 <= value <= most else None
