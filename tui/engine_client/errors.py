"""Failures of the engine as sentences, and the environment to set before torch is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from babytrain.runs.errors import ProblemsError, RunsError, error_reason

NO_TORCH = "PyTorch cannot be loaded ({}): install it with `pip install torch`."


class UsageError(ProblemsError):
    """A request that cannot be carried out."""


@contextmanager
def usage_errors(problem: str) -> Iterator[None]:
    """Load torch and turn exceptions raised inside into a UsageError with a sentence for each problem.

    `problem` begins the sentence of an unexpected exception, such as a MemoryError.
    """
    # Threads that spin while they wait are very slow when the screen needs a core; threads that sleep at once take
    # twice as long on an idle machine. So they spin for some microseconds. It must be set before torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    try:
        import babytrain.engine.sessions.start_and_resume  # noqa: F401 - loads torch
        from babytrain.engine.config.errors import EngineError
    except MemoryError as error:
        raise UsageError([failure_sentence("PyTorch cannot be loaded", error)]) from error
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
    """Why a run on disk cannot be read: the sentence of a RunsError, or `problem` and the exception."""
    return str(error) if isinstance(error, RunsError) else failure_sentence(problem, error)


def failure_sentence(problem: str, error: BaseException) -> str:
    """`problem` and its exception as one sentence; some exceptions, such as a MemoryError, have no text."""
    return f"{problem} ({error_reason(error)})."
