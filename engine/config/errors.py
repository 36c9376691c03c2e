"""Errors that carry one sentence for each problem a person can act on."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_PROBLEMS = 20


class EngineError(Exception):
    """Something a person can act on; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class ConfigError(EngineError, ValueError):
    """One or more things wrong with a configuration."""


class CorpusError(EngineError, ValueError):
    """One or more things wrong with a text to train on."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - _MOST_PROBLEMS
        super().__init__([*problems[:_MOST_PROBLEMS], *([f"And {more} more problems like these."] if more > 0 else [])])


class DeviceError(EngineError, ValueError):
    """A device or a number format that does not work here."""

    def __init__(self, sentence: str) -> None:
        super().__init__([sentence])
