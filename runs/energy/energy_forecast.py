"""The electricity of a run at its end: energy, money and CO2, as ranges, from its recent power."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from babytrain.runs.energy.tariff import JOULES_PER_KWH, Prices, prices_from
from babytrain.runs.events import Energy
from babytrain.runs.forecast.eta import estimate_work
from babytrain.runs.forecast.final_loss_forecast import is_paused_indefinitely
from babytrain.runs.forecast.quiet_hours import quiet_plan
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.elapsed_time import wall_time_at
from babytrain.runs.state.run_state import RunSnapshot

RECENT_POWER_SECONDS = 1800.0
MAX_RECENT_READINGS = 600
MIN_MEASURED_SECONDS = 10.0  # of measuring before watts mean anything
POWER_BLOCKS = 10
WATTS_LOW, WATTS_HIGH = 0.1, 0.9


@dataclass(frozen=True)
class EnergyForecast:
    """The whole run at its end, past and future. `money` is None without a price."""

    kwh: ValueRange
    money: ValueRange | None
    co2_grams: ValueRange
    watts: ValueRange  # of the rest of the run, net of idle draw


def energy_forecast(snapshot: RunSnapshot) -> EnergyForecast | None:
    """The forecast at a moment; None when the run is over, unmeasured or it is too early. Never raises."""
    energy = snapshot.energy
    if energy is None or not math.isfinite(energy.joules):
        return None
    left = estimate_work(snapshot)  # while paused it draws next to nothing
    watts = recent_watts(snapshot)
    if left is None or watts is None:
        return None
    prices = prices_from(snapshot.settings)
    rest_kwh = ValueRange(watts.low * left.low, watts.high * left.high).times(1 / JOULES_PER_KWH)
    so_far = energy.joules / JOULES_PER_KWH
    kwh = rest_kwh.plus(ValueRange(so_far, so_far))
    price, money = _price_range(snapshot, prices, left), None
    if price is not None and energy.money is not None:
        money = ValueRange(energy.money + rest_kwh.low * price.low, energy.money + rest_kwh.high * price.high)
    return EnergyForecast(kwh=kwh, money=money, co2_grams=kwh.times(prices.co2_grams_per_kwh), watts=watts)


def _price_range(snapshot: RunSnapshot, prices: Prices, left: ValueRange) -> ValueRange | None:
    """The mean price of a kilowatt-hour for the least and the most that is to come; None without a price."""
    now, tariff = wall_time_at(snapshot), prices.tariff
    low, high = prices.mean_price(now, left.low), prices.mean_price(now, left.high)
    if low is None or high is None:
        return None
    if tariff.bands and (quiet_plan(snapshot).windows or is_paused_indefinitely(snapshot)):
        every = [tariff.price, *(band.price for band in tariff.bands)]  # at what hours it will work is open
        return ValueRange(min(every), max(every))
    return ValueRange(low, high)


def recent_watts(snapshot: RunSnapshot) -> ValueRange | None:
    """The 10% and 90% quantiles of recent power, net of idle draw; None when measured too briefly."""
    timeline = snapshot.state.energies
    last = timeline.count_until(snapshot.t)
    readings = timeline.events[max(0, last - MAX_RECENT_READINGS) : last]
    recent = [reading for reading in readings if reading.t >= snapshot.t - RECENT_POWER_SECONDS]
    seconds, joules = _measured_intervals(recent)
    if float(seconds.sum()) < MIN_MEASURED_SECONDS:
        return None
    # Blocks of about equal time, because a journal has fewer readings than a live run.
    blocks = np.minimum((np.cumsum(seconds) - seconds / 2) / seconds.sum() * POWER_BLOCKS, POWER_BLOCKS - 1).astype(
        np.int64
    )
    lengths, amounts = np.bincount(blocks, weights=seconds), np.bincount(blocks, weights=joules)
    watts = amounts[lengths > 0] / lengths[lengths > 0]
    return ValueRange(float(np.quantile(watts, WATTS_LOW)), float(np.quantile(watts, WATTS_HIGH)))


def _measured_intervals(readings: list[Energy]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and joules between neighbouring readings without a gap between them."""
    table = np.array([(r.joules, r.measured_seconds, r.unmeasured_seconds) for r in readings], dtype=np.float64)
    steps = np.diff(table.reshape(-1, 3), axis=0)
    whole = np.isfinite(steps).all(axis=1) & (steps[:, 0] >= 0) & (steps[:, 1] > 0) & (steps[:, 2] <= 0)
    return steps[whole, 1], steps[whole, 0]
