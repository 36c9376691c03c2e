"""Notifications of a run: terminal bell, desktop notification (OSC 9), or a command of the user.

The end of a run, rescues, milestones and verdicts that need action are announced, not what happened before this
session of a resumed run. The user's command is split as a shell would split it and run without a shell, so no text of
a run can become a command. Event, run, step and sentence are passed as arguments and as `BABYTRAIN_...` variables.
"""

from __future__ import annotations

import math
import os
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.wording import VERDICTS_NEEDING_ACTION

if TYPE_CHECKING:  # numpy and msgspec, which the first screen must not wait for
    from babytrain.runs.events import Milestone
    from babytrain.runs.state.run_state import RunSnapshot


@dataclass(frozen=True)
class NotificationOptions:
    """`bell`: at the end. `milestones`: bell, and `desktop` notification, at milestones too. `command`: arguments."""

    bell: bool = True
    desktop: bool = False
    milestones: bool = False
    command: tuple[str, ...] = ()


def parse_event_command(typed: str) -> tuple[str, ...]:
    """A command line as arguments. Raises ValueError with a sentence for the user."""
    try:
        words = shlex.split(typed)
    except ValueError as error:
        raise ValueError(f"--on-event cannot be read as a command ({error}): {typed}") from error
    if not words:
        raise ValueError("--on-event needs a command, such as notify-send.")
    if shutil.which(words[0]) is None:
        raise ValueError(f"--on-event: there is no program {words[0]!r}.")
    return tuple(words)


class NewMilestones:
    """Milestones since the last call of `look`. `from_now`: without those of the first call."""

    def __init__(self, *, from_now: bool = False) -> None:
        self._seen: int | None = None if from_now else 0

    def look(self, snapshot: RunSnapshot) -> list[Milestone]:
        """The new milestones, oldest first."""
        reached = snapshot.state.milestones.events
        if self._seen is None:
            if snapshot.started is None:
                return []  # the journal is not read yet
            self._seen = len(reached)
        new, self._seen = reached[self._seen :], len(reached)
        return [milestone for milestone in new if milestone.t > last_resume_time(snapshot)]


GATHER_SECONDS = 4.0  # milestones within this time are announced together
QUIET_SECONDS = 20.0  # between two announcements


