"""What can be wrong with the settings, the text and the machine of a run."""

from __future__ import annotations

from collections.abc import Sequence

from babytrain.runs.errors import ProblemsError

_MOST_PROBLEMS = 20


class ConfigError(ProblemsError):
    """Settings that cannot be trained with."""


class CorpusError(ProblemsError):
    """A text that cannot be trained on; of many problems the first twenty are named."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - _MOST_PROBLEMS
        super().__init__([*problems[:_MOST_PROBLEMS], *([f"And {more} more problems like these."] if more > 0 else [])])


class DeviceError(ValueError):
    """A device or a number format that does not work here, in one sentence."""


class EngineError(ProblemsError):
    """A session that cannot begin, or had to end."""
