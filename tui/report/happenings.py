"""What happened in a run, in order: what people asked for, what the guard did, what was said and reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from babytrain.runs.events import Checkpoint
from babytrain.runs.state import Moment
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.wording import describe_command, format_clock

MOST_HAPPENINGS = 600


@dataclass(frozen=True)
class Happening:
    """One line: when, of what kind, and what. `minor` ones are the first to be left out of a long list."""

    t: float
    step: int
    kind: str
    what: str
    minor: bool = False

    @property
    def clock(self) -> str:
        """The running time as a clock shows it."""
        return format_clock(self.t)


def happenings(moment: Moment) -> tuple[list[Happening], int]:
    """What happened, oldest first, and how many lines were left out because there are too many."""
    found = sorted(_all(moment), key=lambda one: one.t)
    if len(found) <= MOST_HAPPENINGS:
        return found, 0
    kept = [one for one in found if not one.minor]
    if len(kept) > MOST_HAPPENINGS:
        half = MOST_HAPPENINGS // 2
        kept = kept[:half] + kept[-half:]
    return kept, len(found) - len(kept)


def _all(moment: Moment) -> Iterator[Happening]:
    state, t = moment.state, moment.t
    for command in moment.commands:
        what = describe_command(command.action, command.value, command.text, GLYPHS["braille"], command.dial)
        refused = f" (refused: {command.reason})" if command.status == "refused" else ""
        yield Happening(command.t, command.step, "command", what + refused)
    for rescue in moment.rescues:
        yield Happening(rescue.t, rescue.step, f"rescue: {rescue.deed}", rescue.text)
    for verdict in state.verdicts.until(t):
        yield Happening(verdict.t, verdict.step, f"diagnosis: {verdict.verdict}", f"{verdict.why} {verdict.next_}")
    for milestone in moment.milestones:
        yield Happening(milestone.t, milestone.step, "milestone", milestone.text)
    for restraint in moment.restraints:
        yield Happening(restraint.t, restraint.step, f"{restraint.cause}: {restraint.deed}", restraint.text)
    for resumed in state.resumes.until(t):
        what = f"from {resumed.checkpoint}" + (f": {resumed.reason}" if resumed.reason else "")
        yield Happening(resumed.t, resumed.step, "went back" if resumed.within else "resumed", what)
    for checkpoint in moment.checkpoints:
        yield Happening(checkpoint.t, checkpoint.step, "checkpoint", _saved(checkpoint), minor=True)
    for note in state.notes.until(t):
        yield Happening(note.t, note.step, note.level, note.text, minor=note.level == "info")
    for ended in state.endings.until(t):
        yield Happening(ended.t, ended.step, ended.status, ended.reason)


def _saved(checkpoint: Checkpoint) -> str:
    named = f"{checkpoint.name}, " if checkpoint.name else ""
    loss = "" if checkpoint.val_loss is None else f", validation loss {checkpoint.val_loss:.4f}"
    return f"{named}{checkpoint.directory} ({checkpoint.reason}{loss})"
