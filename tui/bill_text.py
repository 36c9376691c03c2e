"""The bills of saved runs as plain text and as JSON, for the command line.

What was not measured says so and is never a zero, and what a script made up is in no total. Amounts of different
currencies stand side by side. Text from runs is data, shown and never obeyed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from babytrain.runs.bill import Bill, BillFacts, SourceFacts
from babytrain.runs.bill_totals import Total, in_month, total_of, totals_by_month, totals_by_outcome
from babytrain.runs.energy_forecast import EnergyForecast
from babytrain.runs.energy_units import JOULES_PER_KETTLE, JOULES_PER_WATT_HOUR
from babytrain.runs.tariff import DEFAULT_CO2_GRAMS_PER_KWH, JOULES_PER_KWH
from babytrain.tui.bill_tables import (
    DEFAULT_MARK,
    marked_co2,
    money_pairs,
    number_words,
    table_of_runs,
    table_of_totals,
)
from babytrain.tui.bill_words import (
    MADE_UP,
    NOT_MEASURED,
    co2_words,
    energy_words,
    money_words,
    part_words,
    range_words,
)
from babytrain.tui.safe_text import safe_text
from babytrain.tui.widgets.units import format_seconds

_PIPED_WIDTH = 200


def print_bills(bills: Sequence[Bill], runs_dir: Path, *, month: str | None, as_json: bool) -> None:
    """Bills, newest first, and what they add up to; a single one in full. Only of one `month` if that is given."""
    if month is not None:
        bills = [share for bill in bills if (share := in_month(bill, month)) is not None]
    if as_json:
        print(json.dumps(_document(bills)))  # noqa: T201 - data
        return
    if not bills:
        nothing = (
            f"No runs in {runs_dir} yet. Start one: babytrain-tui train"
            if month is None
            else f"No run in {runs_dir} trained in {month}."
        )
        Console(stderr=True).print(Text(safe_text(nothing)))
        return
    console = Console(width=None if Console().is_terminal else _PIPED_WIDTH)
    left_out: tuple[str, ...] = ()
    if len(bills) == 1:
        console.print(_one_bill(bills[0]))
    else:
        table, left_out = table_of_runs(bills, console.width)
        console.print(table)
        for title, totals in (("by month", totals_by_month(bills)), ("by outcome", totals_by_outcome(bills))):
            if title != "by month" or month is None:
                console.print()
                console.print(table_of_totals(title, totals))
        console.print()
    for line in _closing_lines(bills, left_out):
        console.print(Text(safe_text(line), style="dim"))


def _one_bill(bill: Bill) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in _lines_of(bill):
        table.add_row(Text(key, style="dim"), Text(safe_text(value)))
    return table


def _lines_of(bill: Bill) -> Iterable[tuple[str, str]]:
    facts, units = bill.facts, bill.facts.units
    yield "run", bill.summary.run_id
    yield "status", bill.summary.status
    if facts.joules is None:
        yield "energy", f"{NOT_MEASURED}: {facts.why_not}" if facts.why_not else NOT_MEASURED
    else:
        yield "energy", energy_words(facts.joules) + (f" ({facts.why_not})" if facts.why_not else "")
        if facts.forecast is not None and bill.summary.status == "training":
            yield "at the end", _at_the_end(facts, facts.forecast)
        if facts.made_up:
            yield MADE_UP, "this run played its sensors from a script: nothing here was drawn, and no total has it"
        if facts.idle_joules > 0:
            yield "idle draw", f"{energy_words(facts.idle_joules)} taken off"
        yield "money", "no price was set" if facts.money is None else money_words(facts.money, facts.currency)
        yield "CO2", marked_co2(facts.co2_grams, default=facts.co2_is_default)
        if len(bill.months) > 1:
            yield "months", ", ".join(f"{share.month} {energy_words(share.joules)}" for share in bill.months)
    if units is not None:
        if units.joules_per_token is not None:
            yield "a token", f"{number_words(units.joules_per_token)} J"
            yield "a million tokens", energy_words(units.joules_per_token * 1e6)
        if units.watt_hours_per_loss_cent is not None:
            yield "0.01 of validation loss", energy_words(units.watt_hours_per_loss_cent * JOULES_PER_WATT_HOUR)
        if part := part_words(units):
            yield "measured", f"{part}: what it learnt unmeasured is in none of the units above"
        yield (
            "kettles",
            f"{number_words(units.kettles)} (a litre from 15 to 100 °C takes {energy_words(JOULES_PER_KETTLE)})",
        )
    for source in facts.sources:
        yield source.name, _source_words(source)
    if facts.unmeasured_seconds >= 1:
        yield "unmeasured", f"{format_seconds(facts.unmeasured_seconds)}, never filled in"


def _at_the_end(facts: BillFacts, forecast: EnergyForecast) -> str:
    """What a run that still trains will come to."""
    words = [range_words(forecast.kwh, lambda kwh: energy_words(kwh * JOULES_PER_KWH))]
    if forecast.money is not None:
        words.append(range_words(forecast.money, lambda money: money_words(money, facts.currency)))
    return ", ".join([*words, f"{range_words(forecast.co2_grams, co2_words)} of CO2"])


def _source_words(source: SourceFacts) -> str:
    words = [source.quality, energy_words(source.joules)]
    if source.watts is not None:
        words.append(f"{source.watts:.1f} W on average")
    if not source.counted:
        words.append("shown, not counted")
    if source.gap_percent is not None:
        words.append(f"polled power {source.gap_percent:+.1f}% from it")
    if source.unmeasured_seconds >= 1:
        words.append(f"{format_seconds(source.unmeasured_seconds)} unmeasured")
    return ", ".join(words)


def _closing_lines(bills: Sequence[Bill], left_out: Sequence[str]) -> Iterable[str]:
    total = total_of(bills)
    if total.measured and len(bills) > 1:
        parts = [energy_words(total.joules), *(money_words(*pair) for pair in money_pairs(total.money))]
        parts += [
            f"{marked_co2(total.co2_grams, default=total.co2_is_default)} of CO2",
            f"{number_words(_kettles(total.joules))} kettles",
        ]
        yield f"Together {', '.join(parts)}."
    if total.wasted_joules > 0:
        money = "".join(f", {money_words(*pair)}" for pair in money_pairs(total.wasted_money) if pair[0] > 0)
        given_up = total.wasted_joules - total.failed_joules
        yield (
            f"What the NaNs cost you: {energy_words(total.wasted_joules)}{money} "
            f"(failed runs {energy_words(total.failed_joules)}, steps given up by a rescue {energy_words(given_up)})."
        )
    unmeasured = total.runs - total.measured - total.made_up
    if len(bills) > 1 and unmeasured:
        yield f"{unmeasured} of {total.runs} runs {NOT_MEASURED}, and in no total."
    if len(bills) > 1 and total.made_up:
        yield f"{total.made_up} of {total.runs} runs {MADE_UP} by a script (sensors=scripted), and in no total."
    if total.co2_is_default or (
        len(bills) == 1 and bills[0].facts.joules is not None and bills[0].facts.co2_is_default
    ):
        yield (
            f"{DEFAULT_MARK} with the world's average of {DEFAULT_CO2_GRAMS_PER_KWH:g} g/kWh; "
            "co2_grams_per_kwh takes that of your electricity."
        )
    if left_out:
        yield f"Of each run also, where there is more room (or with --json): {', '.join(left_out)}."


def _kettles(joules: float) -> float:
    return joules / JOULES_PER_KETTLE


def _document(bills: Sequence[Bill]) -> dict[str, Any]:
    """Everything as JSON; what is not known is null, and energy is in kWh and joules alike."""
    return {
        "runs": [_plain(_run_document(bill)) for bill in bills],
        "months": [_plain(_total_document(total)) for total in totals_by_month(bills)],
        "outcomes": [_plain(_total_document(total)) for total in totals_by_outcome(bills)],
        "total": _plain(_total_document(total_of(bills))),
    }


def _run_document(bill: Bill) -> dict[str, Any]:
    facts: BillFacts = bill.facts
    return {
        "run_id": bill.summary.run_id,
        "status": bill.summary.status,
        "started_wall_time": bill.summary.started_wall_time,
        "measured": facts.joules is not None and not facts.made_up,
        "kwh": facts.kwh,
        **{key: value for key, value in asdict(facts).items() if key not in ("forecast", "watts")},
        "given_up_joules": bill.given_up_joules,
        "wasted_joules": bill.wasted_joules,
        "months": [asdict(share) for share in bill.months],
    }


def _total_document(total: Total) -> dict[str, Any]:
    document = asdict(total) | {"kwh": total.joules / JOULES_PER_KWH, "kettles": _kettles(total.joules)}
    amounts = ("joules", "kwh", "kettles", "co2_grams", "failed_joules", "wasted_joules")
    return document if total.measured else document | dict.fromkeys(amounts)


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
