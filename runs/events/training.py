"""The course of a run: start, steps, evaluations, checkpoints, log messages, resume and end."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from babytrain.runs.events.base import Event

RunStatus: TypeAlias = Literal["training", "done", "interrupted", "failed"]
PhaseName: TypeAlias = Literal[
    "loading", "compiling", "training", "evaluating", "sampling", "saving", "paused", "policy_pause", "stopping"
]
LogLevel: TypeAlias = Literal["info", "warning", "error"]
StorageName: TypeAlias = Literal["checkpoints", "journal", "folder"]
# Of a plan: a line with any other value is a bad line.
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class CorpusInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The corpus. Token counts are after tokenizing; `sha256` is of the UTF-8 text before it."""

    name: str
    sha256: str
    characters: int
    train_tokens: int
    val_tokens: int
    vocabulary_size: int
    tokenizer: str
    characters_per_token: float = 1.0
    # Entropy of the source where it is known exactly (our own grammar); no model can go below it.
    floor_nats_per_token: float | None = None


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The first line of a journal: the run's configuration, corpus and machine."""

    schema: int
    run_id: str
    name: str
    wall_time: float  # Unix seconds at t = 0
    config: dict[str, Any]
    corpus: CorpusInfo
    parameters: int
    total_steps: int
    steps_per_epoch: float
    tokens_per_step: int
    device: str
    device_name: str = ""
    precision: str = "fp32"
    threads: int = 1
    compiled: bool = False
    program_version: str = ""
    parent: str = ""  # id of the run it was forked from, at `step`
    rerun_of: str = ""  # id of the run it repeats
    parent_text_sha256: str = ""  # of the text of the parent, where the fork goes on with another one


class RatePlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What determines the learning rate besides the dials."""

    lr: Amount
    warmup: Count  # steps
    wsd_decay_fraction: Amount = 0.2  # wsd: share of the run spent decaying, at its end
    min_lr_ratio: Amount = 0.0  # the rate at the end as a share of the peak


class Plan(Event, frozen=True, kw_only=True, tag="plan"):
    """What a session is going to do, recorded when it begins: its dials, and what is scheduled besides steps."""

    dials: dict[str, float | int | str | None]
    rate: RatePlan | None = None  # None when not recorded
    checkpoint_every: Count = 0  # steps, 0 for best and last only
    minutes: Amount = 0.0  # of running time to end after, 0 for an end in steps
    prompts: Count = 1  # texts in each round of samples
    sample_tokens: Count = 0  # in each of them
    final_evaluation_tokens: Count = 0  # of the poems that are written at the end
    canary_tokens: Count = 0  # of the lines that planted ones are held against at the end


class Step(Event, frozen=True, kw_only=True, tag="step", gc=False):
    """One optimizer step, or `merged` of them (then `loss` is their mean, `loss_min`/`loss_max` their range)."""

    loss: float
    learning_rate: float = msgspec.field(name="lr")
    gradient_norm: float = msgspec.field(name="gn")
    tokens: int  # seen since the run started, this step included
    step_seconds: float = msgspec.field(name="dt")
    loss_min: float | None = None
    loss_max: float | None = None
    merged: int = 1


class Eval(Event, frozen=True, kw_only=True, tag="eval"):
    """Mean loss over the whole validation split, and over fixed training windows in evaluation mode."""

    val_loss: float
    train_loss: float
    seconds: float
    best: bool = False


class Checkpoint(Event, frozen=True, kw_only=True, tag="checkpoint"):
    """A checkpoint that is complete on disk; `directory` is relative to the run folder."""

    directory: str
    reason: Literal["cadence", "best", "requested", "end", "before a change", "taken away"]
    seconds: float
    val_loss: float | None = None
    name: str = ""  # given by a person; a named checkpoint is never deleted by the engine


class Storage(Event, frozen=True, kw_only=True, tag="storage"):
    """What cannot be written from now on, and `reason` says why; or what can be written again."""

    what: StorageName
    failing: bool
    reason: str = ""


class Phase(Event, frozen=True, kw_only=True, tag="phase"):
    """What the engine does until the next phase."""

    phase: PhaseName


class LogMessage(Event, frozen=True, kw_only=True, tag="log"):
    """A line for the log pane."""

    level: LogLevel
    text: str


class Resumed(Event, frozen=True, kw_only=True, tag="resumed"):
    """Training continues from a checkpoint at `step`; everything recorded after that step is superseded."""

    wall_time: float
    checkpoint: str
    total_steps: int
    rollback: bool = False  # a running session went back: no restart, and dial changes since stay in force
    reason: str = ""
    changes: dict[str, Any] = msgspec.field(default_factory=dict)  # settings that differ from now on


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The last line of a session."""

    status: Literal["done", "interrupted", "failed"]
    reason: str
    tokens: int
    tokens_per_second: float
    val_loss: float | None = None
    best_val_loss: float | None = None
    best_step: int | None = None
