"""What electricity costs and what it burns: a price for each time of day, and grams of CO2. Pure functions.

Prices are in whatever currency the person names; nothing is looked up and nothing is converted.
"""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.runs.day_times import DayWindow, minute_of_day, parse_window

JOULES_PER_KWH = 3.6e6
# The world's average of recent years in round figures (IEA), as other energy trackers use it.
DEFAULT_CO2_GRAMS_PER_KWH = 475.0
MOST_PER_KWH = 1e6


@dataclass(frozen=True)
class PriceBand:
    """A price per kilowatt-hour that holds at some time of the day."""

    window: DayWindow
    price: float


@dataclass(frozen=True)
class Tariff:
    """What a kilowatt-hour costs. A `price` of 0 and no bands: not known."""

    price: float = 0.0
    currency: str = ""
    bands: tuple[PriceBand, ...] = ()

    @property
    def known(self) -> bool:
        """Whether money can be told at all."""
        return bool(self.currency) and (self.price > 0 or bool(self.bands))

    def price_at(self, wall_time: float) -> float:
        """The price of a kilowatt-hour at `wall_time` (Unix seconds, read as local time); the first band that fits."""
        if not self.bands:
            return self.price
        minute = minute_of_day(wall_time)
        return next((band.price for band in self.bands if band.window.contains(minute)), self.price)

    def cost(self, joules: float, wall_time: float) -> float | None:
        """What `joules` drawn at `wall_time` cost, None without a price."""
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
        if not 0 <= value <= MOST_PER_KWH:
            raise ValueError(f"the price {price} must lie between 0 and {MOST_PER_KWH:g}")
        bands.append(PriceBand(parse_window(window), value))
    return tuple(bands)


def parse_tariff(price: float, currency: str, bands: str) -> Tariff:
    """A tariff from its settings. Raises ValueError with what is wrong."""
    return Tariff(price, currency, parse_bands(bands))
