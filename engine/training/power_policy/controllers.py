"""How much of the time a run may work so that a temperature or a power is held. Pure: numbers in, a share of time out.

Choices, each of them tried on simulated cards in `bench/machine/thermal.py`:

- A person's ceiling is held by resting between steps. Nothing is set on the card, so no root is needed and nothing is
  left behind.
- The temperature is steered by how fast it rises: where it is D degrees below its goal it may climb D/60 degrees a
  second, and the duty moves with the difference. That is a PI controller in velocity form (proportional gain 0.06 per
  degree, reset time 60 s). It keeps no integral that could wind up, and it slows down long before the ceiling, which is
  what bodies with time constants of 10 to 120 s and sensors that lag and count whole degrees ask for.
- It begins with a quarter of the time, and takes more by at most 3 points a second. A small card under full load warms
  by several degrees a second: at full duty it would be past its ceiling before a sensor that lags says so.
- A budget of power is held by an integral of what is over or under it. Since the duty is that integral, what was drawn
  above the budget in all can never exceed `BUDGET_SECONDS` of the budget itself, as long as working `LEAST_DUTY` of
  the time draws less than it.
"""

from __future__ import annotations

import math

LEAST_DUTY = 0.02  # a run that never worked would never learn that it has become cooler
INITIAL_DUTY = 0.25
LARGEST_RISE_PER_SECOND = 0.03
GAIN_PER_DEGREE = 0.06
HORIZON_SECONDS = 60.0
SMOOTHING_SECONDS = 3.0
MARGIN_DEGREES = 1.0  # held this far below the ceiling: a sensor that counts whole degrees is half of one off
BUDGET_SECONDS = 20.0
LONGEST_CONTROL_INTERVAL_SECONDS = 10.0  # what is longer was no interval between two readings but a gap


def rest_seconds(worked_seconds: float, duty_cycle: float) -> float:
    """How long to rest after some work so that work is `duty_cycle` (above 0, up to 1) of the time."""
    return worked_seconds * (1.0 / duty_cycle - 1.0)


class ThermalController:
    """Holds a temperature. `duty_cycle` is the share of the time to work until the next reading."""

    def __init__(self) -> None:
        self.duty_cycle = INITIAL_DUTY
        self._smoothed: float | None = None

    def take(self, celsius: float, ceiling: float, seconds: float, *, working: bool = True) -> float:
        """Take a reading in, `seconds` after the one before it; returns the duty cycle.

        Not `working`, a card cools down whatever the duty cycle, so there is nothing to learn but where to begin again.
        """
        seconds = min(max(seconds, 0.0), LONGEST_CONTROL_INTERVAL_SECONDS)
        before = celsius if self._smoothed is None else self._smoothed
        self._smoothed = before + (celsius - before) * -math.expm1(-seconds / SMOOTHING_SECONDS)
        if not working:
            self.duty_cycle = min(self.duty_cycle, INITIAL_DUTY)
            return self.duty_cycle
        below = ceiling - MARGIN_DEGREES - self._smoothed
        change = GAIN_PER_DEGREE * (below * seconds / HORIZON_SECONDS - (self._smoothed - before))
        self.duty_cycle = _clamped(self.duty_cycle + min(change, LARGEST_RISE_PER_SECOND * seconds))
        return self.duty_cycle


class PowerController:
    """Holds an average power. `duty_cycle` is the share of the time to work until the next reading."""

    def __init__(self) -> None:
        self.duty_cycle = INITIAL_DUTY

    def take(self, watts: float, budget: float, seconds: float, *, working: bool = True) -> float:
        """Take in a reading of the power since the one before it, `seconds` ago; returns the duty cycle.

        What a run that is not `working` draws says nothing about a working one.
        """
        if not working:
            return self.duty_cycle
        seconds = min(max(seconds, 0.0), LONGEST_CONTROL_INTERVAL_SECONDS)
        self.duty_cycle = _clamped(self.duty_cycle + (budget - watts) / budget * seconds / BUDGET_SECONDS)
        return self.duty_cycle


def _clamped(duty_cycle: float) -> float:
    return min(1.0, max(LEAST_DUTY, duty_cycle))
