"""One thing the doctor found out about this machine."""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.engine.telemetry.gpu_backend import printable_line

_LONGEST = 2000


@dataclass(frozen=True)
class CheckResult:
    """`ok` is True for fine, False for something to put right, None for a fact that is neither.

    `what` says what is so, `why` what it means and what to do. Both are made harmless for a terminal here, because
    they quote paths, environment variables and driver texts.
    """

    topic: str
    ok: bool | None
    what: str
    why: str = "Nothing to do."

    def __post_init__(self) -> None:
        """Keep control characters of quoted text off the screen."""
        for name in ("topic", "what", "why"):
            object.__setattr__(self, name, printable_line(getattr(self, name), _LONGEST))
