"""How to repeat a recorded run: its sessions with the commands that took effect and the resulting losses.

- Only commands that can change the weights, or write a checkpoint to go back to, are repeated.
- What the engine did because of the losses (guard, overfitting) it will do again. What it did because of the machine
  (steps planned by the clock, a batch halved for lack of memory) it may not, so that is repeated.
- A run that was killed and resumed counts up to the checkpoint it was resumed from.
- After a rollback a session passes the same step twice, so a command is placed by its step and the number of rollbacks
  before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from babytrain.runs.dials.spec import BATCH_DIALS
from babytrain.runs.events import AnyEvent, Checkpoint, Command, Ended, Request, Resumed, Started, Step

FORK_START = "start"  # the name of the checkpoint a fork begins with
_REPEATED = frozenset(
    {"lr_scale", "lr_hold", "lr_release", "total_steps", "set", "rewarm", "undo", "rollback", "evaluate"}
)


@dataclass(frozen=True)
class PlannedCommand:
    """A command after `step` finished steps and `rollback_count` rollbacks of its session."""

    rollback_count: int
    step: int
    request: Request


@dataclass(frozen=True)
class RecordedSession:
    """A session of training that began with `first`, as far as it counts."""

    first: Started | Resumed
    commands: tuple[PlannedCommand, ...]
    steps: tuple[Step, ...]
    end_rollback_count: int
    end_step: int
    finished: bool  # its plan was done by the end
    checkpoint: str  # folder name of the last one, or empty

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that the resume changed."""
        return self.first.changes if isinstance(self.first, Resumed) else {}


_PlanEvent: TypeAlias = Started | Step | Command | Checkpoint | Resumed | Ended


def recorded_sessions(events: Iterable[AnyEvent]) -> list[RecordedSession]:
    """The run as a list of sessions, oldest first; empty when it never started."""
    kept: list[_PlanEvent] = []
    for event in events:
        if isinstance(event, Resumed) and not event.rollback:
            kept = [*_until_checkpoint(kept, event.checkpoint), event]
        elif isinstance(event, Started | Step | Command | Checkpoint | Resumed | Ended):
            kept.append(event)
    last = next((event for event in reversed(kept) if not isinstance(event, Command)), None)
    if not isinstance(last, Ended):  # killed: it counts up to its newest checkpoint
        newest = next((event for event in reversed(kept) if isinstance(event, Checkpoint)), None)
        if newest is not None:
            kept = _until_checkpoint(kept, _folder_name(newest))
    sessions: list[list[_PlanEvent]] = []
    for event in kept:
        if isinstance(event, Started) or (isinstance(event, Resumed) and not event.rollback):
            sessions.append([event])
        elif sessions:
            sessions[-1].append(event)
    return [_session(session) for session in sessions]


def _until_checkpoint(kept: list[_PlanEvent], name: str) -> list[_PlanEvent]:
    """The events up to where a checkpoint was last written, and how that session ended if it ended there.

    A checkpoint that is not recorded was written just before the kill: everything before it counts.
    """
    for index in range(len(kept) - 1, -1, -1):
        checkpoint = kept[index]
        if isinstance(checkpoint, Checkpoint) and _folder_name(checkpoint) == name:
            break
    else:
        return kept
    for event in kept[index + 1 :]:
        if isinstance(event, Ended) and event.step == checkpoint.step:
            return [*kept[: index + 1], event]
        if isinstance(event, Step | Resumed):
            break
    return kept[: index + 1]


def _session(events: list[_PlanEvent]) -> RecordedSession:
    first = events[0]
    assert isinstance(first, Started | Resumed)
    commands: list[PlannedCommand] = []
    steps: list[Step] = []
    rollback_count, step, finished, checkpoint = 0, first.step, False, ""
    for event in events[1:]:
        match event:
            case Resumed():
                rollback_count, step = rollback_count + 1, event.step
            case Step():
                steps.append(event)
                step = event.step
            case Checkpoint():
                checkpoint = _folder_name(event)
                # Not its command, because the run may have been killed before that was recorded.
                if event.reason == "requested" and event.step == step and not _is_start(first, event):
                    request = Request(command_id=1, action="checkpoint", text=event.name)
                    commands.append(PlannedCommand(rollback_count, step, request))
            case Command() if _is_repeated(event):
                # A rollback is recorded after it was done, with the step before it.
                request = Request(
                    command_id=event.command_id,
                    action=event.action,
                    dial=event.dial,
                    value=event.value,
                    text=event.text,
                )
                commands.append(PlannedCommand(rollback_count - (event.action == "rollback"), event.step, request))
            case Ended():
                finished = event.status == "done"
    last = events[-1]
    if isinstance(last, Checkpoint) and last.reason == "best":
        # It may have been requested, and the run killed before that was recorded. Repeating it does no harm.
        commands.append(PlannedCommand(rollback_count, last.step, Request(command_id=1, action="evaluate")))
    return RecordedSession(first, tuple(commands), tuple(steps), rollback_count, step, finished, checkpoint)


def _is_repeated(event: Command) -> bool:
    if event.status != "applied":
        return False
    if event.command_id:
        return event.action in _REPEATED
    return event.action == "total_steps" or (event.action == "set" and event.dial in BATCH_DIALS)


def _is_start(first: Started | Resumed, event: Checkpoint) -> bool:
    """Whether it is the checkpoint that a fork began with."""
    return isinstance(first, Started) and (bool(first.parent), event.step, event.name) == (True, first.step, FORK_START)


def _folder_name(event: Checkpoint) -> str:
    return event.directory.rpartition("/")[2]
