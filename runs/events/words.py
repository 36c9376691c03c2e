"""The words that events are told in."""

from __future__ import annotations

from typing import Literal, TypeAlias

SCHEMA_VERSION = 1
Status: TypeAlias = Literal["training", "done", "interrupted", "failed"]
PhaseName: TypeAlias = Literal[
    "loading", "compiling", "training", "evaluating", "sampling", "saving", "paused", "resting", "stopping"
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
    "set",  # dial: which one, value or text: its new position; see `runs/dials/spec.py` for the names
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
RestraintCause: TypeAlias = Literal["quiet hours", "heat", "power", "battery", "lost card"]
RestraintDeed: TypeAlias = Literal["paused", "slowed", "released", "overruled", "stopped"]
EnergyScope: TypeAlias = Literal["gpu", "processor", "computer"]
EnergyQuality: TypeAlias = Literal["counter", "polled", "estimated", "typed"]
StorageName: TypeAlias = Literal["checkpoints", "journal"]
NoteLevel: TypeAlias = Literal["info", "warning", "error"]
CommandStatus: TypeAlias = Literal["applied", "refused"]
