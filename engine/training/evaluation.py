"""Validation loss without sampling noise: fixed windows over the whole split, every token predicted exactly once.

The training loss is measured in evaluation mode too, on fixed windows spread evenly: otherwise the two do not compare.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from babytrain.engine.analysis.letters import PredictionCounter, PredictionCounts
from babytrain.engine.data.window_order import evaluation_windows
from babytrain.engine.diagnosis.observation import WindowLosses
from babytrain.engine.model.gpt import GPT
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.errors import is_out_of_memory
from babytrain.runs.events import Eval

TOKENS_PER_BATCH = 8192  # enough to fill the cores, small enough to stay in cache
TRAIN_EVALUATION_WINDOWS = 128


@dataclass(frozen=True)
class SplitLosses:
    """Losses in nats per token: the mean over all tokens, and of every window [windows] fp32 in text order."""

    mean: float
    by_window: npt.NDArray[np.float32]
    predictions: PredictionCounts


def evaluate_windows(
    model: GPT, tokens: Tensor, context: int, *, should_stop: Callable[[], bool] | None = None
) -> SplitLosses | None:
    """Losses over every token of `tokens` [N] but the first, and how often each was predicted, or None if stopped."""
    starts, last_length = evaluation_windows(len(tokens), context)
    lengths = np.full(len(starts), context)
    lengths[-1] = last_length
    by_window: list[Tensor] = []
    counter = PredictionCounter(model.vocabulary_size, tokens.device)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        losses, predictions = model.window_losses(inputs, targets)
        by_window.append(losses)
        counter.add(targets, predictions)
        return losses.mean()

    mean = _mean_loss(model, loss, tokens, starts, lengths, should_stop)
    return None if mean is None else SplitLosses(mean, torch.cat(by_window).cpu().numpy(), counter.counts())


def evaluate_spread(
    model: GPT, tokens: Tensor, context: int, windows: int, *, should_stop: Callable[[], bool] | None = None
) -> float | None:
    """Mean loss over at most `windows` fixed full windows, evenly spread over `tokens`; None if stopped."""
    last_start = len(tokens) - context - 1
    starts = np.unique(np.linspace(0, max(0, last_start), max(1, windows)).astype(np.int64))
    lengths = np.full(len(starts), min(context, len(tokens) - 1))
    return _mean_loss(model, model.loss, tokens, starts, lengths, should_stop)


@torch.inference_mode()
def _mean_loss(
    model: GPT,
    batch_loss: Callable[[Tensor, Tensor], Tensor],
    tokens: Tensor,
    starts: np.ndarray,
    lengths: np.ndarray,
    should_stop: Callable[[], bool] | None,
) -> float | None:
    """Mean over all windows, longest first; `batch_loss` is the mean loss of [B, T]. Halves B when memory runs out."""
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    batch = max(1, TOKENS_PER_BATCH // int(lengths.max()))
    try:
        for length in np.unique(lengths)[::-1]:
            chosen = torch.from_numpy(starts[lengths == length]).to(tokens.device)
            offsets = torch.arange(int(length) + 1, device=tokens.device)
            first = 0
            while first < len(chosen):
                if should_stop is not None and should_stop():
                    return None
                try:
                    windows = tokens[chosen[first : first + batch, None] + offsets].long()
                    loss = batch_loss(windows[:, :-1], windows[:, 1:])
                except (MemoryError, RuntimeError) as error:
                    if batch == 1 or not is_out_of_memory(error):
                        raise
                    batch //= 2
                    continue
                first += batch
                predicted = windows.shape[0] * int(length)
                total += float(loss) * predicted
                count += predicted
    finally:
        model.train(was_training)
    return total / max(1, count)


class Evaluator:
    """Evaluates a run on the splits `train` and `val` ([N], on the device) and saves the best model."""

    def __init__(
        self,
        state: TrainState,
        recorder: Recorder,
        checkpoints: CheckpointWriter,
        train: Tensor,
        val: Tensor,
        on_evaluated: Callable[[Eval, PredictionCounts], None],
    ) -> None:
        self._state, self._recorder, self._checkpoints = state, recorder, checkpoints
        self._train, self._val = train, val
        self._on_evaluated = on_evaluated

    def is_owed(self) -> bool:
        """Whether the run was not evaluated yet, or was stopped during an evaluation that was due at this step."""
        progress = self._state.progress
        if progress.val_loss is None:
            return True
        return progress.step % self._state.dials.eval_every == 0 and progress.val_step != progress.step

    def evaluate(self) -> Eval | None:
        """Measure and record both losses; None when a stop interrupted it."""
        state, recorder = self._state, self._recorder
        recorder.enter("evaluating")
        began = time.perf_counter()
        stop, context = recorder.is_stopping, state.config.context
        val = evaluate_windows(state.model, self._val, context, should_stop=stop)
        if val is None:
            return None
        train_loss = evaluate_spread(state.model, self._train, context, TRAIN_EVALUATION_WINDOWS, should_stop=stop)
        if train_loss is None:
            return None
        progress, val_loss = state.progress, val.mean
        best = math.isfinite(val_loss) and (progress.best_val_loss is None or val_loss < progress.best_val_loss)
        progress.val_loss, progress.val_step = val_loss, progress.step
        if best:
            progress.best_val_loss, progress.best_step = val_loss, progress.step
        state.diagnosis = state.diagnosis.with_windows(WindowLosses(progress.step, val.by_window), best=best)
        evaluation = Eval(
            t=recorder.now(),
            step=progress.step,
            val_loss=val_loss,
            train_loss=train_loss,
            seconds=time.perf_counter() - began,
            best=best,
        )
        state.evaluations.append(evaluation)
        recorder.emit(evaluation)
        self._on_evaluated(evaluation, val.predictions)
        if best:  # before the first step too: a run may diverge from its start
            self._checkpoints.save("best")
        return evaluation
