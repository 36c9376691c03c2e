"""What a journal says about how to repeat its run: the commands that took effect, and the losses that came of them.

Choices:
- Only what can change the weights counts, or can make a checkpoint to go back to. Pausing, notes and samples do not.
- What the engine did because of the numbers it saw (its guard, its answer to overfitting) it will do again by itself.
  What it did because of the machine (steps planned by the clock, a batch halved for lack of memory) it may not, so that
  is repeated like a person's own.
- A run that was killed and resumed stands where its checkpoint was written: what came after that never happened.
- Within a session a run may go back, and then it passes the same step twice. So a place is a step and a lap: how often
  the session had gone back by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from babytrain.runs.events import AnyEvent, Checkpoint, Command, Ended, Request, Resumed, Started, Step

_REPEATED = frozenset(
    {"lr_scale", "lr_hold", "lr_release", "total_steps", "set", "rewarm", "undo", "rollback", "evaluate"}
)
_REPEATED_OF_THE_ENGINE = frozenset({"total_steps", "set"})


@dataclass(frozen=True)
class PlannedCommand:
    """A command and its place: `step` finished steps, after the session had gone back `lap` times."""

    rollback_count: int
    step: int
    request: Request


@dataclass(frozen=True)
class RecordedSession:
    """A stretch of training between two switch-offs, as far as it counts.

    `first` opens it. It ends at `end_step` in lap `end_lap`; `finished` when its plan was done by then. `checkpoint` is
    the folder name of the one written there, empty when there was none.
    """

    first: Started | Resumed
    commands: tuple[PlannedCommand, ...]
    steps: tuple[Step, ...]
    end_rollback_count: int
    end_step: int
    finished: bool
    checkpoint: str

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that were changed when it was resumed."""
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
    if not isinstance(last, Ended):  # killed: its newest checkpoint is as far as it got
        newest = next((event for event in reversed(kept) if isinstance(event, Checkpoint)), None)
        if newest is not None:
            kept = _until_checkpoint(kept, _folder_name(newest))
    stretches: list[list[_PlanEvent]] = []
    for event in kept:
        if isinstance(event, Started) or (isinstance(event, Resumed) and not event.rollback):
            stretches.append([event])
        elif stretches:
            stretches[-1].append(event)
    return [_session(stretch) for stretch in stretches]


def _until_checkpoint(kept: list[_PlanEvent], name: str) -> list[_PlanEvent]:
    """The past up to where a checkpoint was last written, with how that session ended if it ended there.

    A checkpoint that is not on record was written in the moment of the kill: everything before it counts.
    """
    place = next(
        (
            index
            for index in range(len(kept) - 1, -1, -1)
            if isinstance(event := kept[index], Checkpoint) and _folder_name(event) == name
        ),
        None,
    )
    if place is None:
        return kept
    at = kept[place]
    for event in kept[place + 1 :]:
        if isinstance(event, Ended) and event.step == at.step:
            return [*kept[: place + 1], event]
        if isinstance(event, Step | Resumed):
            break
    return kept[: place + 1]


def _session(stretch: list[_PlanEvent]) -> RecordedSession:
    first = stretch[0]
    assert isinstance(first, Started | Resumed)
    commands: list[PlannedCommand] = []
    steps: list[Step] = []
    rollback_count, step, finished, checkpoint = 0, first.step, False, ""
    for event in stretch[1:]:
        match event:
            case Resumed():
                rollback_count, step = rollback_count + 1, event.step
            case Step():
                steps.append(event)
                step = event.step
            case Checkpoint():
                checkpoint = _folder_name(event)
                # Known by the checkpoint itself: a kill may have come before the command was filed.
                if event.reason == "requested" and event.step == step and not _is_start(first, event):
                    request = Request(command_id=1, action="checkpoint", text=event.name)
                    commands.append(PlannedCommand(rollback_count, step, request))
            case Command() if _is_repeated(event):
                # A way back is filed after the lap it began, and with the step it left.
                commands.append(
                    PlannedCommand(rollback_count - (event.action == "rollback"), event.step, _request(event))
                )
            case Ended():
                finished = event.status == "done"
    last = stretch[-1]
    if isinstance(last, Checkpoint) and last.reason == "best":
        # It may have been asked for, and the kill came before that was filed. Once more does no harm.
        request = Request(command_id=1, action="evaluate")
        commands.append(PlannedCommand(rollback_count, last.step, request))
    return RecordedSession(first, tuple(commands), tuple(steps), rollback_count, step, finished, checkpoint)


def _is_repeated(event: Command) -> bool:
    if event.status != "applied":
        return False
    return event.action in (_REPEATED if event.command_id else _REPEATED_OF_THE_ENGINE)


def _request(event: Command) -> Request:
    return Request(
        command_id=event.command_id, action=event.action, dial=event.dial, value=event.value, text=event.text
    )


def _is_start(first: Started | Resumed, event: Checkpoint) -> bool:
    """Whether it is the copy a fork began with."""
    return isinstance(first, Started) and (bool(first.parent), event.step, event.name) == (True, first.step, FORK_START)


def _folder_name(event: Checkpoint) -> str:
    return event.directory.rpartition("/")[2]


FORK_START = "start"  # the name of the checkpoint a fork begins with
