"""Arguments, options, exit codes and error exits that several commands share."""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from babytrain.runs.dials.renamed_settings import present_settings, renaming_notes
from babytrain.runs.errors import RunsError
from babytrain.runs.files.atomic_write import write_atomically
from babytrain.runs.files.home_folder import expand_home
from babytrain.runs.store.folder import RunFolder, default_runs_dir

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import SamplingSettings

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
RunsDirOption = Annotated[
    Path | None,
    typer.Option("--runs-dir", envvar="BABYTRAIN_RUNS_DIR", help="Where runs are kept.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
RunArgument = Annotated[
    str, typer.Argument(help="A run: its id, name, a unique beginning of either, `last`, or a path.")
]
CheckpointOption = Annotated[
    str | None, typer.Option(metavar="WHICH", help="A checkpoint: best, last, its name or its step. [default: best]")
]
SeedOption = Annotated[int, typer.Option(help="Same seed, same text.", min=0, max=2**63 - 1)]


def with_options_of(group: Callable[..., Any], parameter: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace one `parameter` of a command by all options of the function `group`, which returns its value."""
    options = inspect.signature(group, eval_str=True).parameters

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_options(**typed: Any) -> None:
            chosen = {name: typed.pop(name) for name in options}
            command(**typed, **{parameter: group(**chosen)})

        own = inspect.signature(command, eval_str=True)
        parts = (options.values() if name == parameter else (old,) for name, old in own.parameters.items())
        every = [option.replace(kind=option.KEYWORD_ONLY) for part in parts for option in part]
        with_options.__signature__ = own.replace(parameters=every)  # type: ignore[attr-defined]
        with_options.__annotations__ = {option.name: option.annotation for option in every}
        return with_options

    return decorate


def sampling_options(
    temperature: Annotated[float | None, typer.Option(help="0 = always the likeliest.", min=0.0, max=10.0)] = None,
    top_k: Annotated[int | None, typer.Option(help="Only from the k likeliest, 0 = all.", min=0, max=1_000_000)] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Only from the likeliest that make up this share.", min=0.01, max=1)
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Nothing less likely than this share of the likeliest.", min=0, max=1)
    ] = None,
    repetition_penalty: Annotated[
        float | None,
        typer.Option(help="How much less likely what was just written gets, 1 = not at all.", min=1, max=10),
    ] = None,
) -> dict[str, float | None]:
    """The typed sampling settings; None keeps the setting of the run."""
    return {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
    }


def sampling_settings_or_exit(run_dir: Path, typed: Mapping[str, float | None]) -> SamplingSettings:
    """As `chosen_sampling_settings`; ends the program if they are wrong."""
    from babytrain.tui.engine_client.errors import UsageError
    from babytrain.tui.engine_client.model_access import chosen_sampling_settings

    try:
        return chosen_sampling_settings(run_dir, typed)
    except UsageError as error:
        exit_with_usage_error(error.problems)


def resolve_runs_dir(context: typer.Context, chosen: Path | None) -> Path:
    """The folder of runs: option of the command, of the program, or the default."""
    inherited = context.obj if isinstance(context.obj, Path) else None
    return expand_home(chosen or inherited or default_runs_dir())


def find_run_or_exit(runs_dir: Path, text: str) -> RunFolder:
    """The run named by `text`. Ends the program if there is none, or more than one."""
    from babytrain.runs.store.run_list import find_run

    try:
        return find_run(runs_dir, text)
    except RunsError as error:
        exit_with_usage_error([str(error)])


def find_run_or_demo_or_exit(runs_dir: Path, text: str) -> RunFolder:
    """The run or demo named by `text`. Ends the program if there is none, or more than one."""
    from babytrain.runs.store.run_list import find_run_or_recording

    try:
        return find_run_or_recording(runs_dir, text)
    except RunsError as error:
        exit_with_usage_error([str(error)])


def find_journal_or_exit(runs_dir: Path, text: str) -> Path:
    """The journal of the run or file named by `text`. Ends the program if there is none, or more than one."""
    from babytrain.runs.store.run_list import find_journal

    try:
        return find_journal(runs_dir, text)
    except RunsError as error:
        exit_with_usage_error([str(error)])


def parse_settings(pairs: list[str] | None, **typed: Any) -> dict[str, Any]:
    """The settings of `--set KEY=VALUE`, overridden by `typed` options that are not None. Ends the program if wrong.

    Old names are replaced, with a note on standard error.
    """
    wrong = [pair for pair in pairs or [] if "=" not in pair]
    if wrong:
        exit_with_usage_error([f"--set takes KEY=VALUE, not {pair!r}." for pair in wrong])
    settings: dict[str, Any] = {}
    given = [tuple(part.strip() for part in pair.split("=", 1)) for pair in pairs or []]
    for key, value in (*given, *((key, value) for key, value in typed.items() if value is not None)):
        if key in settings and str(settings[key]) != str(value):
            echo_note(f"babytrain-tui: {key} is given twice; {value} counts.")
        settings[key] = value
    for note in renaming_notes(settings):
        echo_note(f"babytrain-tui: {note}")
    return present_settings(settings)


def exit_with_usage_error(problems: list[str]) -> NoReturn:
    """End the program with `EXIT_USAGE`."""
    _exit_with(EXIT_USAGE, problems)


def exit_with_failure(*problems: str) -> NoReturn:
    """End the program with `EXIT_FAILED`."""
    _exit_with(EXIT_FAILED, problems)


def _exit_with(code: int, problems: Iterable[str]) -> NoReturn:
    for problem in problems:
        echo_note(f"babytrain-tui: {problem}")
    raise typer.Exit(code)


def echo_note(text: str) -> None:
    """Print a text on standard error, control characters made visible."""
    from babytrain.tui.terminal.safe_text import safe_text

    typer.echo(safe_text(text), err=True)


def save_traceback(error: Exception, path: Path) -> str:
    """Write the traceback of a defect; a sentence that says where, with a space before it, "" where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace"))
    except OSError:
        return ""
    return f" Details are in {path}."
