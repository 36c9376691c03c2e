"""What people, the guard and the diagnosis do to a run."""

from __future__ import annotations

import msgspec

from babytrain.runs.events.base import Event
from babytrain.runs.events.words import CommandAction, CommandStatus, RescueCause, RescueDeed, VerdictName


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
    # Where the dials stand now that this command moved; None of one that moves no dial, and in journals up to 0.2.0.
    dials: dict[str, float | int | str | None] | None = None


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
    """A diagnosis that differs from the one before it: what is going on, why, and what to do next.

    Said `again`, it is the same verdict with the figures of a later step: nothing to be told about twice.
    """

    verdict: VerdictName
    why: str
    next_: str = msgspec.field(name="next")
    advice: Advice | None = None
    alternative: Advice | None = None
    again: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way to the engine. `command_id` is unique within a session of the program."""

    command_id: int
    action: CommandAction
    dial: str = ""
    value: float | None = None
    text: str = ""
