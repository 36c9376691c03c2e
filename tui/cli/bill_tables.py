"""The electricity bills of saved runs as tables and as JSON on standard output.

- What was not measured is never shown as zero; simulated readings are in no total.
- Energy, money and the whole run id are always shown. In a narrow terminal whole columns are left out, the least
  important first, and their names are printed below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from babytrain.runs.energy.bill import Bill, BillAmounts, SourceAmounts
from babytrain.runs.energy.bill_totals import BillTotal, in_month, total_bills, totals_by_month, totals_by_outcome
from babytrain.runs.energy.efficiency import JOULES_PER_KETTLE, JOULES_PER_WATT_HOUR
from babytrain.runs.energy.energy_forecast import EnergyForecast
from babytrain.runs.energy.tariff import DEFAULT_CO2_GRAMS_PER_KWH, JOULES_PER_KWH
from babytrain.runs.formatting import format_factor, format_seconds, format_watts
from babytrain.tui.cli.output import facts_table, format_started, list_table, print_json, say, stdout_console
from babytrain.tui.terminal.safe_text import safe_text
from babytrain.tui.text.energy_format import (
    NOT_MEASURED,
    SIMULATED,
    format_co2,
    format_energy,
    format_joules,
    format_kettles,
    format_money,
    format_range,
    measured_token_share,
    measurement_quality,
)

DEFAULT_MARK = "*"
MIN_ID_COLUMNS = 28  # a longer id is wrapped before a column is left out
_COLUMN_GAP = 2
_HEADINGS = ("run", "started", "status", "energy", "money", "CO2", "J/token", "Wh/0.01 loss", "measured")
_LEFT_ALIGNED = ("run", "started", "status", "measured")
_ALWAYS_SHOWN = ("run", "energy", "money")
_OPTIONAL_HEADINGS = ("status", "CO2", "J/token", "started", "measured", "Wh/0.01 loss")  # by importance


def runs_bill_table(bills: Sequence[Bill], width: int) -> tuple[Table, tuple[str, ...]]:
    """A row for each run in `width` columns, and the headings left out for lack of room."""
    rows = [tuple(map(safe_text, _run_cells(bill))) for bill in bills]
    widths = {
        heading: max(map(cell_len, (heading, *(row[number] for row in rows))))
        for number, heading in enumerate(_HEADINGS)
    }
    shortest = widths | {"run": min(widths["run"], MIN_ID_COLUMNS)}
    shown = {*_ALWAYS_SHOWN}
    for heading in _OPTIONAL_HEADINGS:
        if _needed(shortest, {*shown, heading}) > width:
            break
        shown.add(heading)
    table = Table(box=None, pad_edge=False)
    for heading in _HEADINGS:
        if heading == "run":
            left = width - _needed(widths, shown) + widths["run"]
            table.add_column(heading, overflow="fold", width=max(1, min(widths["run"], left)))
        elif heading in shown:
            table.add_column(heading, justify="left" if heading in _LEFT_ALIGNED else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell, heading in zip(row, _HEADINGS, strict=True) if heading in shown))
    return table, tuple(heading for heading in _HEADINGS if heading not in shown)


def totals_table(title: str, totals: Sequence[BillTotal]) -> Table:
    """A row for each total, under a title such as "by month"."""
    headings = (title.removeprefix("by "), "runs", "energy", "money", "CO2", "wasted")
    rows = (
        (
            total.label,
            f"{total.runs:,}",
            format_energy(total.joules) if total.measured else _no_energy(total),
            " + ".join(_format_amounts(total.money)) or "-",
            format_co2_with_mark(total.co2_grams if total.measured else None, default=total.co2_is_default),
            format_energy(total.wasted_joules) if total.measured else "-",
        )
        for total in totals
    )
    # Amounts in many currencies may wrap.
    one_line = [heading for heading in headings if heading != "money"]
    table = list_table(headings, rows, right=headings[1:], no_wrap=one_line)
    table.title, table.title_justify = Text(title, style="bold"), "left"
    return table


def format_co2_with_mark(grams: float | None, *, default: bool) -> str:
    """CO2, with `DEFAULT_MARK` where the default factor was used; `grams` None is "-"."""
    return "-" if grams is None else format_co2(grams) + (DEFAULT_MARK if default else "")


def _format_amounts(money: Mapping[str, float]) -> list[str]:
    return [format_money(amount, currency) for currency, amount in sorted(money.items())]


def _three_digits(value: float | None) -> str:
    return "-" if value is None else format_factor(value)


def _needed(widths: Mapping[str, int], shown: Iterable[str]) -> int:
    return sum(widths[heading] + _COLUMN_GAP for heading in shown) - _COLUMN_GAP


def _run_cells(bill: Bill) -> Iterable[str]:
    summary, facts = bill.summary, bill.facts
    units = facts.units
    names = (summary.run_id, format_started(summary.started_wall_time), summary.status)
    if facts.simulated:
        return *names, SIMULATED, "-", "-", "-", "-", "-"
    return (
        *names,
        format_energy(facts.joules),
        "-" if facts.money is None else format_money(facts.money, facts.currency),
        format_co2_with_mark(facts.co2_grams, default=facts.co2_is_default),
        _three_digits(units.joules_per_token if units else None),
        _three_digits(units.watt_hours_per_loss_cent if units else None),
        measurement_quality(facts) or "-",
    )


def _no_energy(total: BillTotal) -> str:
    return SIMULATED if total.simulated == total.runs else NOT_MEASURED


def print_bills(bills: Sequence[Bill], runs_dir: Path, *, month: str | None, as_json: bool) -> None:
    """Print bills and their totals; a single bill in full. Only of one `month` (`2026-11`) if given."""
    if month is not None:
        bills = [share for bill in bills if (share := in_month(bill, month)) is not None]
    if as_json:
        print_json(_document(bills))
        return
    if not bills:
        none_yet = f"No runs in {runs_dir} yet. Start one: babytrain-tui train"
        say(none_yet if month is None else f"No run in {runs_dir} trained in {month}.")
        return
    console = stdout_console()
    left_out: tuple[str, ...] = ()
    if len(bills) == 1:
        console.print(facts_table(_bill_facts(bills[0])))
    else:
        table, left_out = runs_bill_table(bills, console.width)
        console.print(table)
        for title, totals in (("by month", totals_by_month(bills)), ("by outcome", totals_by_outcome(bills))):
            if title != "by month" or month is None:
                console.print()
                console.print(totals_table(title, totals))
        console.print()
    for line in _closing_lines(bills, left_out):
        console.print(Text(safe_text(line), style="dim"))


def _bill_facts(bill: Bill) -> Iterable[tuple[str, str]]:
    facts, units = bill.facts, bill.facts.units
    yield "run", bill.summary.run_id
    yield "status", bill.summary.status
    if facts.joules is None:
        yield "energy", f"{NOT_MEASURED}: {facts.missing_reason}" if facts.missing_reason else NOT_MEASURED
    else:
        yield "energy", format_energy(facts.joules) + (f" ({facts.missing_reason})" if facts.missing_reason else "")
        if facts.forecast is not None and bill.summary.status == "training":
            yield "at the end", _at_the_end(facts, facts.forecast)
        if facts.simulated:
            yield SIMULATED, "this run played its sensors from a script: nothing here was drawn, and no total has it"
        if facts.idle_joules > 0:
            yield "idle draw", f"{format_energy(facts.idle_joules)} taken off"
        yield "money", "no price was set" if facts.money is None else format_money(facts.money, facts.currency)
        yield "CO2", format_co2_with_mark(facts.co2_grams, default=facts.co2_is_default)
        if len(bill.months) > 1:
            yield "months", ", ".join(f"{share.month} {format_energy(share.joules)}" for share in bill.months)
    if units is not None:
        if units.joules_per_token is not None:
            yield "a token", format_joules(units.joules_per_token)
            yield "a million tokens", format_energy(units.joules_per_token * 1e6)
        if units.watt_hours_per_loss_cent is not None:
            yield "0.01 of validation loss", format_energy(units.watt_hours_per_loss_cent * JOULES_PER_WATT_HOUR)
        if part := measured_token_share(units):
            yield "measured", f"{part}: what it learnt unmeasured is in none of the units above"
        yield (
            "kettles",
            f"{format_kettles(units.kettles)} (a litre from 15 to 100°C takes {format_energy(JOULES_PER_KETTLE)})",
        )
    for source in facts.sources:
        yield source.name, _describe_source(source)
    if facts.unmeasured_seconds >= 1:
        yield "unmeasured", f"{format_seconds(facts.unmeasured_seconds)}, never filled in"


def _at_the_end(facts: BillAmounts, forecast: EnergyForecast) -> str:
    words = [format_range(forecast.kwh, lambda kwh: format_energy(kwh * JOULES_PER_KWH))]
    if forecast.money is not None:
        words.append(format_range(forecast.money, lambda money: format_money(money, facts.currency)))
    return ", ".join([*words, f"{format_range(forecast.co2_grams, format_co2)} of CO2"])


def _describe_source(source: SourceAmounts) -> str:
    words = [source.quality, format_energy(source.joules)]
    if source.watts is not None:
        words.append(f"{format_watts(source.watts)} on average")
    if not source.counted:
        words.append("shown, not counted")
    if source.gap_percent is not None:
        words.append(f"polled power {source.gap_percent:+.1f}% from it")
    if source.unmeasured_seconds >= 1:
        words.append(f"{format_seconds(source.unmeasured_seconds)} unmeasured")
    return ", ".join(words)


def _closing_lines(bills: Sequence[Bill], left_out: Sequence[str]) -> Iterable[str]:
    total = total_bills(bills)
    if total.measured and len(bills) > 1:
        parts = [
            format_energy(total.joules),
            *_format_amounts(total.money),
            f"{format_co2_with_mark(total.co2_grams, default=total.co2_is_default)} of CO2",
            format_kettles(total.joules / JOULES_PER_KETTLE),
        ]
        yield f"Together {', '.join(parts)}."
    if total.wasted_joules > 0:
        wasted = {currency: amount for currency, amount in total.wasted_money.items() if amount > 0}
        money = "".join(f", {amount}" for amount in _format_amounts(wasted))
        given_up = total.wasted_joules - total.failed_joules
        yield (
            f"What the NaNs cost you: {format_energy(total.wasted_joules)}{money} "
            f"(failed runs {format_energy(total.failed_joules)}, steps given up by a rescue {format_energy(given_up)})."
        )
    unmeasured = total.runs - total.measured - total.simulated
    if len(bills) > 1 and unmeasured:
        yield f"{unmeasured} of {total.runs} runs {NOT_MEASURED}, and in no total."
    if len(bills) > 1 and total.simulated:
        yield f"{total.simulated} of {total.runs} runs {SIMULATED} by a script (sensors=scripted), and in no total."
    if total.co2_is_default or (
        len(bills) == 1 and bills[0].facts.joules is not None and bills[0].facts.co2_is_default
    ):
        yield (
            f"{DEFAULT_MARK} with the world's average of {DEFAULT_CO2_GRAMS_PER_KWH:g} g/kWh; "
            "co2_grams_per_kwh takes that of your electricity."
        )
    if left_out:
        yield f"Of each run also, where there is more room (or with --json): {', '.join(left_out)}."


def _document(bills: Sequence[Bill]) -> dict[str, Any]:
    """The JSON document; unknown values are null."""
    return {
        "runs": [_run_document(bill) for bill in bills],
        "months": [_total_document(total) for total in totals_by_month(bills)],
        "outcomes": [_total_document(total) for total in totals_by_outcome(bills)],
        "total": _total_document(total_bills(bills)),
    }


def _run_document(bill: Bill) -> dict[str, Any]:
    facts: BillAmounts = bill.facts
    return {
        "run_id": bill.summary.run_id,
        "status": bill.summary.status,
        "started_wall_time": bill.summary.started_wall_time,
        "measured": facts.joules is not None and not facts.simulated,
        "kwh": facts.kwh,
        **{key: value for key, value in asdict(facts).items() if key not in ("forecast", "watts")},
        "forecast": asdict(facts.forecast) if facts.forecast and bill.summary.status == "training" else None,
        "given_up_joules": bill.discarded_joules,
        "wasted_joules": bill.wasted_joules,
        "months": [asdict(share) for share in bill.months],
    }


def _total_document(total: BillTotal) -> dict[str, Any]:
    document = asdict(total) | {"kwh": total.joules / JOULES_PER_KWH, "kettles": total.joules / JOULES_PER_KETTLE}
    amounts = ("joules", "kwh", "kettles", "co2_grams", "failed_joules", "wasted_joules")
    return document if total.measured else document | dict.fromkeys(amounts)
