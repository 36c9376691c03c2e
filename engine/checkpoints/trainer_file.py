"""What may be in the `trainer.json` of a checkpoint: kinds and ranges of its numbers, checked before they are used."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec

MOST_VALUES = 1_000
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
Values: TypeAlias = Annotated[dict[str, Any], msgspec.Meta(max_length=MOST_VALUES)]
Numbers: TypeAlias = Annotated[list[float], msgspec.Meta(max_length=MOST_VALUES)]


class _Spikes(msgspec.Struct):
    losses: Numbers
    gradients: Numbers
    steps: Count


class _Guard(msgspec.Struct):
    rescues_left: Annotated[int, msgspec.Meta(ge=0, le=1_000)]
    broken_in_a_row: Count
    last_spike: Annotated[int, msgspec.Meta(ge=-MOST_VALUES, le=10**15)]
    spikes: _Spikes
    divergence: Annotated[dict[str, float | bool | None], msgspec.Meta(max_length=MOST_VALUES)]


class TrainerFile(msgspec.Struct):
    """The fields that are read; losses are nats per token and may be NaN or infinite. Old versions lack some."""

    step: Count
    t: Seconds = 0.0
    windows_seen: Count = 0
    tokens: Count = 0
    training_seconds: Seconds = 0.0
    val_loss: float | None = None
    val_step: Count | None = None
    best_val_loss: float | None = None
    best_step: Count | None = None
    samples: Count = 0
    dials: Values = {}
    undos: Annotated[list[Any], msgspec.Meta(max_length=MOST_VALUES)] = []
    guard: _Guard | None = None
    optimizer: Annotated[dict[str, int], msgspec.Meta(max_length=MOST_VALUES)] = {}
    watch: Values = {}


def trainer_problem(document: object) -> str:
    """What is wrong with the document, as part of a sentence that names the field, or ""."""
    try:
        msgspec.convert(document, TrainerFile)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        field = str(error).partition(" - at `$.")[2].rstrip("`")
        return f"{field} is not what it can be" if field else "it is not the state of a trainer"
    return ""
