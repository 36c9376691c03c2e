"""`babytrain-tui runs`: list, show and delete what was trained."""

from __future__ import annotations

from typing import Annotated

import typer

from babytrain.runs.errors import RunsError
from babytrain.tui.command_line import EXIT_INTERRUPTED, AsJson, RunName, RunsDir, chosen_runs_dir, fail, wanted_run

runs_app = typer.Typer(
    help="List, show and delete saved runs.",
    epilog="Example: babytrain-tui runs list",
    no_args_is_help=False,
)


@runs_app.callback(invoke_without_command=True)
def runs_default(context: typer.Context, runs_dir: RunsDir = None) -> None:
    """List, show and delete saved runs."""
    context.obj = chosen_runs_dir(context, runs_dir)
    if context.invoked_subcommand is None:
        runs_list(context)


@runs_app.command("list", epilog="Example: babytrain-tui runs list --json")
def runs_list(context: typer.Context, runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """All saved runs, newest first."""
    from babytrain.tui.runs_text import print_runs

    print_runs(chosen_runs_dir(context, runs_dir), as_json=as_json)


@runs_app.command("show", epilog="Example: babytrain-tui runs show last")
def runs_show(context: typer.Context, run: RunName, runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """One run: settings, figures, newest sample."""
    from babytrain.tui.runs_text import print_run

    print_run(wanted_run(chosen_runs_dir(context, runs_dir), run), as_json=as_json)


@runs_app.command("checkpoints", epilog="Example: babytrain-tui runs checkpoints last")
def runs_checkpoints(context: typer.Context, run: RunName, runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """The checkpoints of a run: places to go back to, to fork from, to sample."""
    from babytrain.tui.family_text import print_checkpoints

    print_checkpoints(wanted_run(chosen_runs_dir(context, runs_dir), run), as_json=as_json)


@runs_app.command("tree", epilog="Example: babytrain-tui runs tree")
def runs_tree(context: typer.Context, runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """Which run came from which: forks and reruns under where they came from."""
    from babytrain.tui.family_text import print_tree

    print_tree(chosen_runs_dir(context, runs_dir), as_json=as_json)


@runs_app.command("delete", epilog="Example: babytrain-tui runs delete ziggy --yes")
def runs_delete(
    context: typer.Context,
    run: RunName,
    runs_dir: RunsDir = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Move a run to the trash folder beside the others."""
    from babytrain.runs.library import delete_run

    folder = wanted_run(chosen_runs_dir(context, runs_dir), run)
    if not yes and not typer.confirm(f"Move {folder.run_id} to the trash?"):
        raise typer.Exit(EXIT_INTERRUPTED)
    try:
        trash = delete_run(folder)
    except RunsError as error:
        fail(str(error))
    typer.echo(f"{folder.run_id} is in {trash}.", err=True)
