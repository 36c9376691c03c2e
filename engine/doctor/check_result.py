"""The result of one check of the doctor."""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.engine.telemetry.gpu_backend import printable_line

_LONGEST = 2000


@dataclass(frozen=True)
class CheckResult:
    """`ok` is True for fine, False for something to fix, None for neither.

    `what` is the finding, `why` what it means and what to do; both may quote paths, variables and driver texts.
    """

    topic: str
    ok: bool | None
    what: str
    why: str = "Nothing to do."

    def __post_init__(self) -> None:
        """Replace control characters of quoted text."""
        for name in ("topic", "what", "why"):
            object.__setattr__(self, name, printable_line(getattr(self, name), _LONGEST))
