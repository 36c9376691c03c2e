"""What all commands share: arguments that mean the same everywhere, exit codes, and how a problem is told.

A person gets one sentence a problem on standard error, with control characters made visible, and never a traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from babytrain.runs.folder import RunFolder, RunsError, default_runs_dir

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

RunsDir = Annotated[
    Path | None,
    typer.Option("--runs-dir", envvar="BABYTRAIN_RUNS_DIR", help="Where runs are kept.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
RunName = Annotated[str, typer.Argument(help="A run: its id, name, a unique beginning of either, `last`, or a path.")]


def chosen_runs_dir(context: typer.Context, chosen: Path | None) -> Path:
    """The folder of runs: named by the command, or before it, or else the person's own."""
    inherited = context.obj if isinstance(context.obj, Path) else None
    return (chosen or inherited or default_runs_dir()).expanduser()


def wanted_run(runs_dir: Path, text: str) -> RunFolder:
    """The run a person means. Ends the program with a usage error if there is none, or more than one."""
    from babytrain.runs.library import find_run

    try:
        return find_run(runs_dir, text)
    except RunsError as error:
        usage_error([str(error)])


def wanted_journal(runs_dir: Path, text: str) -> Path:
    """The journal of the run or file a person means. Ends the program as `wanted_run` does."""
    from babytrain.runs.library import find_journal

    try:
        return find_journal(runs_dir, text)
    except RunsError as error:
        usage_error([str(error)])


def parse_settings(pairs: list[str] | None) -> dict[str, Any]:
    """What `--set KEY=VALUE` said. Ends the program as `usage_error` does."""
    settings: dict[str, Any] = {}
    wrong = [pair for pair in pairs or [] if "=" not in pair]
    if wrong:
        usage_error([f"--set takes KEY=VALUE, not {pair!r}." for pair in wrong])
    for pair in pairs or []:
        key, value = pair.split("=", 1)
        settings[key.strip()] = value.strip()
    return settings


def usage_error(problems: list[str]) -> NoReturn:
    """End the program: what was typed cannot work."""
    _say(problems)
    raise typer.Exit(EXIT_USAGE)


def fail(*problems: str) -> NoReturn:
    """End the program: it was asked for something that can be done and went wrong."""
    _say(list(problems))
    raise typer.Exit(EXIT_FAILED)


def _say(problems: list[str]) -> None:
    from babytrain.tui.safe_text import safe_text

    for problem in problems:
        typer.echo(safe_text(f"babytrain-tui: {problem}"), err=True)