class MilestoneGroups:
    """Milestones that come within a short time, as one group: in its first seconds a run reaches many."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._group: list[Milestone] = []
        self._due_at = self._quiet_until = -math.inf

    def add(self, news: Sequence[Milestone], *, is_last: bool = False) -> list[Milestone]:
        """The group to announce now, mostly none. `is_last`: nothing comes after these."""
        now = self._now()
        if news and not self._group:
            self._due_at = max(now + GATHER_SECONDS, self._quiet_until)
        self._group += news
        if not self._group or (now < self._due_at and not is_last):
            return []
        group, self._group, self._quiet_until = self._group, [], now + QUIET_SECONDS
        return group


def milestones_by_step(reached: Iterable[Milestone]) -> list[Milestone]:
    """The milestones, those of the same step in a row joined to one."""
    joined: list[Milestone] = []
    for new in reached:
        if joined and joined[-1].step == new.step:
            old = joined.pop()
            name, text = f"{old.name}, {new.name}", f"{old.text} {new.text}"
            joined.append(type(old)(t=old.t, step=old.step, name=name, text=text))
        else:
            joined.append(new)
    return joined


def last_resume_time(snapshot: RunSnapshot) -> float:
    """When this session began, in seconds of running time; -1 for the first session."""
    return max((resumed.t for resumed in snapshot.state.resumes.events if not resumed.rollback), default=-1.0)


NotificationEvent: TypeAlias = Literal["end", "rescue", "verdict", "milestone"]
_MAX_NOTIFICATION_TEXT = 300
BELL = "\a"


@dataclass(frozen=True)
class Notification:
    """An event to announce. All texts are one line without control characters."""

    event: NotificationEvent
    run: str
    step: int
    text: str
    facts: Mapping[str, str]


class Notifier:
    """Announces the events of a run. `write` gets terminal sequences, `report_problem` a sentence."""

    def __init__(
        self, options: NotificationOptions, write: Callable[[str], None], report_problem: Callable[[str], None]
    ) -> None:
        self._options = options
        self._write = write
        self._report_problem = report_problem
        self._rescues = 0
        self._milestones = NewMilestones()
        self._verdict: object = None
        self._ended = False

    def look(self, snapshot: RunSnapshot, run_dir: Path | None) -> None:
        """Announce what is new since the last call."""
        state = snapshot.state
        resumed_at = last_resume_time(snapshot)

        def announce(event: NotificationEvent, step: int, text: str, **facts: str) -> None:
            self._announce(make_notification(event, snapshot, run_dir, step, text, facts))

        rescues = state.guard_events.events
        for rescue in rescues[self._rescues :]:
            if rescue.t > resumed_at:
                announce("rescue", rescue.step, rescue.text, CAUSE=rescue.cause, ACTION=rescue.action)
        self._rescues = len(rescues)
        for milestone in milestones_by_step(self._milestones.look(snapshot)):
            announce("milestone", milestone.step, milestone.text, MILESTONE=milestone.name)
        verdict = state.verdicts.last_until(snapshot.t)
        if verdict is None or verdict is self._verdict:
            return
        self._verdict = verdict
        if verdict.verdict in VERDICTS_NEEDING_ACTION and verdict.t > resumed_at:
            text = f"{verdict.verdict}: {verdict.why}"
            announce("verdict", verdict.step, text, VERDICT=verdict.verdict, NEXT=verdict.next_)

    def notify_end(self, snapshot: RunSnapshot, run_dir: Path | None, error: str | None) -> None:
        """Announce the end of the run, once."""
        if self._ended:
            return
        self._ended = True
        ended = snapshot.ended
        status = "failed" if error or ended is None else ended.status
        reason = error or (ended.reason if ended is not None else "it broke off")
        self._announce(
            make_notification("end", snapshot, run_dir, snapshot.step, f"{status}: {reason}", {"STATUS": status})
        )

    def _announce(self, notification: Notification) -> None:
        options, event = self._options, notification.event
        if (event == "end" and options.bell) or (event == "milestone" and options.milestones):
            self._write(BELL)
        if options.desktop and (event != "milestone" or options.milestones):
            self._write(desktop_sequence(notification))
        if options.command:
            run_event_command(options.command, notification, self._report_problem)


def make_notification(
    event: NotificationEvent,
    snapshot: RunSnapshot,
    run_dir: Path | None,
    step: int,
    text: str,
    facts: Mapping[str, str],
) -> Notification:
    """The notification of an event, with the variables for the command."""
    started, best = snapshot.started, snapshot.best_eval
    run = started.name if started is not None else "the run"
    newest = snapshot.state.evals.last_until(snapshot.t)
    everything = {
        "EVENT": event,
        "RUN": run,
        "RUN_ID": started.run_id if started is not None else "",
        "RUN_DIR": str(run_dir or ""),
        "STEP": str(step),
        "TOTAL_STEPS": str(snapshot.total_steps),
        "TEXT": text,
        "VAL_LOSS": "" if newest is None else f"{newest.val_loss:.6g}",
        "BEST_VAL_LOSS": "" if best is None else f"{best.val_loss:.6g}",
        **facts,
    }
    clean = {f"BABYTRAIN_{name}": safe_line(value, _MAX_NOTIFICATION_TEXT) for name, value in everything.items()}
    return Notification(event, safe_line(run, 60), step, safe_line(text, _MAX_NOTIFICATION_TEXT), clean)


def desktop_sequence(notification: Notification) -> str:
    """OSC 9, which iTerm2, kitty, WezTerm, Ghostty, ConEmu and Windows Terminal show as a notification."""
    return f"\x1b]9;babytrain {notification.run}: {notification.text}{BELL}"


def run_event_command(
    command: Sequence[str], notification: Notification, report_problem: Callable[[str], None]
) -> None:
    """Start the command; a thread waits for it and reports a failure."""
    arguments = [*command, notification.event, notification.run, str(notification.step), notification.text]
    try:
        process = subprocess.Popen(
            arguments,
            env={**os.environ, **notification.facts},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it may outlive this program
        )
    except OSError as error:
        report_problem(f"The command for events could not be started ({error.strerror or error}).")
        return

    def wait() -> None:
        if process.wait() != 0:
            report_problem(f"The command for events ended with code {process.returncode}.")

    threading.Thread(target=wait, name="on-event", daemon=True).start()
