"""Telling somebody who does not look: a bell, a desktop notification, a command of their own.

Told are the end of a run, a rescue, a milestone, and a diagnosis that calls for a person. The bell rings at the end
only, and at milestones if that is asked for. Choices:

- The command is split as a shell would split it and run without one: nothing in a run's texts can become a command.
  It gets what happened as arguments after its own (event, run, step, sentence) and as `BABYTRAIN_...` variables.
- Texts are made harmless first: no control character reaches a terminal or a program.
- What happened before this session began (the past of a resumed run) is no news.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from babytrain.runs.state import Moment
from babytrain.tui.milestones import MilestoneNews, past_of
from babytrain.tui.notice_wishes import NoticeWishes
from babytrain.tui.safe_text import safe_line
from babytrain.tui.verdict_words import NEEDS_A_PERSON

EventName: TypeAlias = Literal["end", "rescue", "verdict", "milestone"]
LONGEST_TEXT = 300
BELL = "\a"


@dataclass(frozen=True)
class Occasion:
    """Something worth telling. All texts are one line without control characters."""

    event: EventName
    run: str
    step: int
    text: str
    facts: Mapping[str, str]


class Notifier:
    """Watches one run. `write` puts characters on the terminal, `complain` tells a person what went wrong."""

    def __init__(self, wishes: NoticeWishes, write: Callable[[str], None], complain: Callable[[str], None]) -> None:
        self._wishes = wishes
        self._write = write
        self._complain = complain
        self._rescues = 0
        self._milestones = MilestoneNews()
        self._verdict: object = None
        self._ended = False

    def look(self, moment: Moment, run_dir: Path | None) -> None:
        """Tell what is new since the last look."""
        state = moment.state
        past = past_of(moment)
        rescues = state.rescues.events
        for rescue in rescues[self._rescues :]:
            if rescue.t > past:
                done = {"CAUSE": rescue.cause, "DEED": rescue.deed}
                self._tell(occasion("rescue", moment, run_dir, rescue.step, rescue.text, done))
        self._rescues = len(rescues)
        for milestone in self._milestones.look(moment):
            name = {"MILESTONE": milestone.name}
            self._tell(occasion("milestone", moment, run_dir, milestone.step, milestone.text, name))
        verdict = moment.state.verdicts.last_until(moment.t)
        if verdict is None or verdict is self._verdict:
            return
        self._verdict = verdict
        if verdict.verdict in NEEDS_A_PERSON and verdict.t > past:
            facts = {"VERDICT": verdict.verdict, "NEXT": verdict.next_}
            text = f"{verdict.verdict}: {verdict.why}"
            self._tell(occasion("verdict", moment, run_dir, verdict.step, text, facts))

    def tell_end(self, moment: Moment, run_dir: Path | None, error: str | None) -> None:
        """The run is over, one way or another. Told once."""
        if self._ended:
            return
        self._ended = True
        ended = moment.ended
        status = "failed" if error or ended is None else ended.status
        reason = error or (ended.reason if ended is not None else "it broke off")
        self._tell(occasion("end", moment, run_dir, moment.step, f"{status}: {reason}", {"STATUS": status}))

    def _tell(self, occasion: Occasion) -> None:
        asked = occasion.event != "milestone" or self._wishes.milestones
        if (occasion.event == "end" and self._wishes.bell) or (occasion.event == "milestone" and asked):
            self._write(BELL)
        if self._wishes.desktop and asked:
            self._write(desktop_sequence(occasion))
        if self._wishes.command:
            run_command(self._wishes.command, occasion, self._complain)


def occasion(
    event: EventName, moment: Moment, run_dir: Path | None, step: int, text: str, facts: Mapping[str, str]
) -> Occasion:
    """What a person, or a program, is told about an event."""
    started, best = moment.started, moment.best_eval
    run = started.name if started is not None else "the run"
    newest = moment.state.evals.last_until(moment.t)
    everything = {
        "EVENT": event,
        "RUN": run,
        "RUN_ID": started.run_id if started is not None else "",
        "RUN_DIR": str(run_dir or ""),
        "STEP": str(step),
        "TOTAL_STEPS": str(moment.total_steps),
        "TEXT": text,
        "VAL_LOSS": "" if newest is None else f"{newest.val_loss:.6g}",
        "BEST_VAL_LOSS": "" if best is None else f"{best.val_loss:.6g}",
        **facts,
    }
    clean = {f"BABYTRAIN_{name}": safe_line(value, LONGEST_TEXT) for name, value in everything.items()}
    return Occasion(event, safe_line(run, 60), step, safe_line(text, LONGEST_TEXT), clean)


def desktop_sequence(occasion: Occasion) -> str:
    """OSC 9, which iTerm2, kitty, WezTerm, Ghostty, ConEmu and Windows Terminal show as a notification."""
    return f"\x1b]9;babytrain {occasion.run}: {occasion.text}{BELL}"


def run_command(command: Sequence[str], occasion: Occasion, complain: Callable[[str], None]) -> None:
    """Start the person's command and let it be; a thread waits for it and tells if it failed."""
    arguments = [*command, occasion.event, occasion.run, str(occasion.step), occasion.text]
    try:
        process = subprocess.Popen(
            arguments,
            env={**os.environ, **occasion.facts},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # the end of this program is not its end
        )
    except OSError as error:
        complain(f"The command for events could not be started ({error.strerror or error}).")
        return

    def wait() -> None:
        if process.wait() != 0:
            complain(f"The command for events ended with code {process.returncode}.")

    threading.Thread(target=wait, name="on-event", daemon=True).start()
