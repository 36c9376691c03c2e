"""Recognises that memory ran out, and halves the batch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from babytrain.engine.execution.memory_estimate import batch_that_fits, model_bytes
from babytrain.engine.execution.memory_limits import free_memory_bytes, release_freed_memory
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.recovery import TrainingStopped
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.events import GuardEvent, Request


class BatchOutOfMemory(Exception):
    """The forward and backward pass of a batch ran out of memory. Nothing was updated."""


def halve_batch(state: TrainState, recorder: Recorder, apply: Callable[[Request], None]) -> None:
    """Reduce the batch size and raise `accumulate` by the same factor: the same windows and mean in less memory.

    `apply` applies a command and records it. Raises TrainingStopped when there is nothing left to halve.
    """
    state.optimizer.zero_grad()
    if state.device.type == "cuda":
        torch.cuda.empty_cache()
    else:
        release_freed_memory()
    dials = state.dials
    # The largest divisor that is at most half: the windows of a step stay the same.
    smaller = next((size for size in range(dials.batch_size // 2, 0, -1) if dials.batch_size % size == 0), 0)
    if not smaller:
        raise TrainingStopped(
            "The machine ran out of memory with a single window in a batch: try a smaller context or width."
        )
    accumulate = dials.accumulate * (dials.batch_size // smaller)
    # The smaller batch first, so that the product is never larger in between.
    apply(Request(command_id=0, action="set", dial="batch_size", value=float(smaller)))
    apply(Request(command_id=0, action="set", dial="accumulate", value=float(accumulate)))
    recorder.emit(
        GuardEvent(
            t=recorder.now(),
            step=state.progress.step,
            cause="out of memory",
            action="halved the batch",
            text=f"The memory did not suffice for {dials.batch_size} windows at once: now {smaller} at a time, "
            f"{accumulate} times a step. A step still sees the same windows.",
        )
    )


def halve_until_it_fits(state: TrainState, recorder: Recorder, apply: Callable[[Request], None]) -> None:
    """Halve a batch that the memory of the machine cannot hold; a graphics card refuses it in time by itself."""
    if state.device.type != "cpu":
        return
    batch_size, vocabulary_size = state.dials.batch_size, state.model.vocabulary_size
    # A checkpoint, half of what the model takes, is mapped into the memory when it is read back.
    free = free_memory_bytes() - model_bytes(state.config, vocabulary_size) // 2
    fitting = batch_that_fits(state.config, vocabulary_size, batch_size, free)
    while state.dials.batch_size > fitting:
        halve_batch(state, recorder, apply)
