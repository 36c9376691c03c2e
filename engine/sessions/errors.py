"""What ends a session before or while it trains: something a person can act on, or a defect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from babytrain.engine.checkpoints.format import CheckpointError
from babytrain.engine.checkpoints.lookup import CheckpointNotFound
from babytrain.engine.config.errors import ConfigError, CorpusError, DeviceError, EngineError
from babytrain.engine.training.finalize import error_sentence, write_crash_log
from babytrain.runs.errors import RunsError
from babytrain.runs.store.folder import RunFolder


@contextmanager
def engine_errors(folder: RunFolder | None = None) -> Iterator[None]:
    """Turn what a person can act on into an EngineError.

    Anything else is a defect: it passes, or with the `folder` of a run leaves its traceback there and becomes one too.
    """
    try:
        yield
    except EngineError:
        raise
    except (ConfigError, CorpusError) as error:
        raise EngineError(error.problems) from error
    except CheckpointNotFound as error:
        sentence = str(error)
        raise EngineError([f"{sentence[0].upper()}{sentence[1:]}."]) from error
    except (RunsError, CheckpointError, DeviceError) as error:
        raise EngineError([str(error)]) from error
    except Exception as error:
        if folder is None:
            raise
        raise EngineError([f"{error_sentence(error)}{write_crash_log(folder, error)}"]) from error
