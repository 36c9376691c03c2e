"""`babytrain-tui sample`: texts from a trained model, streamed or as JSON."""

from __future__ import annotations

import base64
import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from babytrain.runs.files.home_folder import expand_home
from babytrain.tui.cli.options import (
    EXIT_INTERRUPTED,
    CheckpointOption,
    RunArgument,
    RunsDirOption,
    SeedOption,
    echo_note,
    exit_with_failure,
    exit_with_usage_error,
    find_run_or_exit,
    resolve_runs_dir,
    sampling_options,
    sampling_settings_or_exit,
    with_options_of,
)

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import PreparedPrompt, SamplingSettings, SavedModel


class UnknownCharacters(StrEnum):
    """Values of --unknown."""

    DROP = "drop"
    REFUSE = "refuse"


@with_options_of(sampling_options, "sampling")
def sample(
    *,
    context: typer.Context,
    run: RunArgument,
    prompt: Annotated[
        list[str] | None, typer.Option(help="What a text starts with; repeat for several.", show_default=False)
    ] = None,
    tokens: Annotated[int, typer.Option(help="How much to write.", min=1)] = 300,
    sampling: dict[str, float | None],
    seed: SeedOption = 1,
    count: Annotated[int, typer.Option(help="Texts for each prompt, with one seed after another.", min=1)] = 1,
    at: CheckpointOption = None,
    last: Annotated[bool, typer.Option("--last", help="The same as --at last.")] = False,
    unknown: Annotated[
        UnknownCharacters, typer.Option(help="Leave out characters the model has never seen, or refuse them.")
    ] = UnknownCharacters.REFUSE,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array on stdout: text, prompt, seed, ...")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="A new file for the exact text, instead of standard output.", show_default=False),
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Let a trained model write. A file or a pipe gets its exact text, a byte model's raw bytes included."""
    from babytrain.tui.engine_client.errors import UsageError

    if last and at not in (None, "last"):
        exit_with_usage_error([f"--last and --at {at} are two checkpoints: leave one out."])
    if out is not None and as_json:
        exit_with_usage_error(["--out takes the text and --json is printed: leave one out."])
    folder = find_run_or_exit(resolve_runs_dir(context, runs_dir), run)
    settings = sampling_settings_or_exit(folder.path, sampling)
    try:
        model, prompts = _prepare(folder.path, "last" if last else at or "best", prompt, unknown.value)
        seeds = range(seed, seed + count)
        if as_json:
            _write_json(model, prompts, settings, tokens, seeds)
        else:
            with _open_output(out) as stream:
                _write_texts(model, prompts, settings, tokens, seeds, stream)
    except UsageError as error:
        exit_with_failure(*error.problems)


@contextmanager
def _open_output(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that was not there before. Raises UsageError."""
    from babytrain.tui.engine_client.errors import UsageError

    if out is None:
        yield sys.stdout
        return
    path = expand_home(out)
    try:
        with path.open("x", encoding="utf-8") as file:
            yield file
    except FileExistsError as error:
        raise UsageError([f"{path} is there already; give another name with --out."]) from error
    except OSError as error:
        raise UsageError([f"Cannot write {path}: {error.strerror or error}; give another name with --out."]) from error


def argument_text(text: str) -> str:
    """An argument as text: UTF-8 whatever the locale says, other bytes as lone surrogates."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def _prepare(run_dir: Any, at: str, typed: list[str] | None, unknown: Any) -> tuple[SavedModel, list[PreparedPrompt]]:
    """The model and its prompts; prints notes on stderr. Raises UsageError."""
    from babytrain.tui.engine_client.errors import UsageError
    from babytrain.tui.engine_client.model_access import SavedModel

    model = SavedModel(run_dir, at)
    prompts: list[PreparedPrompt] = []
    problems: list[str] = []
    for text in [model.default_prompt] if typed is None else map(argument_text, typed):
        try:
            prompts.append(model.prepare(text, unknown))
        except UsageError as error:
            problems.extend(error.problems)
    if problems:
        raise UsageError(problems)
    for note in dict.fromkeys([*model.notes, *(note for prepared in prompts for note in prepared.notes)]):
        echo_note(note)
    return model, prompts


def _write_texts(
    model: SavedModel,
    prompts: list[PreparedPrompt],
    settings: SamplingSettings,
    tokens: int,
    seeds: range,
    stream: TextIO,
) -> None:
    """Stream all texts, a blank line between them; with several, each seed on stderr.

    A file or a pipe gets the exact text, a terminal safe text.
    """
    from babytrain.tui.terminal.plain_output import output_for

    output = output_for(stream)
    texts = list(product(prompts, seeds))
    try:
        for number, (prompt, seed) in enumerate(texts):
            if number:
                output.line()
            if len(texts) > 1:
                echo_note(f"seed {seed}:")
            output.write(prompt.text)
            for piece in model.generate(prompt, settings, max_tokens=tokens, seed=seed):
                output.write(piece)
            output.end()
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    finally:
        output.end()


def _write_json(
    model: SavedModel, prompts: list[PreparedPrompt], settings: SamplingSettings, tokens: int, seeds: range
) -> None:
    """Print all texts as a JSON array; after Ctrl-C, the finished ones. Raw bytes are added where text is not UTF-8."""
    from babytrain.tui.cli.output import print_json
    from babytrain.tui.terminal.plain_output import exact_bytes

    texts: list[dict[str, Any]] = []
    shared = {"settings": {**dataclasses.asdict(settings), "tokens": tokens}, "step": model.step}
    interrupted = False
    try:
        for prompt, seed in product(prompts, seeds):
            text = "".join(model.generate(prompt, settings, max_tokens=tokens, seed=seed))
            data = exact_bytes(text)
            raw = {} if _is_utf8(data) else {"bytes_base64": base64.b64encode(data).decode()}
            texts.append({"prompt": prompt.text, "text": text, **raw, "seed": seed, **shared, "notes": prompt.notes})
    except KeyboardInterrupt:
        interrupted = True
    print_json(texts)
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
