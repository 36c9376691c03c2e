"""`babytrain-tui bill`: what the electricity of saved runs came to."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from babytrain.runs.errors import RunsError
from babytrain.tui.command_line import AsJson, RunsDir, chosen_runs_dir, fail, usage_error, wanted_run

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def bill(
    context: typer.Context,
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Runs by id, name, `last` or path. None: all runs.")
    ] = None,
    month: Annotated[
        str | None, typer.Option(metavar="YEAR-MONTH", help="Only what was drawn in this month.", show_default=False)
    ] = None,
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
) -> None:
    """What the electricity of saved runs came to: energy, money, CO2, months, and what went to waste."""
    if month is not None and not _MONTH.fullmatch(month):
        usage_error([f"{month!r} is no month; write it like 2026-11."])
    from babytrain.runs.bill import read_bill
    from babytrain.runs.library import run_folders
    from babytrain.tui.bill_text import print_bills

    where = chosen_runs_dir(context, runs_dir)
    try:
        if runs:
            folders = list({folder.path: folder for folder in (wanted_run(where, run) for run in runs)}.values())
        else:
            folders = run_folders(where)
    except RunsError as error:
        fail(str(error))
    bills = sorted(map(read_bill, folders), key=lambda one: one.summary.started_wall_time, reverse=True)
    print_bills(bills, where, month=month, as_json=as_json)
