"""What may go wrong with a run on disk, as an EngineError with one sentence a problem."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from babytrain.engine.checkpoints.format import CheckpointError
from babytrain.engine.checkpoints.lookup import CheckpointNotFound
from babytrain.engine.config.errors import ConfigError, CorpusError, DeviceError, EngineError
from babytrain.runs.errors import RunsError


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what a person can act on into an EngineError. Anything else is a defect and passes."""
    try:
        yield
    except (ConfigError, CorpusError) as error:
        raise EngineError(error.problems) from error
    except CheckpointNotFound as error:
        sentence = str(error)
        raise EngineError([f"{sentence[0].upper()}{sentence[1:]}."]) from error
    except (RunsError, CheckpointError, DeviceError) as error:
        raise EngineError([str(error)]) from error
