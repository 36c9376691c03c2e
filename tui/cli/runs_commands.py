"""`babytrain-tui runs` (list, show, checkpoints, tree, delete) and `babytrain-tui bill`."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from babytrain.runs.errors import RunsError
from babytrain.tui.cli.options import (
    EXIT_INTERRUPTED,
    AsJson,
    RunArgument,
    RunsDirOption,
    echo_note,
    exit_with_failure,
    exit_with_usage_error,
    find_run_or_demo_or_exit,
    find_run_or_exit,
    resolve_runs_dir,
)

runs_app = typer.Typer(
    help="List, show and delete saved runs.", epilog="Example: babytrain-tui runs list", no_args_is_help=False
)


@runs_app.callback(invoke_without_command=True)
def runs_default(context: typer.Context, runs_dir: RunsDirOption = None) -> None:
    """List, show and delete saved runs."""
    context.obj = resolve_runs_dir(context, runs_dir)
    if context.invoked_subcommand is None:
        runs_list(context)


@runs_app.command("list", epilog="Example: babytrain-tui runs list --json")
def runs_list(context: typer.Context, runs_dir: RunsDirOption = None, as_json: AsJson = False) -> None:
    """All saved runs, newest first."""
    from babytrain.tui.cli.runs_tables import print_runs

    print_runs(resolve_runs_dir(context, runs_dir), as_json=as_json)


@runs_app.command("show", epilog="Example: babytrain-tui runs show last")
def runs_show(
    context: typer.Context, run: RunArgument, runs_dir: RunsDirOption = None, as_json: AsJson = False
) -> None:
    """One run: settings, figures, newest sample."""
    from babytrain.tui.cli.runs_tables import print_run

    print_run(find_run_or_demo_or_exit(resolve_runs_dir(context, runs_dir), run), as_json=as_json)


@runs_app.command("checkpoints", epilog="Example: babytrain-tui runs checkpoints last")
def runs_checkpoints(
    context: typer.Context, run: RunArgument, runs_dir: RunsDirOption = None, as_json: AsJson = False
) -> None:
    """The checkpoints of a run: places to go back to, to fork from, to sample."""
    from babytrain.tui.cli.runs_tables import print_checkpoints

    print_checkpoints(find_run_or_exit(resolve_runs_dir(context, runs_dir), run), as_json=as_json)


@runs_app.command("tree", epilog="Example: babytrain-tui runs tree")
def runs_tree(context: typer.Context, runs_dir: RunsDirOption = None, as_json: AsJson = False) -> None:
    """Which run came from which: forks and reruns under where they came from."""
    from babytrain.tui.cli.runs_tables import print_tree

    print_tree(resolve_runs_dir(context, runs_dir), as_json=as_json)


@runs_app.command("delete", epilog="Example: babytrain-tui runs delete ziggy --yes")
def runs_delete(
    context: typer.Context,
    run: RunArgument,
    runs_dir: RunsDirOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Move a run to the trash folder beside the others."""
    from babytrain.runs.store.run_list import delete_run

    where = resolve_runs_dir(context, runs_dir)
    folder = find_run_or_exit(where, run)
    from babytrain.tui.terminal.safe_text import safe_line

    if not yes and sys.stdin is None:
        exit_with_failure("Nothing was deleted: standard input is closed, so nobody can be asked; add --yes.")
    if not yes and not typer.confirm(safe_line(f"Move {folder.run_id} to the trash?")):
        raise typer.Exit(EXIT_INTERRUPTED)
    try:
        trash = delete_run(where, folder)
    except RunsError as error:
        exit_with_failure(str(error))
    echo_note(f"{folder.run_id} is in {trash}.")


_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def bill(
    context: typer.Context,
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Runs by id, name, `last` or path. None: all runs.")
    ] = None,
    month: Annotated[
        str | None, typer.Option(metavar="YEAR-MONTH", help="Only what was drawn in this month.", show_default=False)
    ] = None,
    runs_dir: RunsDirOption = None,
    as_json: AsJson = False,
) -> None:
    """What the electricity of saved runs came to: energy, money, CO2, months, and what went to waste."""
    if month is not None and not _MONTH.fullmatch(month):
        exit_with_usage_error([f"{month!r} is no month; write it like 2026-11."])
    from babytrain.runs.energy.bill import read_bill
    from babytrain.runs.store.run_list import run_folders
    from babytrain.tui.cli.bill_tables import print_bills

    where = resolve_runs_dir(context, runs_dir)
    try:
        if runs:
            folders = list(
                {folder.path: folder for folder in (find_run_or_demo_or_exit(where, run) for run in runs)}.values()
            )
        else:
            folders = run_folders(where)
    except RunsError as error:
        exit_with_failure(str(error))
    bills = sorted(map(read_bill, folders), key=lambda bill: bill.summary.started_wall_time, reverse=True)
    print_bills(bills, where, month=month, as_json=as_json)
