"""`babytrain-tui`: the command line.

Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted. Data goes to standard output, messages to standard error.
Modules that cost start-up time (Textual, the engine's settings) are imported by the command that needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import platformdirs
import typer

from babytrain import __version__
from babytrain.runs.errors import ProblemsError, RunsError, error_reason
from babytrain.tui.cli.chat_command import chat
from babytrain.tui.cli.doctor_and_settings import doctor, settings
from babytrain.tui.cli.export_commands import frame, read_state_or_exit, report
from babytrain.tui.cli.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    RunArgument,
    RunsDirOption,
    echo_note,
    exit_with_failure,
    exit_with_usage_error,
    find_journal_or_exit,
    find_run_or_exit,
    parse_settings,
    resolve_runs_dir,
    save_traceback,
    with_options_of,
)
from babytrain.tui.cli.runs_commands import bill, runs_app
from babytrain.tui.cli.safe_errors import SafeErrorsGroup
from babytrain.tui.cli.sample_command import sample
from babytrain.tui.terminal.standard_streams import StandardOutputError, leave_with, prepare_standard_streams

if TYPE_CHECKING:
    from babytrain.tui.app.start_screen import StartScreen
    from babytrain.tui.engine_client.client import EngineClient
    from babytrain.tui.engine_client.engine_thread import TrainingSession
    from babytrain.tui.notifications import NotificationOptions


def _end_with(problems: str) -> NoReturn:
    for problem in problems.splitlines():
        echo_note(f"babytrain-tui: {problem}")
    sys.exit(EXIT_FAILED)


app = typer.Typer(
    name="babytrain-tui",
    cls=SafeErrorsGroup,
    help="Train a small language model and watch it grow up, in a terminal.",
    epilog="Example: babytrain-tui train my-diary.txt --minutes 5",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(runs_app, name="runs")

SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting; repeat for more. `settings` lists them."),
]
BellOption = Annotated[bool, typer.Option("--bell/--no-bell", help="Ring the terminal's bell at the end.")]
DesktopOption = Annotated[
    bool,
    typer.Option(
        "--desktop",
        help="Desktop notifications (OSC 9) too: at the end, when the guard skips steps or rolls back, at verdicts "
        "that need you.",
    ),
]
MilestonesOption = Annotated[
    bool, typer.Option("--milestones", help="Ring (and with --desktop notify) at milestones too: first word, ...")
]
OnEventOption = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Run this at the end, when the guard skips steps or rolls back (rescue), at a milestone, and at a verdict "
        "that needs you; no shell, facts as arguments (the first: end, rescue, milestone or verdict) and BABYTRAIN_... "
        "variables.",
        show_default=False,
    ),
]


def main() -> None:
    """Entry point of the console script."""
    prepare_standard_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except StandardOutputError as error:
        leave_with(error)
    except (ProblemsError, RunsError) as error:  # of a command that does not say it in words of its own
        _end_with(str(error))
    except Exception as error:  # noqa: BLE001 - a defect: a person gets a sentence, the file the traceback
        details = save_traceback(error, platformdirs.user_log_path("babytrain") / "crash.log")
        _end_with(f"This should not have happened ({error_reason(error)}); please report it.{details}")


@app.callback(invoke_without_command=True)
def home(
    context: typer.Context,
    runs_dir: RunsDirOption = None,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Train a small language model and watch it grow up, in a terminal. Without a command: the home screen."""
    if version:
        typer.echo(f"babytrain-tui {__version__}")
        raise typer.Exit
    context.obj = runs_dir
    if context.invoked_subcommand is not None:
        return
    if not _has_screen():
        exit_with_failure(
            "There is no terminal here to draw on. Try `babytrain-tui train --headless` or `babytrain-tui runs list`."
        )
    from babytrain.tui.app.start_screen import StartAtHome

    _run_app(StartAtHome(), resolve_runs_dir(context, None))


@dataclass(frozen=True)
class TrainingOptions:
    """The options of every command that trains and has a screen."""

    runs_dir: Path
    headless: bool
    as_json: bool
    notifications: NotificationOptions


