"""How a person wants to be told what happens to a run while nobody looks; `notice.py` does the telling."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass


@dataclass(frozen=True)
class NoticeWishes:
    """`bell` rings at the end; `milestones` rings, and notifies the desktop, at milestones as well; `command` is an
    argument vector, empty: none."""

    bell: bool = True
    desktop: bool = False
    milestones: bool = False
    command: tuple[str, ...] = ()


def parse_command(typed: str) -> tuple[str, ...]:
    """A command line as arguments. Raises ValueError with a sentence when it cannot be run."""
    try:
        words = shlex.split(typed)
    except ValueError as error:
        raise ValueError(f"--on-event cannot be read as a command ({error}): {typed}") from error
    if not words:
        raise ValueError("--on-event needs a command, such as notify-send.")
    if shutil.which(words[0]) is None:
        raise ValueError(f"--on-event: there is no program {words[0]!r}.")
    return tuple(words)
