"""What the electricity of a run will come to at its end: energy, money and CO2, as honest ranges or not at all.

The time that is left comes from `runs/eta.py`, the watts from the run's own newest energy readings: the 10% and 90%
quantiles over stretches of them, net of what the computer would have drawn anyway. No forecast while either would be a
guess: too early to say how long it takes, or nothing measured lately. Stretches with a gap in them do not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from babytrain.runs.energy.tariff import JOULES_PER_KWH, prices_at
from babytrain.runs.events import Energy
from babytrain.runs.forecast.eta import estimate_work
from babytrain.runs.state.elapsed_time import wall_time_at
from babytrain.runs.state.run_state import RunSnapshot

RECENT_POWER_SECONDS = 1800.0
MAX_RECENT_READINGS = 600
MIN_MEASURED_SECONDS = 10.0  # of measuring before watts mean anything
POWER_BLOCKS = 10
WATTS_LOW, WATTS_HIGH = 0.1, 0.9


@dataclass(frozen=True)
class ValueRange:
    """From `low` to `high`."""

    low: float
    high: float


@dataclass(frozen=True)
class EnergyForecast:
    """The whole run at its end: what was drawn so far and what is still to come. `money` is None without a price."""

    kwh: ValueRange
    money: ValueRange | None
    co2_grams: ValueRange
    watts: ValueRange  # that the rest is expected to draw, net of idle draw


def energy_forecast(snapshot: RunSnapshot) -> EnergyForecast | None:
    """The forecast at a moment, or None: the run is over, nothing is measured, or it would be a guess. Never raises."""
    energy = snapshot.energy
    if energy is None or not math.isfinite(energy.joules):
        return None
    left = estimate_work(snapshot)  # in a rest it draws next to nothing
    watts = recent_watts(snapshot)
    if left is None or watts is None:
        return None
    prices = prices_at(snapshot)
    rest = ValueRange(watts.low * left.low, watts.high * left.high)
    joules = ValueRange(energy.joules + rest.low, energy.joules + rest.high)
    price = prices.mean_price(wall_time_at(snapshot), (left.low + left.high) / 2)
    money = None
    if price is not None and energy.money is not None:
        money = ValueRange(*(energy.money + part / JOULES_PER_KWH * price for part in (rest.low, rest.high)))
    return EnergyForecast(
        kwh=ValueRange(joules.low / JOULES_PER_KWH, joules.high / JOULES_PER_KWH),
        money=money,
        co2_grams=ValueRange(prices.co2_grams(joules.low), prices.co2_grams(joules.high)),
        watts=watts,
    )


def recent_watts(snapshot: RunSnapshot) -> ValueRange | None:
    """What the run drew lately, net of idle draw; None when it was not measured for long enough to say."""
    timeline = snapshot.state.energies
    last = timeline.count_until(snapshot.t)
    readings = timeline.events[max(0, last - MAX_RECENT_READINGS) : last]
    recent = [reading for reading in readings if reading.t >= snapshot.t - RECENT_POWER_SECONDS]
    seconds, joules = _measured_intervals(recent)
    if float(seconds.sum()) < MIN_MEASURED_SECONDS:
        return None
    # Readings come by the second on a live run and more seldom in a journal: blocks of about the same length of time.
    blocks = np.minimum((np.cumsum(seconds) - seconds / 2) / seconds.sum() * POWER_BLOCKS, POWER_BLOCKS - 1).astype(
        np.int64
    )
    lengths, amounts = np.bincount(blocks, weights=seconds), np.bincount(blocks, weights=joules)
    watts = amounts[lengths > 0] / lengths[lengths > 0]
    return ValueRange(float(np.quantile(watts, WATTS_LOW)), float(np.quantile(watts, WATTS_HIGH)))


def _measured_intervals(readings: list[Energy]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and joules between neighbouring readings, those with a gap between them left out."""
    table = np.array([(r.joules, r.measured_seconds, r.unmeasured_seconds) for r in readings], dtype=np.float64)
    steps = np.diff(table.reshape(-1, 3), axis=0)
    whole = np.isfinite(steps).all(axis=1) & (steps[:, 0] >= 0) & (steps[:, 1] > 0) & (steps[:, 2] <= 0)
    return steps[whole, 1], steps[whole, 0]
