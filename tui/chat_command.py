"""`babytrain-tui chat`: the keyboard, the terminal and Ctrl-C around a conversation (`chat.py`).

Where standard input is no terminal, each of its lines is a prompt or a command, only texts go to standard output, and
everything said about them goes to standard error.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from babytrain.tui import sampling_options as options
from babytrain.tui.command_line import (
    EXIT_INTERRUPTED,
    RunName,
    RunsDir,
    chosen_runs_dir,
    fail,
    wanted_run,
)

if TYPE_CHECKING:
    from babytrain.tui.chat import Chat, Outcome

CHAT_EPILOG = "Example: babytrain-tui chat last --at best --temperature 0.6"
_ASKING = "> "


def chat(
    context: typer.Context,
    run: RunName,
    at: options.At = None,
    tokens: Annotated[int, typer.Option(help="How much to write at most.", min=1, max=100_000)] = 200,
    temperature: options.Temperature = None,
    top_k: options.TopK = None,
    top_p: options.TopP = None,
    min_p: options.MinP = None,
    repetition_penalty: options.RepetitionPenalty = None,
    seed: options.Seed = 1,
    runs_dir: RunsDir = None,
) -> None:
    """Talk to a trained model: type a line, and it goes on from there."""
    from babytrain.tui.chat import Chat
    from babytrain.tui.engine_client.errors import UsageError
    from babytrain.tui.engine_client.model_access import LoadedModel
    from babytrain.tui.plain_output import PlainOutput

    folder = wanted_run(chosen_runs_dir(context, runs_dir), run)
    settings = options.settings_to_draw_with(folder.path, temperature, top_k, top_p, min_p, repetition_penalty)
    try:
        model = LoadedModel(folder.path, at or "best")
    except UsageError as error:
        fail(*error.problems)
    talk = Chat(
        model,
        settings,
        max_tokens=tokens,
        seed=seed,
        output=PlainOutput(sys.stdout),
        narration=PlainOutput(sys.stderr),
        width=lambda: shutil.get_terminal_size().columns,
    )
    for note in model.notes:
        talk.tell(note)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # bytes that are no text are the model's to refuse
    if sys.stdin.isatty() and sys.stdout.isatty():
        talk.tell(f"{folder.name} at step {model.step:,}. Type a text and it goes on from there; /help, /quit.")
        _converse(talk)
    else:
        _obey_lines(talk)


def _converse(talk: Chat) -> None:
    """Ask for lines until the person leaves: with /quit, Ctrl-D, or Ctrl-C right after another one."""
    with contextlib.suppress(ImportError):  # not everywhere; without it `input` edits as the terminal does
        import readline  # noqa: F401 - importing it gives `input` its keys and its history
    interrupted = False
    while True:
        try:
            line = input(_ASKING)
        except EOFError:
            typer.echo("")
            return
        except KeyboardInterrupt:
            typer.echo("")
            if interrupted:
                return
            interrupted = True
            talk.tell("Ctrl-C once more leaves.")
            continue
        outcome: Outcome
        try:
            outcome = talk.say(line)
        except KeyboardInterrupt:  # before the first letter or after the last
            outcome = "stopped"
        if outcome == "quit":
            return
        interrupted = outcome == "stopped"


def _obey_lines(talk: Chat) -> None:
    """Every line of standard input in turn."""
    try:
        for line in sys.stdin:
            outcome = talk.say(line.rstrip("\r\n"))
            if outcome == "quit":
                return
            if outcome == "stopped":
                raise typer.Exit(EXIT_INTERRUPTED)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
