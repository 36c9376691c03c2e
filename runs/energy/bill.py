"""The bill of a run: what its electricity came to, in kilowatt-hours, money, CO2 and in units that mean something.

`bill_facts` is for whoever shows a run, `read_bill` for the bill of a saved one. Choices worth knowing:

- Nothing measured is None, never 0: a run that was not measured was not free.
- The price and the CO2 factor are the run's own, as its settings had them, and the money was added up at the price of
  the hour. So an old run keeps its cost.
- What was thrown away is told apart: the whole of a failed run, and in any run what was drawn between a checkpoint and
  the rescue that went back to it. Where a checkpoint lies between two readings of the meter, the energy up to it is
  read off the line between them: it is a share of what was measured and no part of the total depends on it.
- A run whose sensors played a script has a bill like any other, to show what one looks like. It says that it is made
  up, and no total has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from babytrain.runs.energy.efficiency import EnergyEfficiency, energy_efficiency, is_measured, joules_until
from babytrain.runs.energy.energy_forecast import EnergyForecast, energy_forecast
from babytrain.runs.energy.tariff import JOULES_PER_KWH, is_simulated_at, prices_at
from babytrain.runs.events import Energy, EnergyQuality, EnergyScope, EnergySource
from babytrain.runs.state.elapsed_time import wall_time_at
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.summary import RunSummary, read_summary


@dataclass(frozen=True)
class SourceAmounts:
    """One way of measuring. `joules` is None when it never gave a reading; `watts` is its mean while it did.

    `gap_percent`, of a counter: how far the integral of the power that the same card was polled for lies from it.
    """

    name: str  # "gpu 0", "processor", "battery", "wall meter"
    scope: EnergyScope
    quality: EnergyQuality
    counted: bool
    joules: float | None
    watts: float | None
    measured_seconds: float
    unmeasured_seconds: float
    gap_percent: float | None = None


@dataclass(frozen=True)
class BillAmounts:
    """The bill of a run at a moment, for a pane. When `joules` is None nothing was measured, and `why_not` says why."""

    joules: float | None = None
    watts: float | None = None  # now, idle draw included; None when the run is over
    money: float | None = None
    currency: str = ""
    co2_grams: float | None = None
    co2_is_default: bool = True
    idle_joules: float = 0.0  # taken off already
    measured_seconds: float = 0.0
    unmeasured_seconds: float = 0.0
    sources: tuple[SourceAmounts, ...] = ()
    units: EnergyEfficiency | None = None
    forecast: EnergyForecast | None = None
    missing_reason: str = ""  # or what is left out of the total, half a sentence
    simulated: bool = False  # a script was played in place of sensors: nothing of it was drawn, and no total has it

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
    """What a run drew in one month of local time, `2026-11`, and what of it a rescue in that month gave up."""

    month: str
    joules: float = 0.0
    money: float | None = None
    discarded_joules: float = 0.0


@dataclass(frozen=True)
class Bill:
    """The bill of a saved run, month by month; no months where nothing was measured."""

    summary: RunSummary
    facts: BillAmounts
    months: tuple[MonthShare, ...] = ()

    @property
    def discarded_joules(self) -> float | None:
        """Drawn on the way to places from which a rescue went back."""
        return None if self.facts.joules is None else sum(month.discarded_joules for month in self.months)

    @property
    def wasted_joules(self) -> float | None:
        """All of a failed run, and what was given up of any other."""
        return self.facts.joules if self.summary.status == "failed" else self.discarded_joules


def read_bill(folder: RunFolder) -> Bill:
    """The bill of a run from its folder, whatever state that is in. Never raises for what lies on the disk."""
    summary, state = read_summary(folder)
    if state is None:
        return Bill(summary, BillAmounts(missing_reason="its journal tells of no training"))
    snapshot = state.at()
    facts = bill_amounts(snapshot)
    if facts.joules is None:
        return Bill(summary, facts)
    return Bill(summary, facts, tuple(_months(snapshot)))


def bill_amounts(snapshot: RunSnapshot) -> BillAmounts:
    """The bill of a run as it stood at a moment. Never raises. About as dear as `estimate_eta`: ask once a second."""
    prices, energy = prices_at(snapshot), snapshot.energy
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
    """When the run was on its way to a place a rescue went back from: spans of its time that do not overlap."""
    spans: list[tuple[float, float]] = []
    for rescue in snapshot.guard_events:
        since = _time_at_checkpoint(snapshot, rescue.t) if rescue.action == "rolled back" else None
        if since is not None:
            # Two rescues may go back to the same checkpoint: what lies between is given up once.
            since = max(since, spans[-1][1]) if spans else since
            spans.append((since, max(since, rescue.t)))
    return spans


def gap_percent(source: EnergySource, sources: tuple[EnergySource, ...]) -> float | None:
    """How far the polled power of a card lies from its counter `source`, None where there are not both."""
    if source.quality != "counter" or source.joules <= 0 or source.measured_seconds <= 0:
        return None
    others = [
        other
        for other in sources
        if other.name == source.name and other.quality == "polled" and not other.counted and other.measured_seconds > 0
    ]
    if not others:
        return None
    watts = source.joules / source.measured_seconds
    return 100 * (others[0].joules / others[0].measured_seconds / watts - 1)


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
    """Why nothing was measured, or what the total leaves out; nothing when it holds the whole computer."""
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


def _time_at_checkpoint(snapshot: RunSnapshot, rescued_at: float) -> float | None:
    """When the run first stood where a rescue took it back to; None where the journal does not tell."""
    went_back = [event for event in snapshot.state.resumes.until(rescued_at) if event.rollback]
    if not went_back:
        return None
    place = went_back[-1]
    written = [
        event.t
        for event in snapshot.checkpoints
        if event.t <= place.t and event.directory.rsplit("/", 1)[-1] == place.checkpoint
    ]
    if written:
        return written[-1]
    return 0.0 if snapshot.started is not None and place.step <= snapshot.started.step else None


def _months(snapshot: RunSnapshot) -> Iterator[MonthShare]:
    """What was drawn in each month, oldest first."""
    shares: dict[str, MonthShare] = {}
    readings = snapshot.state.energies.until(snapshot.t)
    began = Energy(t=0.0, step=0, joules=0.0)
    for before, now in pairwise([began, *readings]):
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
    return time.strftime("%Y-%m", time.localtime(wall_time))
