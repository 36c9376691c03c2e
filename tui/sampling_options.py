"""The options that `sample` and `chat` share: from which checkpoint, and how the next token is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from babytrain.tui.command_line import usage_error

if TYPE_CHECKING:
    from pathlib import Path

    from babytrain.tui.engine_client.model_access import SamplingSettings

At = Annotated[
    str | None,
    typer.Option(metavar="WHICH", help="A checkpoint: best, last, its name or its step. [default: best]"),
]
Seed = Annotated[int, typer.Option(help="Same seed, same text.", min=0, max=2**63 - 1)]
# Left out, these are as in the settings of the run.
Temperature = Annotated[float | None, typer.Option(help="0 = always the likeliest.", min=0.0, max=10.0)]
TopK = Annotated[int | None, typer.Option(help="Only from the k likeliest, 0 = all.", min=0, max=1_000_000)]
TopP = Annotated[float | None, typer.Option(help="Only from the likeliest that make up this share.", min=0.01, max=1)]
MinP = Annotated[float | None, typer.Option(help="Nothing less likely than this share of the likeliest.", min=0, max=1)]
RepetitionPenalty = Annotated[
    float | None, typer.Option(help="How much less likely what was just written gets, 1 = not at all.", min=1, max=10)
]


def settings_to_draw_with(
    run_dir: Path,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    repetition_penalty: float | None,
) -> SamplingSettings:
    """The settings of the run in a folder, but for those that were typed; what is wrong with them ends the program."""
    from babytrain.tui.engine_client.errors import UsageError
    from babytrain.tui.engine_client.model_access import chosen_settings

    try:
        return chosen_settings(
            run_dir,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
        )
    except UsageError as error:
        usage_error(error.problems)
