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


def error_reason(error: BaseException) -> str:
    """Why an operation failed, as part of a sentence, without the name of the exception."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    text = str(error).strip().split("\n", 1)[0].rstrip(".")
    return text or "it gives no reason"
