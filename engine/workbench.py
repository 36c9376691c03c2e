"""Everything a training run works with, in one place, and the things done to it between steps.

`evaluate` and `save` are what the loop in `trainer.py` calls when they are due or asked for (`writing.py` has the
third). Each records what it did; none of them changes the weights or a random state the training depends on.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from babytrain.engine.checkpoint import CheckpointError, save_checkpoint
from babytrain.engine.config import Config
from babytrain.engine.corpus.build import Corpus
from babytrain.engine.diagnosis.observation import WindowLosses
from babytrain.engine.evaluation import evaluate_spread, evaluate_windows
from babytrain.engine.guard import Guard
from babytrain.engine.learned.examiner import Examiner
from babytrain.engine.model.gpt import GPT
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.progress import Progress
from babytrain.engine.recorder import Recorder
from babytrain.engine.restraint.housekeeper import Housekeeper
from babytrain.engine.script import Script
from babytrain.engine.watch_memory import WatchMemory, pack
from babytrain.runs.dials.state import DialState
from babytrain.runs.events import Checkpoint, Eval, Phase, PhaseName, Storage
from babytrain.runs.feed import LiveFeed
from babytrain.runs.folder import RunFolder
from babytrain.runs.paused_time import HELD_PHASES

TRAIN_EVALUATION_WINDOWS = 128

CheckpointReason = Literal["cadence", "best", "asked", "end"]


@dataclass
class Workbench:
    """A run in the making. `train` and `val` are the splits [N] on the device, int32 to halve a large corpus."""

    config: Config
    corpus: Corpus
    model: GPT
    optimizer: Optimizer
    recorder: Recorder
    feed: LiveFeed
    folder: RunFolder
    device: torch.device
    dials: DialState
    progress: Progress
    housekeeper: Housekeeper
    examiner: Examiner
    train: Tensor = field(init=False)
    val: Tensor = field(init=False)
    evaluated_step: int = -1
    saved_step: int = -1
    failed_step: int = -1  # at which a checkpoint was last tried in vain
    failing_since_step: int | None = None  # at which the first of those was that failed since one was written
    phase: PhaseName = "loading"
    waiting_share: float = 0.0  # of the step time of late, spent on fetching the next windows
    evaluations: list[Eval] = field(default_factory=list)  # so far, oldest first
    watched: WatchMemory = field(default_factory=WatchMemory)  # what the diagnosis goes on from
    guard: Guard = field(init=False)
    script: Script | None = None  # of a run that repeats another one
    begun_step: int = 0  # where the run's own steps begin: a fork's do not at 0
    held_seconds: float = 0.0  # of running time, in pauses and rests that are over
    held_since: float | None = None  # when the present one began

    def __post_init__(self) -> None:
        self.train = torch.from_numpy(self.corpus.train.astype(np.int32)).to(self.device)
        self.val = torch.from_numpy(self.corpus.val.astype(np.int32)).to(self.device)
        if self.progress.step:
            self.saved_step = self.progress.step
        self.recorder.step = self.progress.step
        config = self.config
        self.guard = Guard(
            config.guard,  # type: ignore[arg-type]  # one of the choices of this setting
            patience=config.guard_patience,
            rescues=config.rescues,
            warmup_steps=config.warmup,
        )
        self.apply_dials()

    def apply_dials(self) -> None:
        """Tell the optimizer and the model where the dials stand that they keep themselves."""
        dials = self.dials
        self.optimizer.weight_decay = dials.weight_decay
        self.optimizer.betas = (dials.beta1, dials.beta2_in_use)
        if self.model.dropout != dials.dropout:
            self.model.set_dropout(dials.dropout)
        if self.model.label_smoothing != dials.label_smoothing:
            self.model.set_label_smoothing(dials.label_smoothing)

    def enter(self, phase: PhaseName) -> None:
        """Say what the engine does from now on."""
        if phase == self.phase:
            return
        now = self.recorder.now()
        if self.held_since is not None:
            self.held_seconds += now - self.held_since
        self.phase, self.held_since = phase, now if phase in HELD_PHASES else None
        self.recorder.emit(Phase(t=now, step=self.progress.step, phase=phase))

    def working_seconds(self) -> float:
        """Running time of the run so far without pauses and rests."""
        now = self.recorder.now()
        return now - self.held_seconds - (now - self.held_since if self.held_since is not None else 0.0)


def evaluate(bench: Workbench) -> bool:
    """Measure both losses; a best one is checkpointed at once. False when a stop cut it short."""
    bench.enter("evaluating")
    began = time.perf_counter()
    stop, context = bench.feed.stop_requested.is_set, bench.config.context
    val = evaluate_windows(bench.model, bench.val, context, should_stop=stop)
    if val is None:
        return False
    val_loss = val.mean
    train_loss = evaluate_spread(bench.model, bench.train, context, TRAIN_EVALUATION_WINDOWS, should_stop=stop)
    if train_loss is None:
        return False
    progress = bench.progress
    best = math.isfinite(val_loss) and (progress.best_val_loss is None or val_loss < progress.best_val_loss)
    progress.val_loss, progress.val_step = val_loss, progress.step
    if best:
        progress.best_val_loss, progress.best_step = val_loss, progress.step
    bench.evaluated_step = progress.step
    bench.watched = bench.watched.with_windows(WindowLosses(progress.step, val.by_window), best=best)
    evaluation = Eval(
        t=bench.recorder.now(),
        step=progress.step,
        val_loss=val_loss,
        train_loss=train_loss,
        seconds=time.perf_counter() - began,
        best=best,
    )
    bench.evaluations.append(evaluation)
    bench.recorder.emit(evaluation)
    bench.examiner.evaluated(evaluation, val.guesses)
    if best and progress.step > 0:
        save(bench, "best")
    return True


def save(bench: Workbench, reason: CheckpointReason, name: str = "") -> str | None:
    """Write a checkpoint, with a name if it has one; a disk that refuses costs a line in the log, never the run.

    Returns why it could not be written, None when all went well.
    """
    progress = bench.progress
    if bench.saved_step == progress.step and reason in ("cadence", "end"):
        return None
    if bench.failed_step == progress.step and reason == "cadence":
        return None  # as the best so far it has just been tried
    bench.enter("saving")
    began = time.perf_counter()
    try:
        path = save_checkpoint(
            bench.folder.checkpoints,
            progress.step,
            bench.model.state_dict(),
            bench.optimizer.tensors(),
            _trainer_state(bench),
            best=progress.best_step == progress.step,
            keep=bench.config.keep,
            name=name,
        )
    except CheckpointError as error:
        _tell_failure(bench, error, last=reason == "end")
        return str(error)
    bench.saved_step = progress.step
    if bench.failing_since_step is not None:
        bench.failing_since_step = None
        bench.recorder.emit(Storage(t=bench.recorder.now(), step=progress.step, what="checkpoints", failing=False))
        bench.recorder.note("Checkpoints can be written again.")
    bench.recorder.emit(
        Checkpoint(
            t=bench.recorder.now(),
            step=progress.step,
            directory=f"checkpoints/{path.name}",
            reason=reason,
            seconds=time.perf_counter() - began,
            val_loss=progress.val_loss if progress.val_step == progress.step else None,
            name=name,
        )
    )
    return None


def _tell_failure(bench: Workbench, error: CheckpointError, *, last: bool) -> None:
    """Say once a step that a checkpoint could not be written, and since when none can."""
    step, since = bench.progress.step, bench.failing_since_step
    if bench.failed_step == step:
        return
    bench.failed_step = step
    if since is None:
        bench.failing_since_step = step
        bench.recorder.emit(
            Storage(t=bench.recorder.now(), step=step, what="checkpoints", failing=True, reason=error.reason)
        )
    told = "" if since in (None, step) else f"None could be since step {since:,}. "
    goes_on = "The" if last else "Training goes on; the"
    bench.recorder.note(f"{error} {told}{goes_on} newest good checkpoint stays.", "error")


def _trainer_state(bench: Workbench) -> dict[str, Any]:
    return {
        "format": 1,
        **vars(bench.progress),
        "t": bench.recorder.now(),
        **bench.dials.saved(),
        "guard": bench.guard.state(),
        "watch": pack(bench.watched),
        "optimizer": bench.optimizer.scalars(),
    }
