"""The plan of a new run, its folder with all files, and the first event of its journal."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from babytrain import __version__
from babytrain.engine.checkpoints.format import CheckpointError
from babytrain.engine.config.errors import EngineError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.data.window_order import EpochWindows
from babytrain.engine.sessions.fork_origin import ForkOrigin
from babytrain.engine.sessions.run_text import TOKENIZER_FROM, RunText, keep_text_of
from babytrain.engine.training.rerun_script import RerunScript
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.errors import RunsError
from babytrain.runs.events import SCHEMA_VERSION, Started
from babytrain.runs.store.folder import RunFolder, write_run_toml
from babytrain.runs.store.provenance import collect_provenance


@dataclass(frozen=True)
class NewRunPlan:
    """A new run. `paths` are texts as typed; without any it is the `text` of another run, or the built-in corpus."""

    config: Config
    runs_dir: Path
    paths: tuple[str, ...] = ()
    name: str | None = None
    argv: tuple[str, ...] = ()
    stdin: bytes | None = None  # the text behind the path `-`
    text: RunText | None = None
    origin: ForkOrigin | None = None  # of a fork
    rerun_of: str = ""  # the id of the run it repeats
    parent_text_sha256: str = ""  # of a fork with another text than its parent's
    script: RerunScript | None = None
    notes: tuple[str, ...] = ()  # for the log at the start


def fill_folder(
    folder: RunFolder, plan: NewRunPlan, state: TrainState, corpus: Corpus, origin: ForkOrigin | None, text: RunText
) -> str:
    """Write the files of a run folder. On a failure removes the folder and raises EngineError.

    Returns a sentence when the text is not kept, or "".
    """
    provenance = collect_provenance(plan.argv) | {
        "paths": [path if path == "-" else str(Path(path).absolute()) for path in text.paths],
        "text_name": corpus.name,
        "sha256": corpus.sha256,
        "program_version": __version__,
        "device": str(state.device),
    }
    if plan.rerun_of:
        provenance["rerun_of"] = plan.rerun_of
    if origin is not None:
        provenance |= origin.provenance()
        if text.tokenizer is not None:
            provenance[TOKENIZER_FROM] = origin.parent
    if plan.parent_text_sha256:
        provenance["parent_text_sha256"] = plan.parent_text_sha256
    try:
        write_run_toml(folder, state.config.to_dict(), provenance)
        folder.tokenizer_file.write_text(corpus.tokenizer.to_json(), encoding="utf-8")
        if origin is not None:
            origin.save_copy(folder)
        folder.journal.touch(mode=0o600)
        return keep_text_of(folder, corpus, state.config, text)
    except (OSError, RunsError, CheckpointError) as error:
        shutil.rmtree(folder.path, ignore_errors=True)  # just created, with nothing of value yet
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error).rstrip(".")
        raise EngineError([f"The run folder {folder.path} cannot be written: {reason}."]) from error


def started_event(folder: RunFolder, state: TrainState, corpus: Corpus, plan: NewRunPlan) -> Started:
    """The first event of a new run."""
    config, device = state.config, state.device
    windows_per_step = config.batch_size * config.accumulate
    windows = EpochWindows(len(corpus.train), config.context, config.seed).windows_per_epoch
    return Started(
        t=0.0,
        step=state.progress.step,
        schema=SCHEMA_VERSION,
        run_id=folder.run_id,
        name=plan.name or folder.name,
        wall_time=time.time(),
        config=config.to_dict(),
        corpus=corpus.facts,
        parameters=state.model.parameter_count,
        total_steps=state.dials.total_steps,
        steps_per_epoch=windows / windows_per_step,
        tokens_per_step=windows_per_step * config.context,
        device=str(device),
        device_name=torch.cuda.get_device_name(device) if device.type == "cuda" else "",
        precision=config.precision,
        threads=config.threads,
        compiled=config.compile == "on",
        program_version=__version__,
        parent=plan.origin.parent if plan.origin is not None else "",
        rerun_of=plan.rerun_of,
        parent_text_sha256=plan.parent_text_sha256,
    )
