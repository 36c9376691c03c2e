"""What a run does when it repeats another one: which command is due when, and where the session ends."""

from __future__ import annotations

from typing import Protocol

from babytrain.runs.events import AnyEvent, Request


class Script(Protocol):
    """Asked at every step boundary. `step` is the number of finished steps."""

    @property
    def finished(self) -> bool:
        """Whether the session ends because its plan is done, and not because somebody stopped it."""

    def next_due(self, step: int) -> Request | None:
        """The next command if it belongs here, taken off the list; None when there is none."""

    def over(self, step: int) -> bool:
        """Whether the session ends here."""

    def hear(self, event: AnyEvent) -> None:
        """What the run just said: every step and every event, in order."""
