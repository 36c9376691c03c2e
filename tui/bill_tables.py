"""Tables of many bills: one line a run, and one a month or an outcome. For a terminal of any width.

What a run drew and cost is always there, and so is all of its id, since that is what one types into the next command.
Where a terminal is too narrow for the rest, whole columns are left out, the least important first, and their names are
handed back: half a number is worse than none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from babytrain.runs.bill import Bill
from babytrain.runs.bill_totals import Total
from babytrain.tui.bill_words import MADE_UP, NOT_MEASURED, co2_words, energy_words, money_words, quality_words
from babytrain.tui.safe_text import safe_text

DEFAULT_MARK = "*"
SHORTEST_ID = 28  # columns; a longer id goes on in the next line before a number is left out
_GAP = 2
_HEADINGS = ("run", "started", "status", "energy", "money", "CO2", "J/token", "Wh/0.01 loss", "measured")
_LEFT = ("run", "started", "status", "measured")
_ALWAYS = ("run", "energy", "money")
_MORE = ("status", "CO2", "J/token", "started", "measured", "Wh/0.01 loss")  # by importance


def table_of_runs(bills: Sequence[Bill], width: int) -> tuple[Table, tuple[str, ...]]:
    """A line for each run in `width` columns, and the headings for which there was no room."""
    rows = [tuple(map(safe_text, _run_cells(bill))) for bill in bills]
    widths = {
        heading: max(map(cell_len, (heading, *(row[number] for row in rows))))
        for number, heading in enumerate(_HEADINGS)
    }
    shortest = widths | {"run": min(widths["run"], SHORTEST_ID)}
    shown = {*_ALWAYS}
    for heading in _MORE:
        if _needed(shortest, {*shown, heading}) > width:
            break
        shown.add(heading)
    table = Table(box=None, pad_edge=False)
    for heading in _HEADINGS:
        if heading == "run":
            left = width - _needed(widths, shown) + widths["run"]
            table.add_column(heading, overflow="fold", width=max(1, min(widths["run"], left)))
        elif heading in shown:
            table.add_column(heading, justify="left" if heading in _LEFT else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell, heading in zip(row, _HEADINGS, strict=True) if heading in shown))
    return table, tuple(heading for heading in _HEADINGS if heading not in shown)


def table_of_totals(title: str, totals: Sequence[Total]) -> Table:
    """A line for each total, under a title such as "by month"."""
    table = Table(box=None, pad_edge=False, title=Text(title, style="bold"), title_justify="left")
    for heading in (title.removeprefix("by "), "runs", "energy", "money", "CO2", "wasted"):
        # Amounts in many currencies may go on in the next line.
        table.add_column(heading, justify="left" if title.endswith(heading) else "right", no_wrap=heading != "money")
    for total in totals:
        cells = (
            total.label,
            f"{total.runs:,}",
            energy_words(total.joules) if total.measured else _no_energy(total),
            " + ".join(money_words(*pair) for pair in money_pairs(total.money)) or "-",
            marked_co2(total.co2_grams if total.measured else None, default=total.co2_is_default),
            energy_words(total.wasted_joules) if total.measured else "-",
        )
        table.add_row(*(Text(safe_text(cell)) for cell in cells))
    return table


def marked_co2(grams: float | None, *, default: bool) -> str:
    """CO2, with a mark where the factor is nobody's own."""
    return "-" if grams is None else co2_words(grams) + (DEFAULT_MARK if default else "")


def money_pairs(money: Mapping[str, float]) -> list[tuple[float, str]]:
    """Amounts and their currencies, in the order of the currencies."""
    return [(amount, currency) for currency, amount in sorted(money.items())]


def number_words(value: float | None) -> str:
    """A number at three digits."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.3g}"


def _needed(widths: Mapping[str, int], shown: Iterable[str]) -> int:
    """The columns that these headings take together."""
    return sum(widths[heading] + _GAP for heading in shown) - _GAP


def _run_cells(bill: Bill) -> Iterable[str]:
    summary, facts = bill.summary, bill.facts
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(summary.started_wall_time))
    units = facts.units
    names = (summary.run_id, when if summary.started_wall_time else "-", summary.status)
    if facts.made_up:
        return *names, MADE_UP, "-", "-", "-", "-", "-"
    return (
        *names,
        energy_words(facts.joules),
        "-" if facts.money is None else money_words(facts.money, facts.currency),
        marked_co2(facts.co2_grams, default=facts.co2_is_default),
        number_words(units.joules_per_token if units else None),
        number_words(units.watt_hours_per_loss_cent if units else None),
        quality_words(facts) or "-",
    )


def _no_energy(total: Total) -> str:
    return MADE_UP if total.made_up == total.runs else NOT_MEASURED
