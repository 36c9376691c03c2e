"""`babytrain-tui report`: a run, or several side by side, as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babytrain.tui.command_line import RunsDir, chosen_runs_dir, usage_error, wanted_journal
from babytrain.tui.publishing import file_stem, provenance_of, wanted_page, wanted_state, write_out

MOST_RUNS = 12

REPORT_EPILOG = "Example: babytrain-tui report ziggy gerda --out comparison.html"


def report(
    context: typer.Context,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs, as `replay` takes them, or journal files.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The file to write; otherwise the run's name here.", show_default=False)
    ] = None,
    runs_dir: RunsDir = None,
) -> None:
    """Write a page about a run, or about several side by side: one file that needs no network."""
    if len(runs) > MOST_RUNS:
        usage_error([f"A report compares at most {MOST_RUNS} runs; that are {len(runs)}."])
    where = chosen_runs_dir(context, runs_dir)
    journals = list(dict.fromkeys(wanted_journal(where, run) for run in runs))
    usual_name = f"{file_stem(journals[0])}-report.html"
    path = wanted_page(out or Path(usual_name), usual_name)
    from babytrain.tui.engine_client.validation import describe_settings
    from babytrain.tui.report.document import Told
    from babytrain.tui.report.document import report as made

    told = [Told(wanted_state(journal).at(), provenance_of(journal)) for journal in journals]
    defaults = {name: default for name, default, _ in describe_settings()}
    write_out(path, made(told, defaults).encode())
