"""Commands, actions of the guard, and verdicts of the diagnosis."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from babytrain.runs.events.base import Event

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
    "rewarm",  # value: steps over which the learning rate climbs from 0 to the schedule again
    "undo",  # takes back the newest change of a dial
    "rollback",  # text: a checkpoint by name, "best" or "last"; training goes on from there
    "note",  # text: a remark for the record
    "stop",  # save, then end the run as interrupted
]
CommandStatus: TypeAlias = Literal["applied", "refused"]
VerdictName: TypeAlias = Literal[
    "warming up",
    "learning",
    "slow",
    "plateau",
    "lr too high",
    "lr too low",
    "not learning",
    "overfitting",
    "memorising",
    "diverging",
    "data-bound",
    "throttled",
    "done",
]
GuardCause: TypeAlias = Literal["not finite", "spike", "diverging", "out of memory"]
GuardOutcome: TypeAlias = Literal["noted", "skipped", "rolled back", "halved the batch", "stopped"]


class Command(Event, frozen=True, kw_only=True, tag="command"):
    """What was requested, and whether it was applied or refused. `command_id` 0 is the engine itself."""

    command_id: int
    action: CommandAction
    status: CommandStatus
    dial: str = ""  # of a `set`, and of the `undo` that takes one back; of a `sample` its sampling options
    value: float | None = None
    text: str = ""
    before: float | None = None  # the dial before and after, in the dial's own unit
    after: float | None = None
    reason: str = ""
    # The positions that this command changed; None for one that changes no dial, and in journals up to 0.2.
    dials: dict[str, float | int | str | None] | None = None


class GuardEvent(Event, frozen=True, kw_only=True, tag="guard"):
    """The guard found something and acted on it; `text` states both."""

    cause: GuardCause
    action: GuardOutcome
    text: str
    loss: float | None = None  # nats per token, of the step that caused it
    gradient_norm: float | None = None
    learning_rate: float | None = None
    first_window: int | None = None  # of the batch, counted from the start of the run


class SuggestedCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that follows from a verdict and can be sent with a key. `label` describes it in a few words."""

    label: str
    action: CommandAction
    dial: str = ""
    value: float | None = None
    text: str = ""


class Verdict(Event, frozen=True, kw_only=True, tag="verdict"):
    """A diagnosis that differs from the one before: what is going on, why, and what to do next."""

    verdict: VerdictName
    why: str
    next_: str = msgspec.field(name="next")
    advice: SuggestedCommand | None = None
    alternative: SuggestedCommand | None = None
    repeated: bool = False  # the same verdict with the figures of a later step, which needs no notification


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way to the engine. `command_id` is unique within a session of the program."""

    command_id: int
    action: CommandAction
    dial: str = ""
    value: float | None = None
    text: str = ""
