"""Failures of the engine as sentences for a person, and what has to be set before torch is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from babytrain.runs.errors import ProblemsError, RunsError

NO_TORCH = "PyTorch cannot be loaded ({}): install it with `pip install torch`."


class UsageError(ProblemsError):
    """A request that cannot be carried out."""


@contextmanager
def usage_errors(problem: str) -> Iterator[None]:
    """Loads torch; whatever the engine raises inside leaves as a UsageError with one sentence a problem.

    `problem` begins the sentence of an exception that the engine does not foresee, such as a MemoryError.
    """
    # Threads that wait for each other by spinning crawl as soon as anything else wants a core, and the screen does;
    # threads that sleep at once take twice as long on a quiet machine. So they spin for some microseconds. The setting
    # counts only before torch loads its thread library.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    try:
        import babytrain.engine.sessions.start_and_resume  # noqa: F401 - loads torch, or says that it cannot be
        from babytrain.engine.config.errors import EngineError
    except (ImportError, OSError) as error:  # OSError: a shared library of torch is missing
        raise UsageError([NO_TORCH.format(error)]) from error
    try:
        yield
    except UsageError:
        raise
    except EngineError as error:
        raise UsageError(error.problems) from error
    except Exception as error:
        raise UsageError([read_problem(problem, error)]) from error


def read_problem(problem: str, error: BaseException) -> str:
    """Why a run on disk cannot be read: the sentence of a RunsError, or `problem` and an exception nobody foresaw."""
    return str(error) if isinstance(error, RunsError) else failure_sentence(problem, error)


def failure_sentence(problem: str, error: BaseException) -> str:
    """`problem` and the exception behind it as one sentence; a MemoryError, say, has no text of its own."""
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{problem} ({detail})."
