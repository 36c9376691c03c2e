"""Controllers that choose the duty cycle which holds a temperature or an average power. Pure.

Choices, tuned on simulated cards in `bench/machine/thermal.py`:

- The run rests between steps; nothing is set on the card, so no root is needed.
- Temperature: D degrees below its goal it may rise by D/60 degrees a second, and the duty cycle moves with the
  difference: a PI controller in velocity form (gain 0.06 per degree, reset time 60 s). It has no integral that could
  wind up, and slows down early enough for time constants of 10 to 120 s and sensors that lag and round to degrees.
- It holds nothing back until the temperature is near its goal: within `NEAR_DEGREES`, or further off the faster it
  rises, because a small card warms by several degrees a second and a sensor lags. From there on the duty cycle rises by
  at most 0.03 a second. A card that is near its goal at first begins at a duty cycle of 0.25.
- Power: the duty cycle is the integral of the difference to the budget, so the energy above the budget never exceeds
  `BUDGET_SECONDS` of the budget, as long as working `LEAST_DUTY` of the time draws less than the budget. It begins at
  full speed: within a budget nothing is held back.
"""

from __future__ import annotations

import math

LEAST_DUTY = 0.02  # a run that never works would never measure whether it may work
INITIAL_DUTY = 0.25  # of a card that is near its goal already
NEAR_DEGREES = 10.0
NEAR_PER_SQUARED_RISE = 1.0  # degrees more for a rise of a degree a second, four for two
ARRIVAL_SECONDS = 20.0  # in which a card that comes near its goal may reach it
LARGEST_RISE_PER_SECOND = 0.03
GAIN_PER_DEGREE = 0.06
HORIZON_SECONDS = 60.0
SMOOTHING_SECONDS = 3.0
MARGIN_DEGREES = 1.0  # the goal below the ceiling: a sensor with whole degrees is off by up to half of one
BUDGET_SECONDS = 20.0
LONGEST_CONTROL_INTERVAL_SECONDS = 10.0  # a longer interval is a gap in the readings


def rest_seconds(worked_seconds: float, duty_cycle: float) -> float:
    """Seconds to rest after some work so that work is `duty_cycle` (above 0, up to 1) of the time."""
    return worked_seconds * (1.0 / duty_cycle - 1.0)


class ThermalController:
    """Holds a temperature below a ceiling."""

    def __init__(self) -> None:
        self.duty_cycle = 1.0
        self._holding = False  # near the goal, or on the way back from there
        self._newest: float | None = None
        self._smoothed = 0.0

    def take(self, celsius: float, ceiling: float, seconds: float, *, working: bool = True) -> float:
        """Take a reading, `seconds` after the previous one; returns the duty cycle until the next.

        A card that is not `working` cools down at any duty cycle, so the controller begins anew after that.
        """
        seconds = min(max(seconds, 0.0), LONGEST_CONTROL_INTERVAL_SECONDS)
        goal, first = ceiling - MARGIN_DEGREES, self._newest is None
        before = celsius if first else self._smoothed
        self._smoothed = before + (celsius - before) * -math.expm1(-seconds / SMOOTHING_SECONDS)
        rise = (celsius - (self._newest or 0.0)) / seconds if not first and seconds > 0.0 else 0.0
        self._newest = celsius if working else None
        if not working:
            self.duty_cycle, self._holding = 1.0, False
        elif not self._holding:
            self._come_near(goal - celsius, max(0.0, rise), first=first)
        else:
            below = goal - self._smoothed
            change = GAIN_PER_DEGREE * (below * seconds / HORIZON_SECONDS - (self._smoothed - before))
            self.duty_cycle = _clamped(self.duty_cycle + min(change, LARGEST_RISE_PER_SECOND * seconds))
            self._holding = self.duty_cycle < 1.0 or below <= NEAR_DEGREES
        return self.duty_cycle

    def _come_near(self, below: float, rise: float, *, first: bool) -> None:
        """Begin to hold the temperature once it is near its goal; `rise` in degrees a second."""
        if below > NEAR_DEGREES + NEAR_PER_SQUARED_RISE * rise**2:
            return
        self._holding = True
        if first:
            self.duty_cycle = INITIAL_DUTY
        elif rise > 0.0:
            self.duty_cycle = _clamped(below / (ARRIVAL_SECONDS * rise))


class PowerController:
    """Holds an average power."""

    def __init__(self) -> None:
        self.duty_cycle = 1.0

    def take(self, watts: float, budget: float, seconds: float, *, working: bool = True) -> float:
        """Take the mean power of the last `seconds`; returns the duty cycle, unchanged when not `working`."""
        if not working:
            return self.duty_cycle
        seconds = min(max(seconds, 0.0), LONGEST_CONTROL_INTERVAL_SECONDS)
        self.duty_cycle = _clamped(self.duty_cycle + (budget - watts) / budget * seconds / BUDGET_SECONDS)
        return self.duty_cycle


def _clamped(duty_cycle: float) -> float:
    return min(1.0, max(LEAST_DUTY, duty_cycle))
