"""The first line of a journal: everything needed to understand the rest."""

from __future__ import annotations

import time

import torch

from babytrain import __version__
from babytrain.engine.beginning import Beginning
from babytrain.engine.corpus.windows import EpochWindows
from babytrain.engine.prepare import Prepared
from babytrain.runs.events import SCHEMA_VERSION, Started
from babytrain.runs.folder import RunFolder


def started(folder: RunFolder, prepared: Prepared, begun: Beginning | None, *, name: str, rerun_of: str) -> Started:
    """The event of a run that begins now, with `begun` if it begins with a checkpoint of another one."""
    config, corpus = prepared.config, prepared.corpus
    windows_per_step = config.batch_size * config.accumulate
    windows = EpochWindows(len(corpus.train), config.context, config.seed).windows_per_epoch
    return Started(
        t=0.0,
        step=begun.progress.step if begun is not None else 0,
        schema=SCHEMA_VERSION,
        run_id=folder.run_id,
        name=name,
        wall_time=time.time(),
        config=config.to_dict(),
        corpus=corpus.facts,
        parameters=prepared.model.parameter_count,
        total_steps=begun.dials.total_steps if begun is not None else config.steps,
        steps_per_epoch=windows / windows_per_step,
        tokens_per_step=windows_per_step * config.context,
        device=str(prepared.device),
        device_name=torch.cuda.get_device_name(prepared.device) if prepared.device.type == "cuda" else "",
        precision=config.precision,
        threads=config.threads,
        compiled=config.compile == "on",
        program_version=__version__,
        parent=begun.parent if begun is not None else "",
        rerun_of=rerun_of,
    )
