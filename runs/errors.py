"""Errors whose messages are sentences that say what to do."""

from __future__ import annotations

from collections.abc import Sequence


class RunsError(Exception):
    """A run on disk cannot be used; the message is one sentence that says what to do."""


class ProblemsError(ValueError):
    """One or more problems; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))
