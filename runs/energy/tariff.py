"""The price of electricity by the time of day, and its CO2, from the settings of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.time_of_day import DayWindow, minute_of_day, parse_window

JOULES_PER_KWH = 3.6e6
# The world's recent average, rounded (IEA), as other energy trackers use it.
DEFAULT_CO2_GRAMS_PER_KWH = 475.0
MAX_PRICE_PER_KWH = 1e6


@dataclass(frozen=True)
class PriceBand:
    """A price per kilowatt-hour during a part of the day."""

    window: DayWindow
    price: float


@dataclass(frozen=True)
class Tariff:
    """The price of a kilowatt-hour; unknown with a `price` of 0 and no bands."""

    price: float = 0.0
    currency: str = ""
    bands: tuple[PriceBand, ...] = ()

    @property
    def known(self) -> bool:
        """Whether costs can be computed."""
        return bool(self.currency) and (self.price > 0 or bool(self.bands))

    def price_at(self, wall_time: float) -> float:
        """The price of a kilowatt-hour at `wall_time` (Unix seconds, as local time); the first band that fits."""
        if not self.bands:
            return self.price
        minute = minute_of_day(wall_time)
        return next((band.price for band in self.bands if band.window.contains(minute)), self.price)

    def cost(self, joules: float, wall_time: float) -> float | None:
        """The cost of `joules` drawn at `wall_time`, None without a price."""
        return joules / JOULES_PER_KWH * self.price_at(wall_time) if self.known else None


def parse_bands(text: str) -> tuple[PriceBand, ...]:
    """`22:00-06:00 0.19, 12:00-14:00 0.25` as bands. Raises ValueError with what is wrong."""
    bands = []
    for part in text.split(","):
        if not part.strip():
            continue
        window, _, price = part.strip().rpartition(" ")
        if not window:
            raise ValueError(f"{part.strip()!r} lacks a price; write it like 22:00-06:00 0.19")
        try:
            value = float(price)
        except ValueError:
            raise ValueError(f"{price!r} is no price; write it like 22:00-06:00 0.19") from None
        if not 0 <= value <= MAX_PRICE_PER_KWH:
            raise ValueError(f"the price {price} must lie between 0 and {MAX_PRICE_PER_KWH:g}")
        bands.append(PriceBand(parse_window(window), value))
    return tuple(bands)


SIMULATED_SENSORS = "scripted"  # of the setting `sensors`: a simulated card
_PRICE_SAMPLES = 96  # over a duration: every quarter of an hour of a day
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Prices:
    """The electricity prices of a run. `co2_is_default`: the world's average is used."""

    tariff: Tariff
    co2_grams_per_kwh: float
    co2_is_default: bool

    def co2_grams(self, joules: float) -> float:
        """Grams of CO2 for `joules` of electricity."""
        return joules / JOULES_PER_KWH * self.co2_grams_per_kwh

    def mean_price(self, wall_time: float, seconds: float) -> float | None:
        """The mean price of a kilowatt-hour over the `seconds` after `wall_time` (Unix); None without a price."""
        if not self.tariff.known:
            return None
        if not self.tariff.bands:
            return self.tariff.price
        # Whole days cost what one day costs on average.
        duration = _DAY_SECONDS if seconds > 7 * _DAY_SECONDS else max(0.0, seconds)
        times = (wall_time + duration * (index + 0.5) / _PRICE_SAMPLES for index in range(_PRICE_SAMPLES))
        return sum(map(self.tariff.price_at, times)) / _PRICE_SAMPLES


def prices_from(settings: Mapping[str, Any]) -> Prices:
    """The prices in a run's settings. Never raises."""
    currency = settings.get("currency", "")
    try:
        bands = parse_bands(str(settings.get("price_bands", "")))
    except ValueError:
        bands = ()
    tariff = Tariff(_amount(settings, "electricity_price_per_kwh"), currency if is_currency(currency) else "", bands)
    grams = _amount(settings, "co2_grams_per_kwh", DEFAULT_CO2_GRAMS_PER_KWH)
    return Prices(tariff, grams, grams == DEFAULT_CO2_GRAMS_PER_KWH)


def is_simulated_at(snapshot: RunSnapshot) -> bool:
    """Whether the sensors were scripted in any session so far: then the energy was not really drawn."""
    settings = [snapshot.started.config if snapshot.started else {}]
    settings += [resumed.changes for resumed in snapshot.state.resumes.until(snapshot.t)]
    return any(values.get("sensors") == SIMULATED_SENSORS for values in settings)


def _amount(settings: Mapping[str, Any], name: str, otherwise: float = 0.0) -> float:
    value = settings.get(name, otherwise)
    valid = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    return float(value) if valid else otherwise


def is_currency(value: object) -> bool:
    """Whether a value is three capital letters, like an ISO 4217 currency."""
    return isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()
