"""What a run's own settings say about electricity: its price, its CO2, what the computer would have drawn anyway.

Kept with the run and read from its journal, so that an old run keeps its cost whatever a person types in today. The
settings were checked when the run began; a journal that somebody has edited since is read as if they had said nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babytrain.runs.state import Moment
from babytrain.runs.tariff import DEFAULT_CO2_GRAMS_PER_KWH, JOULES_PER_KWH, Tariff, parse_bands

SCRIPTED = "scripted"  # what the setting `sensors` is when a card is played from a script
_PRICED_MOMENTS = 96  # at which the price is looked up over a stretch of time: every quarter of an hour of a day
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Prices:
    """What electricity costs a run and burns. `co2_is_default`: the world's average, because nobody said better."""

    tariff: Tariff
    co2_grams_per_kwh: float
    co2_is_default: bool
    idle_watts: float

    def co2_grams(self, joules: float) -> float:
        """Grams of CO2 for so much electricity."""
        return joules / JOULES_PER_KWH * self.co2_grams_per_kwh

    def mean_price(self, wall_time: float, seconds: float) -> float | None:
        """The price of a kilowatt-hour drawn evenly over the `seconds` after `wall_time` (Unix); None without one."""
        if not self.tariff.known:
            return None
        if not self.tariff.bands:
            return self.tariff.price
        # Whole days cost what one day costs on average.
        stretch = _DAY_SECONDS if seconds > 7 * _DAY_SECONDS else max(0.0, seconds)
        moments = (wall_time + stretch * (index + 0.5) / _PRICED_MOMENTS for index in range(_PRICED_MOMENTS))
        return sum(self.tariff.price_at(moment) for moment in moments) / _PRICED_MOMENTS


def prices_at(moment: Moment) -> Prices:
    """The prices of a run as its settings had them at a moment; a resume may have changed them."""
    return prices_from(moment.settings)


def prices_from(settings: Mapping[str, Any]) -> Prices:
    """The prices that a run's settings name. Never raises."""
    currency = settings.get("currency", "")
    try:
        bands = parse_bands(str(settings.get("price_bands", "")))
    except ValueError:
        bands = ()
    tariff = Tariff(_amount(settings, "electricity_price"), currency if _is_currency(currency) else "", bands)
    grams = _amount(settings, "co2_grams_per_kwh", DEFAULT_CO2_GRAMS_PER_KWH)
    return Prices(tariff, grams, grams == DEFAULT_CO2_GRAMS_PER_KWH, _amount(settings, "idle_watts"))


def made_up_at(moment: Moment) -> bool:
    """Whether sensors played a script in any session so far: what they told of was never drawn."""
    settings = [moment.started.config if moment.started else {}]
    settings += [resumed.changes for resumed in moment.state.resumes.until(moment.t)]
    return any(one.get("sensors") == SCRIPTED for one in settings)


def wall_time_at(moment: Moment) -> float:
    """The Unix time of a moment of running time, as far as the journal tells: sleep is not running time."""
    began_t, began = 0.0, moment.started.wall_time if moment.started else 0.0
    for resumed in moment.state.resumes.until(moment.t):
        began_t, began = resumed.t, resumed.wall_time
    return began + moment.t - began_t


def _amount(settings: Mapping[str, Any], name: str, otherwise: float = 0.0) -> float:
    value = settings.get(name, otherwise)
    sane = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    return float(value) if sane else otherwise


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()
