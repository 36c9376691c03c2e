"""Errors that carry one sentence for each problem a person can act on."""

from __future__ import annotations

from collections.abc import Sequence


class ConfigError(ValueError):
    """One or more things wrong with a configuration; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class CorpusError(ValueError):
    """One or more things wrong with a text to train on; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - _MOST_PROBLEMS
        self.problems = [*problems[:_MOST_PROBLEMS], *([f"And {more} more problems like these."] if more > 0 else [])]
        super().__init__("\n".join(self.problems))


_MOST_PROBLEMS = 20


class DeviceError(ValueError):
    """A device or a number format that does not work here, in one sentence."""


class EngineError(Exception):
    """Something a person can act on; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))
