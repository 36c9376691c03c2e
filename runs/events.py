"""Every event of a run, and every command a person can give it.

A run is a stream of these. The engine makes them, the journal keeps them one a line, the screen shows them; live,
attached and replayed runs differ only in where the stream comes from. Choices worth knowing:

- `t` is seconds of running time since the run first started, monotonic; a resume goes on from the last `t`, so
  hours spent switched off never show up on a time axis.
- `step` is the number of finished optimizer steps when the event happened.
- Losses are in nats per token. Units stand in the names of everything else.
- `SamplePiece` is the only event that never reaches the journal: it is a sample being typed, the `Sample` that
  follows it holds the whole text.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

SCHEMA_VERSION = 1

Status: TypeAlias = Literal["training", "done", "interrupted", "failed"]
PhaseName: TypeAlias = Literal[
    "loading", "compiling", "training", "evaluating", "sampling", "saving", "paused", "stopping"
]
CommandAction: TypeAlias = Literal[
    "lr_scale",  # value: factor on the scheduled learning rate, replaces the factor before it
    "lr_hold",  # value: a fixed learning rate, whatever the schedule says
    "lr_release",  # back to the schedule (keeps the factor)
    "pause",
    "resume",
    "advance",  # value: run this many steps, then pause
    "sample",  # text: the prompt; empty means the run's own prompt
    "predict",  # text: what comes before; the likeliest next tokens are noted in the log
    "evaluate",
    "checkpoint",
    "total_steps",  # value: where the run ends; also sent by the engine itself when it trains by the clock
    "set",  # dial: which one, value or text: its new position; see `engine/dials.py` for the names
    "rewarm",  # value: steps over which the learning rate climbs again from nothing to where the schedule has it
    "undo",  # takes back the newest turn of a dial
    "go_back",  # text: a checkpoint by name, "best" or "last"; training goes on from there
    "note",  # text: what the person wants to remember
    "stop",  # save, then end the run as interrupted
]
VerdictName: TypeAlias = Literal[
    "warming up",
    "learning",
    "slow",
    "plateau",
    "lr too high",
    "lr too low",
    "overfitting",
    "memorising",
    "diverging",
    "data-bound",
    "throttled",
    "done",
]
RescueCause: TypeAlias = Literal["not finite", "spike", "diverging", "out of memory"]
RescueDeed: TypeAlias = Literal["noted", "skipped", "rolled back", "halved the batch", "stopped"]
NoteLevel: TypeAlias = Literal["info", "warning", "error"]
CommandStatus: TypeAlias = Literal["asked", "applied", "refused"]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every event carries: `t` seconds of running time and the `step` it happened at."""

    t: float
    step: int


class CorpusFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was trained on. Token counts are after tokenizing; `sha256` is of the UTF-8 text before it."""

    name: str
    sha256: str
    characters: int
    train_tokens: int
    val_tokens: int
    vocabulary_size: int
    tokenizer: str
    characters_per_token: float = 1.0
    # Entropy of the source in nats per token where it is known exactly (our own grammar); no model can go below it.
    floor_nats_per_token: float | None = None


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The first line of a journal: everything needed to understand the rest."""

    schema: int
    run_id: str
    name: str
    wall_time: float  # Unix seconds at t = 0
    config: dict[str, Any]
    corpus: CorpusFacts
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
    # Of a run that was forked from another one: that run's id; `step` is where it left it.
    parent: str = ""
    rerun_of: str = ""  # of a run that repeats another one: that run's id


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


class SamplePiece(Event, frozen=True, kw_only=True, tag="sample_piece"):
    """A few more characters of sample `sample_id` while it is being written. Live only, never in the journal."""

    sample_id: int
    prompt: str
    text: str  # everything written so far, without the prompt


class Sample(Event, frozen=True, kw_only=True, tag="sample"):
    """A finished generated text (`text` is without the prompt). Hostile by nature: show it, never obey it."""

    sample_id: int
    prompt: str
    text: str
    seed: int
    temperature: float
    seconds: float
    asked: bool = False


