"""The bills of many runs added up by month, by outcome, and by currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from babytrain.runs.energy.bill import Bill, month_of


@dataclass(frozen=True)
class BillTotal:
    """Some runs together; energy, CO2 and money are of the measured ones that were not simulated."""

    label: str
    runs: int = 0
    measured: int = 0
    simulated: int = 0  # of the runs, those with scripted sensors
    joules: float = 0.0
    co2_grams: float = 0.0
    co2_is_default: bool = False  # of any of them
    money: Mapping[str, float] = field(default_factory=dict)  # by currency
    failed_joules: float = 0.0
    wasted_joules: float = 0.0  # all of the failed runs, and what rollbacks discarded of the others
    wasted_money: Mapping[str, float] = field(default_factory=dict)  # at the mean price of each run
    unmeasured_seconds: float = 0.0


def total_bills(bills: Iterable[Bill], label: str = "total") -> BillTotal:
    """The bills as one total."""
    total = BillTotal(label)
    for bill in bills:
        total = _plus(total, bill)
    return total


def totals_by_outcome(bills: Iterable[Bill]) -> list[BillTotal]:
    """A total for each status that runs end with."""
    return _grouped((bill.summary.status, bill) for bill in bills)


def totals_by_month(bills: Iterable[Bill]) -> list[BillTotal]:
    """A total for each month, oldest first; a run over the end of a month counts in both with its share."""
    shares = ((month, in_month(bill, month)) for bill in bills for month in months_of(bill))
    return sorted(_grouped((month, bill) for month, bill in shares if bill is not None), key=lambda total: total.label)


def months_of(bill: Bill) -> tuple[str, ...]:
    """The months a run drew electricity in; the month it began in when it was not measured."""
    if bill.months:
        return tuple(share.month for share in bill.months)
    began = bill.summary.started_wall_time
    return (month_of(began),) if began else ()


def in_month(bill: Bill, month: str) -> Bill | None:
    """The part of a bill in one month, None when there is none; what cannot be split by month is left out."""
    if month not in months_of(bill):
        return None
    share = next((share for share in bill.months if share.month == month), None)
    facts = bill.facts
    if share is None or facts.joules is None or len(bill.months) == 1:
        return bill
    part = share.joules / facts.joules if facts.joules > 0 else 0.0
    facts = replace(
        facts,
        joules=share.joules,
        money=share.money,
        co2_grams=None if facts.co2_grams is None else facts.co2_grams * part,
        idle_joules=0.0,
        measured_seconds=0.0,
        unmeasured_seconds=0.0,
        units=None,
        forecast=None,
    )
    return Bill(bill.summary, facts, (share,))


def wasted_money(bill: Bill) -> float | None:
    """The cost of what a run wasted, in its currency, at its mean price; None without a price."""
    joules, wasted, money = bill.facts.joules, bill.wasted_joules, bill.facts.money
    if joules is None or wasted is None or money is None:
        return None
    return money * wasted / joules if joules > 0 else 0.0


def _grouped(labelled: Iterable[tuple[str, Bill]]) -> list[BillTotal]:
    groups: dict[str, list[Bill]] = {}
    for label, bill in labelled:
        groups.setdefault(label, []).append(bill)
    return [total_bills(bills, label) for label, bills in groups.items()]


def _plus(total: BillTotal, bill: Bill) -> BillTotal:
    facts = bill.facts
    total = replace(total, runs=total.runs + 1, simulated=total.simulated + facts.simulated)
    if facts.joules is None or facts.simulated:
        return total
    failed = facts.joules if bill.summary.status == "failed" else 0.0
    return replace(
        total,
        measured=total.measured + 1,
        joules=total.joules + facts.joules,
        co2_grams=total.co2_grams + (facts.co2_grams or 0.0),
        co2_is_default=total.co2_is_default or facts.co2_is_default,
        money=_added(total.money, facts.currency, facts.money),
        failed_joules=total.failed_joules + failed,
        wasted_joules=total.wasted_joules + (bill.wasted_joules or 0.0),
        wasted_money=_added(total.wasted_money, facts.currency, wasted_money(bill)),
        unmeasured_seconds=total.unmeasured_seconds + facts.unmeasured_seconds,
    )


def _added(money: Mapping[str, float], currency: str, amount: float | None) -> Mapping[str, float]:
    if amount is None or not currency:
        return money
    return {**money, currency: money.get(currency, 0.0) + amount}
