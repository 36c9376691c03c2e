"""Errors that a person can act on."""

from __future__ import annotations

from collections.abc import Sequence


class RunsError(Exception):
    """Something about runs on disk that a person has to know: one sentence that says what to do."""


class ProblemsError(ValueError):
    """One or more things that a person can act on; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))
