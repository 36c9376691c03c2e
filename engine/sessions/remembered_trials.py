"""What a trial chose on this machine, so that the same command with the same seed computes the same numbers again.

A timing trial may end differently each time, and the number format and the threads change the result. The file is
`trials.json` in the user's state folder, or the one that `BABYTRAIN_TRIALS` names; without it the trials run again. One
that cannot be read counts as absent, and its content is only used where it names one of the candidates.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs
import torch

from babytrain.engine.config.settings import Config, ModelSettings, Precision
from babytrain.engine.model.cpu.matmul_backend import MatmulBackend
from babytrain.runs.errors import error_reason
from babytrain.runs.files.atomic_write import write_atomically
from babytrain.runs.files.home_folder import expand_home
from babytrain.runs.files.regular_files import read_regular_file
from babytrain.runs.store.provenance import cpu_model

TRIALS_VARIABLE = "BABYTRAIN_TRIALS"
MOST_CHOICES = 500  # then the oldest is forgotten


class RememberedChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The result of a trial of threads, number formats and matrix libraries, and the time of a step with it."""

    threads: Annotated[int, msgspec.Meta(ge=1, le=65_536)]
    precision: Precision
    matmul_backend: MatmulBackend
    step_milliseconds: Annotated[float, msgspec.Meta(gt=0, le=1e9)]


_Choices = dict[str, RememberedChoice]


def trials_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the choices are kept."""
    named = environ.get(TRIALS_VARIABLE, "").strip()
    return expand_home(named) if named else platformdirs.user_state_path("babytrain") / "trials.json"


def choice_key(config: Config, vocabulary_size: int, candidates: Sequence[Any]) -> str:
    """A key of all that decides a trial on the processor: the machine, torch, the candidates, and the model's shape."""
    model = {field.name: getattr(config, field.name) for field in dataclasses.fields(ModelSettings)}
    decides = [
        cpu_model(),
        str(torch.__version__),
        [str(candidate) for candidate in candidates],
        vocabulary_size,
        config.batch_size,
        config.optimizer,
        model,
    ]
    return hashlib.sha256(msgspec.json.encode(decides)).hexdigest()[:32]


def recall(path: Path, key: str) -> tuple[RememberedChoice | None, str]:
    """The remembered choice, and why the file cannot be read, or ""."""
    choices, problem = _read(path)
    return choices.get(key), problem


def remember(path: Path, key: str, choice: RememberedChoice) -> str:
    """Add a choice to the file. Returns why that failed, or ""."""
    choices, problem = _read(path)
    if problem:
        return problem
    choices.pop(key, None)
    kept = dict([*choices.items(), (key, choice)][-MOST_CHOICES:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.encode(kept))
    except OSError as error:
        return error_reason(error)
    return ""


def _read(path: Path) -> tuple[_Choices, str]:
    try:
        return msgspec.json.decode(read_regular_file(path), type=_Choices), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, RecursionError) as error:
        return {}, error_reason(error)
