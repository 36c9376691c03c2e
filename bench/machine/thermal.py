"""Does the duty cycle hold a temperature ceiling and a power budget, and what does that cost? On simulated cards.

    python -m bench.machine.thermal

A card is a first-order thermal body, the sensor lags behind it by a few seconds, counts whole degrees and is read once
a second. It works a tenth of a second at a time and rests after it, as in a run. Each line is the worst of all rooms,
sensors and ceilings for one kind of card: by how much the ceiling was ever passed (below 0: never), how far the
temperature strayed from its goal a degree below once it had settled, and how much of what a perfect controller could
have done was done. Nothing here is a real card.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from babytrain.engine.training.power_policy.controllers import (
    MARGIN_DEGREES,
    PowerController,
    ThermalController,
    rest_seconds,
)

WORK_SECONDS = 0.1
SLICE_SECONDS = 0.05
AMBIENTS = (22.0, 28.0, 35.0)
CEILINGS = (65.0, 70.0, 75.0, 80.0)
TIME_CONSTANTS = (10.0, 20.0, 40.0, 80.0, 120.0)
RISES = (30.0, 50.0, 70.0)  # above the room, at full load
LAGS = (0.0, 2.0, 4.0)
SETTLED_SECONDS = 900.0
IDLE_WATTS, BUSY_WATTS = 15.0, 215.0


class SimulatedCard:
    """A first-order thermal body, which starts idle and at rest; `resistance` is in degrees Celsius per watt.

    Its temperature tends to ambient + resistance x power with one time constant, solved exactly over each interval, so
    that the result does not depend on the slicing of time.
    """

    def __init__(self, ambient: float, resistance: float, time_constant_s: float) -> None:
        self._ambient, self._resistance, self._time_constant = ambient, resistance, time_constant_s
        self.temperature_celsius = self.settles_at(0.0)

    def settles_at(self, share: float) -> float:
        """The limit of the temperature, in degrees Celsius, when it works that share of the time."""
        return self._ambient + self._resistance * (IDLE_WATTS + share * (BUSY_WATTS - IDLE_WATTS))

    def advance(self, seconds: float, busy: bool) -> None:
        """Let `seconds` pass, all busy or all idle."""
        target = self.settles_at(1.0 if busy else 0.0)
        self.temperature_celsius = target + (self.temperature_celsius - target) * math.exp(
            -seconds / self._time_constant
        )


@dataclass(frozen=True)
class Trial:
    """A card in a room, and a sensor. Temperatures in degrees Celsius, times in seconds."""

    ambient: float
    rise: float
    time_constant: float
    sensor_lag: float = 2.0
    sensor_noise: float = 0.0
    reads_every: float = 1.0
    starts_warm: float = 0.0  # degrees above its idle temperature

    @property
    def resistance(self) -> float:
        """Degrees per watt."""
        return self.rise / BUSY_WATTS

    def card(self) -> SimulatedCard:
        """The card, idle or warmed up."""
        card = SimulatedCard(self.ambient, self.resistance, self.time_constant)
        target = card.temperature_celsius + self.starts_warm
        while card.temperature_celsius < min(target, card.settles_at(1.0) - 1.0):
            card.advance(1.0, True)
        return card

    def best_duty(self, ceiling: float) -> float:
        """The share of the time that just keeps the ceiling."""
        idle = self.ambient + self.resistance * IDLE_WATTS
        return min(1.0, max(0.0, (ceiling - MARGIN_DEGREES - idle) / (self.resistance * (BUSY_WATTS - IDLE_WATTS))))


@dataclass
class Sensor:
    """Lags behind a temperature and returns whole degrees Celsius."""

    lag: float
    noise: random.Random
    deviation: float
    celsius: float

    def follow(self, celsius: float, seconds: float) -> None:
        """Let `seconds` pass at a temperature."""
        share = -math.expm1(-seconds / self.lag) if self.lag > 0 else 1.0
        self.celsius += (celsius - self.celsius) * share

    def read(self) -> float:
        """Whole degrees."""
        return float(round(self.celsius + self.noise.gauss(0.0, self.deviation)))


def hold_ceiling(trial: Trial, ceiling: float, seconds: float = 1800.0) -> Iterator[tuple[float, float, bool]]:
    """The temperature after each slice of time, the slice's length, and whether it was work."""
    card, keeper = trial.card(), ThermalController()
    sensor = Sensor(trial.sensor_lag, random.Random(1), trial.sensor_noise, card.temperature_celsius)
    passed, next_read, rested = 0.0, 0.0, math.inf
    while passed < seconds:
        # Like the duty cycle controller: the rest still owed is computed anew before each slice of it.
        owed = rest_seconds(WORK_SECONDS, keeper.duty_cycle) - rested
        works = owed <= 1e-9
        length = WORK_SECONDS if works else min(owed, SLICE_SECONDS)
        rested = 0.0 if works else rested + length
        card.advance(length, works)
        passed += length
        sensor.follow(card.temperature_celsius, length)
        if passed >= next_read:
            keeper.take(sensor.read(), ceiling, trial.reads_every)
            next_read += trial.reads_every
        yield card.temperature_celsius, length, works


