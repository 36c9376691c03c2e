"""Errors that carry one sentence for each problem."""

from __future__ import annotations

from collections.abc import Sequence

from babytrain.runs.errors import ProblemsError

_MOST_PROBLEMS = 20


class EngineError(ProblemsError):
    """An error of the engine that the user can fix."""


class ConfigError(EngineError):
    """Settings that cannot be trained with."""


class CorpusError(EngineError):
    """A text that cannot be trained on; at most twenty problems are listed."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - _MOST_PROBLEMS
        super().__init__([*problems[:_MOST_PROBLEMS], *([f"And {more} more problems like these."] if more > 0 else [])])


class DeviceError(EngineError):
    """A device or a number format that does not work here."""

    def __init__(self, sentence: str) -> None:
        super().__init__([sentence])