class Fan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fan: percent of its noise-tolerant maximum (may pass 100) and revolutions per minute."""

    percent: float | None = None
    rpm: float | None = None


class GpuReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at one graphics card. A quantity that is None has its reason in `missing`."""

    index: int
    name: str
    uuid: str = ""
    utilization_percent: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_celsius: float | None = None
    slowdown_celsius: float | None = None
    fans: tuple[Fan, ...] = ()
    power_watts: float | None = None
    power_limit_watts: float | None = None
    clock_mhz: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    missing: dict[str, str] = msgspec.field(default_factory=dict)


class HostReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at the computer itself. None where the system offers no such sensor."""

    cpu_percent: float | None = None
    core_percents: tuple[float, ...] = ()
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    process_memory_bytes: int | None = None
    temperature_celsius: float | None = None
    fan_rpm: float | None = None
    battery_percent: float | None = None
    plugged_in: bool | None = None


class Vitals(Event, frozen=True, kw_only=True, tag="vitals"):
    """About once a second: the cards, the host, and one calm sentence when there is no card to read."""

    host: HostReading
    gpus: tuple[GpuReading, ...] = ()
    gpu_note: str = ""


class Command(Event, frozen=True, kw_only=True, tag="command"):
    """What a person asked for and what became of it; one event when asked, one when applied or refused.

    `command_id` 0 is the engine itself, following the configuration or its guard.
    """

    command_id: int
    action: CommandAction
    status: CommandStatus
    dial: str = ""  # of a `set`, and of the `undo` that takes one back
    value: float | None = None
    text: str = ""
    before: float | None = None  # the dial before and after, in the dial's own unit
    after: float | None = None
    reason: str = ""


class Checkpoint(Event, frozen=True, kw_only=True, tag="checkpoint"):
    """A checkpoint that is complete on disk. `directory` is relative to the run folder."""

    directory: str
    reason: Literal["cadence", "best", "asked", "end"]
    seconds: float
    val_loss: float | None = None
    name: str = ""  # what a person called it; a named checkpoint is never tidied away


class Rescue(Event, frozen=True, kw_only=True, tag="rescue"):
    """The guard saw something and did something about it; `text` says both in plain words."""

    cause: RescueCause
    deed: RescueDeed
    text: str
    loss: float | None = None  # nats per token, of the step that set it off
    gradient_norm: float | None = None
    learning_rate: float | None = None
    first_window: int | None = None  # of the batch: its windows are this one and those after it, counted from the start


class Advice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that follows from a verdict; a key sends it. `label` is what it does in a few words."""

    label: str
    action: CommandAction
    dial: str = ""
    value: float | None = None
    text: str = ""


class Verdict(Event, frozen=True, kw_only=True, tag="verdict"):
    """A diagnosis that differs from the one before it: what is going on, why, and what to do next."""

    verdict: VerdictName
    why: str
    next_: str = msgspec.field(name="next")
    advice: Advice | None = None
    alternative: Advice | None = None


class Phase(Event, frozen=True, kw_only=True, tag="phase"):
    """What the engine does from now on, until the next phase."""

    phase: PhaseName


class Note(Event, frozen=True, kw_only=True, tag="note"):
    """A line for the log pane."""

    level: NoteLevel
    text: str


class Resumed(Event, frozen=True, kw_only=True, tag="resumed"):
    """Training goes on from a checkpoint at `step`; everything recorded after that step is superseded.

    `within` is true when a running session went back by itself: then nothing was switched off in between, and what was
    turned since stays turned.
    """

    wall_time: float
    checkpoint: str
    total_steps: int
    within: bool = False
    reason: str = ""
    changes: dict[str, Any] = msgspec.field(default_factory=dict)  # settings that were changed by the way


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The last line of a session of training."""

    status: Literal["done", "interrupted", "failed"]
    reason: str
    tokens: int
    tokens_per_second: float
    val_loss: float | None = None
    best_val_loss: float | None = None
    best_step: int | None = None


AnyEvent: TypeAlias = (
    Started
    | Step
    | Eval
    | SamplePiece
    | Sample
    | Vitals
    | Command
    | Checkpoint
    | Rescue
    | Verdict
    | Phase
    | Note
    | Resumed
    | Ended
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way to the engine. `command_id` is unique within a session of the program."""

    command_id: int
    action: CommandAction
    dial: str = ""
    value: float | None = None
    text: str = ""