@dataclass(frozen=True)
class Outcome:
    """Largest excess above the ceiling; once settled, largest shortfall below the goal, and work done."""

    overshoot: float
    stray: float
    kept: float
    kept_from_start: float


def outcome(trial: Trial, ceiling: float, seconds: float = 1800.0) -> Outcome:
    """Hold the ceiling and measure it; `kept` is a share of what a perfect controller would have done."""
    hottest, stray, passed = -math.inf, 0.0, 0.0
    worked = {False: 0.0, True: 0.0}  # by whether it had settled
    came_below = not trial.starts_warm
    for celsius, length, works in hold_ceiling(trial, ceiling, seconds):
        passed += length
        settled = passed > min(SETTLED_SECONDS, seconds / 2)
        came_below = came_below or celsius <= ceiling
        if came_below:
            hottest = max(hottest, celsius)
        if settled:
            stray = max(stray, abs(celsius - (ceiling - MARGIN_DEGREES)))
        worked[settled] += length * works
    best = trial.best_duty(ceiling)
    after = seconds - min(SETTLED_SECONDS, seconds / 2)
    return Outcome(hottest - ceiling, stray, worked[True] / (best * after), sum(worked.values()) / (best * seconds))


def trials(time_constant: float, rise: float) -> Iterator[tuple[Trial, float]]:
    """Every room, sensor and ceiling where the ceiling matters and can be held."""
    for ambient, lag, ceiling in itertools.product(AMBIENTS, LAGS, CEILINGS):
        trial = Trial(ambient, rise, time_constant, lag)
        if 0.05 < trial.best_duty(ceiling) < 0.97:
            yield trial, ceiling


def power_excess(budget: float, idle_watts: float, busy_watts: float, seconds: float = 600.0) -> tuple[float, float]:
    """Mean power over the budget's second half, and the most joules ever drawn above the budget, in budgets."""
    keeper = PowerController()
    drawn = excess = 0.0
    late = 0.0
    for second in range(int(seconds)):
        watts = idle_watts + keeper.duty_cycle * (busy_watts - idle_watts)
        drawn += watts
        late += watts * (second >= seconds / 2)
        excess = max(excess, drawn - budget * (second + 1))
        keeper.take(watts, budget, 1.0)
    return late / (seconds / 2), excess / budget


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    print(f"{'tau s':>6} {'rise °C':>8} {'cases':>6} {'overshoot °C':>13} {'stray °C':>9} {'kept':>6} {'from 0 s':>9}")
    worst = -math.inf
    for time_constant, rise in itertools.product(TIME_CONSTANTS, RISES):
        found = [outcome(trial, ceiling) for trial, ceiling in trials(time_constant, rise)]
        if not found:
            continue
        worst = max(worst, *(one.overshoot for one in found))
        print(
            f"{time_constant:6.0f} {rise:8.0f} {len(found):6d} {max(one.overshoot for one in found):+13.2f} "
            f"{max(one.stray for one in found):9.2f} {min(one.kept for one in found):6.1%} "
            f"{min(one.kept_from_start for one in found):9.1%}"
        )
    print(f"worst overshoot {worst:+.2f}°C")
    print("\nbudget W   mean W   most above the budget, in seconds of it")
    for budget in (60.0, 100.0, 150.0, 200.0):
        mean, excess = power_excess(budget, IDLE_WATTS, 300.0)
        print(f"{budget:8.0f} {mean:8.1f} {excess:10.1f}")


if __name__ == "__main__":
    main()
