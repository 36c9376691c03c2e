"""One optimizer step: batch, forward, backward, clip, guard, update."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor

from babytrain.engine.config.settings import Config
from babytrain.engine.diagnosis.observation import settling_steps
from babytrain.engine.execution.forward_backward import Pass
from babytrain.engine.optim.update_alignment import alignment_interval
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.loss_reading import UNREAD, LossReader
from babytrain.engine.training.out_of_memory import BatchOutOfMemory
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.dials.learning_rate_schedule import learning_rate
from babytrain.runs.errors import is_out_of_memory
from babytrain.runs.events import Step

FOLLOWED_SHARE = 0.5  # of the undecayed learning rate


def train_step(
    state: TrainState, batches: Batches, forward_backward: Pass, losses: LossReader, now: Callable[[], float]
) -> float:
    """Make one step and add it to `losses`. Returns the share of its time that was spent on fetching batches.

    `now` returns seconds of running time. Raises BatchOutOfMemory; the step can be repeated with a smaller batch.
    """
    config, dials, progress, optimizer = state.config, state.dials, state.progress, state.optimizer
    began, fetch_seconds = time.perf_counter(), 0.0
    rate = learning_rate(config, dials, progress.step)
    optimizer.set_learning_rates(rate, config.muon_lr * rate / config.lr)

    optimizer.zero_grad()
    loss: Tensor | None = None
    try:
        for micro in range(dials.accumulate):
            fetch_began = time.perf_counter()
            inputs, targets = batches.next_batch(progress.windows_seen + micro * dials.batch_size, dials)
            fetch_seconds += time.perf_counter() - fetch_began
            seed = dropout_seed(config.seed, progress.step, micro) if dials.dropout > 0.0 else None
            micro_loss = forward_backward(inputs, targets, accumulate=dials.accumulate, seed=seed)
            loss = micro_loss if loss is None else loss + micro_loss
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise BatchOutOfMemory from error
        raise
    assert loss is not None
    if dials.accumulate > 1:
        loss = loss / dials.accumulate

    gradient_norm = optimizer.clip_gradient_norm(dials.clip)  # the norm before clipping
    optimizer.alignment.compare()
    allowed = losses.check(progress.step + 1, loss, gradient_norm)  # the guard decides before the update
    if allowed is not False:
        followed = is_followed(config, dials, progress.step, rate)
        if followed:
            optimizer.alignment.before_update()
        optimizer.step(only_if=None if allowed is True else allowed)
        if followed:
            optimizer.alignment.after_update()

    first_window = progress.windows_seen
    progress.step += 1
    progress.windows_seen += dials.windows_per_step
    progress.tokens += dials.windows_per_step * config.context
    seconds = time.perf_counter() - began
    progress.training_seconds += seconds
    event = Step(
        t=now(),
        step=progress.step,
        loss=UNREAD,
        learning_rate=rate,
        gradient_norm=UNREAD,
        tokens=progress.tokens,
        step_seconds=seconds,
    )
    losses.add(event, first_window, progress.windows_seen)
    return fetch_seconds / seconds


def is_followed(config: Config, dials: DialState, step: int, rate: float) -> bool:
    """Whether the update after `step` finished steps is compared with the gradient after it.

    Only from the settling steps on, and at an undecayed rate: others say nothing about that rate.
    """
    peak = dials.lr_hold or config.lr * dials.lr_scale
    settled = step >= settling_steps(config.warmup, dials.total_steps)
    return settled and rate >= FOLLOWED_SHARE * peak and step % alignment_interval(dials.total_steps) == 0


def dropout_seed(seed: int, step: int, micro: int) -> int:
    """A 63-bit seed for the dropout noise of one forward pass: a splitmix64 finaliser over the three numbers."""
    mask = (1 << 64) - 1
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + micro * 0x94D049BB133111EB) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return (value ^ (value >> 31)) >> 1
