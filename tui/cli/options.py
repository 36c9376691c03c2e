"""Arguments, options and exit codes that several commands share, and how a command ends with an error.

A problem is one sentence on standard error with control characters made visible, never a traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from babytrain.runs.dials.renamed_settings import present_settings, renaming_notes
from babytrain.runs.store.folder import RunFolder, RunsError, default_runs_dir

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import SamplingSettings

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
RunsDirOption = Annotated[
    Path | None,
    typer.Option("--runs-dir", envvar="BABYTRAIN_RUNS_DIR", help="Where runs are kept.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
RunArgument = Annotated[
    str, typer.Argument(help="A run: its id, name, a unique beginning of either, `last`, or a path.")
]


def resolve_runs_dir(context: typer.Context, chosen: Path | None) -> Path:
    """The folder of runs: named by the command, or before it, or else the person's own."""
    inherited = context.obj if isinstance(context.obj, Path) else None
    return (chosen or inherited or default_runs_dir()).expanduser()


def find_run_or_exit(runs_dir: Path, text: str) -> RunFolder:
    """The run a person means. Ends the program with a usage error if there is none, or more than one."""
    from babytrain.runs.store.run_list import find_run

    try:
        return find_run(runs_dir, text)
    except RunsError as error:
        exit_with_usage_error([str(error)])


def find_journal_or_exit(runs_dir: Path, text: str) -> Path:
    """The journal of the run or file a person means. Ends the program as `wanted_run` does."""
    from babytrain.runs.store.run_list import find_journal

    try:
        return find_journal(runs_dir, text)
    except RunsError as error:
        exit_with_usage_error([str(error)])


def parse_settings(pairs: list[str] | None) -> dict[str, Any]:
    """What `--set KEY=VALUE` said, by present names. Ends the program as `exit_with_usage_error` does."""
    settings: dict[str, Any] = {}
    wrong = [pair for pair in pairs or [] if "=" not in pair]
    if wrong:
        exit_with_usage_error([f"--set takes KEY=VALUE, not {pair!r}." for pair in wrong])
    for pair in pairs or []:
        key, value = pair.split("=", 1)
        settings[key.strip()] = value.strip()
    _print_lines(renaming_notes(settings))
    return present_settings(settings)


def exit_with_usage_error(problems: list[str]) -> NoReturn:
    """End the program: what was typed cannot work."""
    _print_lines(problems)
    raise typer.Exit(EXIT_USAGE)


def exit_with_failure(*problems: str) -> NoReturn:
    """End the program: it was asked for something that can be done and went wrong."""
    _print_lines(list(problems))
    raise typer.Exit(EXIT_FAILED)


def _print_lines(lines: list[str]) -> None:
    from babytrain.tui.terminal.safe_text import safe_text

    for line in lines:
        typer.echo(safe_text(f"babytrain-tui: {line}"), err=True)


CheckpointOption = Annotated[
    str | None,
    typer.Option(metavar="WHICH", help="A checkpoint: best, last, its name or its step. [default: best]"),
]
SeedOption = Annotated[int, typer.Option(help="Same seed, same text.", min=0, max=2**63 - 1)]
# Left out, these are as in the settings of the run.
TemperatureOption = Annotated[float | None, typer.Option(help="0 = always the likeliest.", min=0.0, max=10.0)]
TopKOption = Annotated[int | None, typer.Option(help="Only from the k likeliest, 0 = all.", min=0, max=1_000_000)]
TopPOption = Annotated[
    float | None, typer.Option(help="Only from the likeliest that make up this share.", min=0.01, max=1)
]
MinPOption = Annotated[
    float | None, typer.Option(help="Nothing less likely than this share of the likeliest.", min=0, max=1)
]
RepetitionPenaltyOption = Annotated[
    float | None, typer.Option(help="How much less likely what was just written gets, 1 = not at all.", min=1, max=10)
]


def sampling_settings(
    run_dir: Path,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    repetition_penalty: float | None,
) -> SamplingSettings:
    """The settings of the run in a folder, but for those that were typed; what is wrong with them ends the program."""
    from babytrain.tui.engine_client.errors import UsageError
    from babytrain.tui.engine_client.model_access import chosen_sampling_settings

    try:
        return chosen_sampling_settings(
            run_dir,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
        )
    except UsageError as error:
        exit_with_usage_error(error.problems)


EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