def training_options(
    context: typer.Context,
    runs_dir: RunsDirOption = None,
    headless: Annotated[bool, typer.Option("--headless", help="No screen: a progress line on stderr.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Headless, and one JSON object on stdout at the end.")
    ] = False,
    bell: BellOption = True,
    desktop: DesktopOption = False,
    milestones: MilestonesOption = False,
    on_event: OnEventOption = None,
) -> TrainingOptions:
    """Parse the options of `TrainingOptions`."""
    notifications = _notification_options(bell, desktop, milestones, on_event)
    return TrainingOptions(resolve_runs_dir(context, runs_dir), headless, as_json, notifications)


@app.command(epilog="Example: babytrain-tui train my-diary.txt --preset baby --set lr=3e-3 --minutes 5")
@with_options_of(training_options, "options")
def train(
    *,
    text: Annotated[
        list[str] | None,
        typer.Argument(help="Text to learn: files, folders, globs, `-` = standard input. None: our own haiku."),
    ] = None,
    field: Annotated[
        str | None,
        typer.Option(help="The field of JSON lines or column of a CSV table that holds the text. [default: text]"),
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="A built-in corpus: haiku, tinyshakespeare.")] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="The size and recipe: baby (0.8M parameters), toddler (3M), seven-million, schoolchild (nanoGPT's "
            "10.7M), prodigy (fast to a first loss), gpt2 (nanoGPT's shapes and recipe), fmn (0.3M)."
        ),
    ] = "baby",
    settings: SettingsOption = None,
    config: Annotated[Path | None, typer.Option(help="Settings from a TOML file.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the text.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Train for this many minutes: pauses do not count, breaks for heat or quiet hours do."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Every random choice follows from it.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the run.")] = None,
    options: TrainingOptions,
) -> None:
    """Train a model, at once."""
    chosen = parse_settings(
        settings,
        text_field=field,
        corpus=corpus,
        steps=steps,
        epochs=epochs,
        minutes=minutes,
        seed=seed,
        device=device,
    )

    def make_session(client: EngineClient) -> TrainingSession:
        from babytrain.tui.engine_client.validation import check_new_run

        request = check_new_run(preset=preset, config_file=config, settings=chosen, paths=text or [], name=name)
        return client.train(request)

    _train(make_session, options)


@app.command(epilog="Example: babytrain-tui resume last --steps 4000")
@with_options_of(training_options, "options")
def resume(
    *,
    run: RunArgument,
    settings: SettingsOption = None,
    steps: Annotated[int | None, typer.Option(help="New end of the run.")] = None,
    options: TrainingOptions,
) -> None:
    """Go on with a run from its newest checkpoint."""
    changes = parse_settings(settings, steps=steps)
    folder = find_run_or_exit(options.runs_dir, run)
    _train(lambda client: client.resume(folder.path, changes), options)


@app.command(epilog="Example: babytrain-tui fork last --at best --set lr=1e-3 --steps 3000")
@with_options_of(training_options, "options")
def fork(
    *,
    run: RunArgument,
    at: Annotated[str, typer.Option(help="A checkpoint: best, last, its name or its step.")] = "best",
    text: Annotated[
        list[str] | None,
        typer.Option(help="Go on with another text than the original's: a file, a folder, a glob, `-`; repeatable."),
    ] = None,
    settings: SettingsOption = None,
    steps: Annotated[int | None, typer.Option(help="Where the fork ends, in steps of the original.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the new run.")] = None,
    options: TrainingOptions,
) -> None:
    """Start a new run from a checkpoint of another one, with other settings or another text."""
    changes, texts = parse_settings(settings, steps=steps), text or []
    folder = find_run_or_exit(options.runs_dir, run)
    _train(lambda client: client.fork(folder.path, at, changes, name=name, texts=texts, read_now=bool(texts)), options)


@app.command(epilog="Example: babytrain-tui rerun last")
def rerun(
    context: typer.Context,
    run: RunArgument,
    name: Annotated[str | None, typer.Option(help="What to call the new run.")] = None,
    runs_dir: RunsDirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout at the end.")] = False,
    bell: BellOption = True,
    desktop: DesktopOption = False,
    milestones: MilestonesOption = False,
    on_event: OnEventOption = None,
) -> None:
    """Train a run again with every command at its step, and say whether it comes out the same to the bit."""
    from babytrain.tui.cli.headless import rerun_headless
    from babytrain.tui.engine_client.client import EngineClient
    from babytrain.tui.engine_client.errors import UsageError

    notifications = _notification_options(bell, desktop, milestones, on_event)
    where = resolve_runs_dir(context, runs_dir)
    try:
        session = EngineClient(where, sys.argv).rerun(find_run_or_exit(where, run).path, name)
    except UsageError as error:
        exit_with_failure(*error.problems)
    raise typer.Exit(rerun_headless(session, as_json=as_json, notifications=notifications))


@app.command(epilog="Example: babytrain-tui replay last --speed 8    (or: babytrain-tui replay --demo)")
def replay(
    context: typer.Context,
    run: Annotated[
        str | None, typer.Argument(help="A run (id, name, `last` or path), a demo by its name, or a journal file.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="A recording that came with the program.")] = False,
    speed: Annotated[float, typer.Option(help="1 = as it happened; 0 = as fast as it can.", min=0.0)] = 1.0,
    runs_dir: RunsDirOption = None,
) -> None:
    """Watch a saved run again: play, pause, seek."""
    from babytrain.runs.recorded import recorded_runs

    if demo:
        matches = [recording for recording in recorded_runs() if (run or "") in recording.stem]
        if not matches:
            names = ", ".join(recording.stem for recording in recorded_runs())
            exit_with_usage_error([f"There is no recording called {run!r}: {names}."])
        path = matches[0]
    elif run is None:
        exit_with_usage_error(["Say which run to replay (`babytrain-tui runs list`), or use --demo."])
    else:
        path = find_journal_or_exit(resolve_runs_dir(context, runs_dir), run)
    if not _has_screen():
        exit_with_failure("A replay needs a terminal to draw on; `babytrain-tui runs show` prints a run as text.")
    state = read_state_or_exit(path)
    assert state.started is not None
    from babytrain.tui.app.start_screen import StartReplay

    folder = None if path in recorded_runs() else path.parent
    start_screen = StartReplay(state, title=state.started.name, speed=speed or float("inf"), folder=folder)
    _run_app(start_screen, resolve_runs_dir(context, runs_dir))


app.command(epilog="Example: babytrain-tui sample last --prompt 'the old frog' --count 3")(sample)
app.command(epilog="Example: babytrain-tui chat last --at best --temperature 0.6")(chat)
app.command(epilog="Example: babytrain-tui bill --month 2026-11")(bill)
app.command(epilog="Example: babytrain-tui frame last --out posters")(frame)
app.command(epilog="Example: babytrain-tui report ziggy gerda --out comparison.html")(report)
app.command(epilog="Example: babytrain-tui doctor")(doctor)
app.command(epilog="Example: babytrain-tui settings")(settings)


def _notification_options(bell: bool, desktop: bool, milestones: bool, command: str | None) -> NotificationOptions:
    """Ends the program when the command cannot be run."""
    from babytrain.tui.notifications import NotificationOptions, parse_event_command

    try:
        words = parse_event_command(command) if command is not None else ()
        return NotificationOptions(bell=bell, desktop=desktop, milestones=milestones, command=words)
    except ValueError as error:
        exit_with_usage_error([str(error)])


def _train(make_session: Callable[[EngineClient], TrainingSession], options: TrainingOptions) -> NoReturn:
    """Train with a screen, or without if requested or where there is no terminal."""
    from babytrain.tui.engine_client.client import EngineClient
    from babytrain.tui.engine_client.errors import UsageError

    try:
        session = make_session(EngineClient(options.runs_dir, sys.argv))
    except UsageError as error:
        exit_with_usage_error(error.problems)
    except KeyboardInterrupt:  # while standard input or a pipe was read
        echo_note("babytrain-tui: Interrupted before anything was started.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    headless = options.headless or options.as_json
    if not headless and not _has_screen():
        typer.echo("There is no terminal on standard output, so this trains without a screen.", err=True)
        headless = True
    if headless:
        from babytrain.tui.cli.headless import train_headless

        raise typer.Exit(train_headless(session, as_json=options.as_json, notifications=options.notifications))
    from babytrain.tui.app.start_screen import StartTraining

    _run_app(StartTraining(session, options.notifications), options.runs_dir)


def _run_app(start_screen: StartScreen, runs_dir: Path) -> NoReturn:
    from babytrain.tui.cli.run_app import run_app

    raise typer.Exit(run_app(start_screen, runs_dir))


def _has_screen() -> bool:
    return sys.stdin is not None and sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"
