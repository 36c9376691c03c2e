"""`babytrain-tui chat`: keyboard, terminal and Ctrl-C of a `TerminalChat`.

Where standard input is no terminal, each of its lines is a prompt or a command.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from babytrain.tui.cli.options import (
    EXIT_INTERRUPTED,
    CheckpointOption,
    RunArgument,
    RunsDirOption,
    SeedOption,
    exit_with_failure,
    exit_with_usage_error,
    find_run_or_exit,
    resolve_runs_dir,
    sampling_options,
    sampling_settings_or_exit,
    with_options_of,
)

if TYPE_CHECKING:
    from babytrain.tui.cli.terminal_chat import ChatOutcome, TerminalChat

_PROMPT_SIGN = "> "


@with_options_of(sampling_options, "sampling")
def chat(
    *,
    context: typer.Context,
    run: RunArgument,
    at: CheckpointOption = None,
    tokens: Annotated[int, typer.Option(help="How much to write at most.", min=1, max=100_000)] = 200,
    sampling: dict[str, float | None],
    seed: SeedOption = 1,
    runs_dir: RunsDirOption = None,
) -> None:
    """Talk to a trained model: type a line, and it goes on from there."""
    from babytrain.tui.cli.terminal_chat import TerminalChat
    from babytrain.tui.engine_client.errors import UsageError
    from babytrain.tui.engine_client.model_access import SavedModel
    from babytrain.tui.terminal.plain_output import PlainOutput, output_for

    if sys.stdin is None:
        exit_with_usage_error(["Standard input is closed: a chat reads from the keyboard, or lines from a pipe."])
    folder = find_run_or_exit(resolve_runs_dir(context, runs_dir), run)
    settings = sampling_settings_or_exit(folder.path, sampling)
    try:
        model = SavedModel(folder.path, at or "best")
    except UsageError as error:
        exit_with_failure(*error.problems)
    conversation = TerminalChat(
        model,
        settings,
        max_tokens=tokens,
        seed=seed,
        output=output_for(sys.stdout),
        messages=PlainOutput(sys.stderr),
        width=lambda: shutil.get_terminal_size().columns,
    )
    for note in model.notes:
        conversation.say(note)
    if isinstance(sys.stdin, io.TextIOWrapper):
        # The model refuses bytes that are no text. A file or pipe is read as it is written: in UTF-8.
        encoding = sys.stdin.encoding if sys.stdin.isatty() else "utf-8"
        sys.stdin.reconfigure(encoding=encoding, errors="surrogateescape")
    if sys.stdin.isatty() and sys.stdout.isatty():
        conversation.say(f"{folder.name} at step {model.step:,}. Type a text and it goes on from there; /help, /quit.")
        _read_keyboard(conversation)
    else:
        _read_standard_input(conversation)


def _read_keyboard(conversation: TerminalChat) -> None:
    """Read lines until /quit, Ctrl-D, or Ctrl-C twice."""
    with contextlib.suppress(ImportError):  # missing on some platforms
        import readline  # noqa: F401 - gives `input` its keys and its history
    interrupted = False
    while True:
        try:
            line = input(_PROMPT_SIGN)
        except EOFError:
            typer.echo("")
            return
        except KeyboardInterrupt:
            typer.echo("")
            if interrupted:
                return
            interrupted = True
            conversation.say("Ctrl-C once more leaves.")
            continue
        outcome: ChatOutcome
        try:
            outcome = conversation.respond(line)
        except KeyboardInterrupt:  # before the first letter or after the last
            outcome = "stopped"
        if outcome == "quit":
            return
        interrupted = outcome == "stopped"


def _read_standard_input(conversation: TerminalChat) -> None:
    try:
        for line in sys.stdin:
            outcome = conversation.respond(line.rstrip("\r\n"))
            if outcome == "quit":
                return
            if outcome == "stopped":
                raise typer.Exit(EXIT_INTERRUPTED)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
