"""The bill of a run: its electricity in kilowatt-hours, money, CO2 and other units.

The price and the CO2 factor are those of the run's own settings, so an old run keeps its cost. Discarded energy is all
of a failed run, and what was drawn between a checkpoint and the rollback to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from babytrain.runs.energy.efficiency import EnergyEfficiency, energy_efficiency, is_measured, joules_until
from babytrain.runs.energy.energy_forecast import EnergyForecast, energy_forecast
from babytrain.runs.energy.tariff import JOULES_PER_KWH, is_simulated_at, prices_from
from babytrain.runs.events import Energy, EnergyQuality, EnergyScope, EnergySource
from babytrain.runs.state.elapsed_time import wall_time_at
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.summary import RunSummary, read_summary
from babytrain.runs.time_of_day import local_time


@dataclass(frozen=True)
class SourceAmounts:
    """One way of measuring; `joules` and the mean `watts` are None when it never gave a reading."""

    name: str  # "gpu 0", "processor", "battery", "wall meter"
    scope: EnergyScope
    quality: EnergyQuality
    counted: bool
    joules: float | None
    watts: float | None
    measured_seconds: float
    unmeasured_seconds: float
    gap_percent: float | None = None  # of a counter: how far the integral of the same card's polled power differs


@dataclass(frozen=True)
class BillAmounts:
    """The bill of a run at a moment. `joules` is None, never 0, when nothing was measured."""

    joules: float | None = None
    watts: float | None = None  # now, idle draw included; None when the run is over
    money: float | None = None
    currency: str = ""
    co2_grams: float | None = None
    co2_is_default: bool = True
    idle_joules: float = 0.0  # already subtracted
    measured_seconds: float = 0.0
    unmeasured_seconds: float = 0.0
    sources: tuple[SourceAmounts, ...] = ()
    units: EnergyEfficiency | None = None
    forecast: EnergyForecast | None = None
    missing_reason: str = ""  # why nothing was measured, or what the total leaves out
    simulated: bool = False  # scripted sensors: none of it was drawn

    @property
    def kwh(self) -> float | None:
        """The energy in kilowatt-hours."""
        return None if self.joules is None else self.joules / JOULES_PER_KWH

    @property
    def counted(self) -> tuple[SourceAmounts, ...]:
        """The sources that make up the total."""
        return tuple(source for source in self.sources if source.counted and source.joules is not None)


@dataclass(frozen=True)
class MonthShare:
    """What a run drew in one month of local time (`2026-11`), and what rollbacks in that month discarded of it."""

    month: str
    joules: float = 0.0
    money: float | None = None
    discarded_joules: float = 0.0


@dataclass(frozen=True)
class Bill:
    """The bill of a saved run, by month; no months when nothing was measured."""

    summary: RunSummary
    facts: BillAmounts
    months: tuple[MonthShare, ...] = ()

    @property
    def discarded_joules(self) -> float | None:
        """Drawn in steps that rollbacks discarded."""
        return None if self.facts.joules is None else sum(month.discarded_joules for month in self.months)

    @property
    def wasted_joules(self) -> float | None:
        """All of a failed run, and what rollbacks discarded of any other."""
        return self.facts.joules if self.summary.status == "failed" else self.discarded_joules


def read_bill(folder: RunFolder) -> Bill:
    """The bill of a run from its folder. Never raises, whatever the folder holds."""
    summary, state = read_summary(folder)
    if state is None:
        return Bill(summary, BillAmounts(missing_reason="its journal tells of no training"))
    snapshot = state.at()
    facts = bill_amounts(snapshot)
    return Bill(summary, facts, () if facts.joules is None else tuple(_months(snapshot)))


def bill_amounts(snapshot: RunSnapshot) -> BillAmounts:
    """The bill of a run at a moment. Never raises. As slow as `estimate_eta`: call it once a second."""
    prices, energy = prices_from(snapshot.settings), snapshot.energy
    missing_reason = _missing_reason(snapshot, energy)
    if energy is None or not is_measured(energy):
        sources = _source_amounts(energy) if energy else ()
        unmeasured = energy.unmeasured_seconds if energy else 0.0
        return BillAmounts(sources=sources, unmeasured_seconds=unmeasured, missing_reason=missing_reason)
    return BillAmounts(
        joules=energy.joules,
        watts=energy.watts if snapshot.ended is None else None,
        money=energy.money,
        currency=prices.tariff.currency,
        co2_grams=prices.co2_grams(energy.joules),
        co2_is_default=prices.co2_is_default,
        idle_joules=energy.idle_joules,
        measured_seconds=energy.measured_seconds,
        unmeasured_seconds=energy.unmeasured_seconds,
        sources=_source_amounts(energy),
        units=energy_efficiency(snapshot),
        forecast=energy_forecast(snapshot),
        missing_reason=missing_reason,
        simulated=is_simulated_at(snapshot),
    )


def discarded_intervals(snapshot: RunSnapshot) -> list[tuple[float, float]]:
    """Disjoint intervals of running time with steps that a rollback discarded."""
    found: list[tuple[float, float]] = []
    for event in snapshot.state.guard_events.until(snapshot.t):
        since = _time_at_checkpoint(snapshot, event.t) if event.action == "rolled back" else None
        if since is not None:
            # Two rollbacks may go to the same checkpoint: count the overlap once.
            since = max(since, found[-1][1]) if found else since
            found.append((since, max(since, event.t)))
    return found


def gap_percent(source: EnergySource, sources: tuple[EnergySource, ...]) -> float | None:
    """How far, in percent, the polled power of a card differs from its counter `source`; None without both."""
    if source.quality != "counter" or source.joules <= 0 or source.measured_seconds <= 0:
        return None
    for other in sources:
        polled = other.name == source.name and other.quality == "polled" and not other.counted
        if polled and other.measured_seconds > 0:
            watts = source.joules / source.measured_seconds
            return 100 * (other.joules / other.measured_seconds / watts - 1)
    return None


def _source_amounts(energy: Energy) -> tuple[SourceAmounts, ...]:
    return tuple(
        SourceAmounts(
            name=source.name,
            scope=source.scope,
            quality=source.quality,
            counted=source.counted,
            joules=source.joules if source.measured_seconds > 0 else None,
            watts=source.joules / source.measured_seconds if source.measured_seconds > 0 else None,
            measured_seconds=source.measured_seconds,
            unmeasured_seconds=source.unmeasured_seconds,
            gap_percent=gap_percent(source, energy.sources),
        )
        for source in energy.sources
    )


def _missing_reason(snapshot: RunSnapshot, energy: Energy | None) -> str:
    """Why nothing was measured, or what the total leaves out; empty when it covers the whole computer."""
    if energy is None:
        return "no meter ran"
    measured = {source.scope for source in energy.sources if source.counted and source.measured_seconds > 0}
    if "computer" in measured or "processor" in measured:
        return ""
    missing = snapshot.vitals.host.missing if snapshot.vitals else {}
    reason = missing.get("processor_joules") or missing.get("processor_watts") or "no sensor of it can be read"
    if measured:
        return f"without the processor: {reason}"
    return f"{reason}; wall_watts takes what a wall meter says"


def _time_at_checkpoint(snapshot: RunSnapshot, rollback_at: float) -> float | None:
    """When the run wrote the checkpoint of the newest rollback until `rollback_at`; None when not recorded."""
    resumed = next((event for event in snapshot.state.resumes.newest_first(rollback_at) if event.rollback), None)
    if resumed is None:
        return None
    for event in snapshot.state.checkpoints.newest_first(snapshot.t):
        if event.t <= resumed.t and event.directory.rsplit("/", 1)[-1] == resumed.checkpoint:
            return event.t
    return 0.0 if snapshot.started is not None and resumed.step <= snapshot.started.step else None


def _months(snapshot: RunSnapshot) -> Iterator[MonthShare]:
    shares: dict[str, MonthShare] = {}
    nothing_yet = Energy(t=0.0, step=0, joules=0.0)
    for before, now in pairwise([nothing_yet, *snapshot.state.energies.until(snapshot.t)]):
        month = month_of(wall_time_at(snapshot.state.at(now.t)))
        share = shares.get(month, MonthShare(month))
        money = share.money
        if now.money is not None:
            money = (money or 0.0) + now.money - (before.money or 0.0)
        shares[month] = replace(share, joules=share.joules + now.joules - before.joules, money=money)
    for start, end in discarded_intervals(snapshot):
        month = month_of(wall_time_at(snapshot.state.at(end)))
        share = shares.get(month, MonthShare(month))
        drawn = joules_until(snapshot, end) - joules_until(snapshot, start)
        shares[month] = replace(share, discarded_joules=share.discarded_joules + drawn)
    yield from shares.values()


def month_of(wall_time: float) -> str:
    """The month of a Unix time, in local time, as `2026-11`."""
    return time.strftime("%Y-%m", local_time(wall_time))
