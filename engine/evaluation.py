"""Validation loss without sampling noise: fixed windows over the whole split, every token predicted exactly once.

The loss on the training split is measured the same way, in evaluation mode, on as many fixed windows spread evenly
over it: only then does the gap between the two mean something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from babytrain.engine.corpus.windows import evaluation_windows
from babytrain.engine.letters import GuessCounts, GuessTally
from babytrain.engine.model.gpt import GPT
from babytrain.engine.out_of_memory import is_out_of_memory


@dataclass(frozen=True)
class SplitLosses:
    """Losses in nats per token: the mean of all tokens, and of every window [windows] fp32 in order of the text."""

    mean: float
    by_window: npt.NDArray[np.float32]
    guesses: GuessCounts


TOKENS_PER_BATCH = 8192  # enough to fill the cores, small enough to stay in cache


def evaluate_windows(
    model: GPT, tokens: Tensor, context: int, *, should_stop: Callable[[], bool] | None = None
) -> SplitLosses | None:
    """Losses over every token of `tokens` [N] but the first, and how often each was guessed right.

    None when told to stop half-way.
    """
    starts, last_length = evaluation_windows(len(tokens), context)
    lengths = np.full(len(starts), context)
    lengths[-1] = last_length
    by_window: list[Tensor] = []
    tally = GuessTally(model.vocabulary_size, tokens.device)

    def look(targets: Tensor, losses: Tensor, guesses: Tensor) -> None:
        by_window.append(losses)
        tally.add(targets, guesses)

    mean = _mean_loss(model, tokens, starts, lengths, context, should_stop, look)
    return None if mean is None else SplitLosses(mean, torch.cat(by_window).cpu().numpy(), tally.counts())


def evaluate_spread(
    model: GPT, tokens: Tensor, context: int, windows: int, *, should_stop: Callable[[], bool] | None = None
) -> float | None:
    """Mean loss over at most `windows` fixed full windows, evenly spread over `tokens`; None when told to stop."""
    last_start = len(tokens) - context - 1
    starts = np.unique(np.linspace(0, max(0, last_start), max(1, windows)).astype(np.int64))
    length = min(context, len(tokens) - 1)
    return _mean_loss(model, tokens, starts, np.full(len(starts), length), context, should_stop)


@torch.inference_mode()
def _mean_loss(
    model: GPT,
    tokens: Tensor,
    starts: np.ndarray,
    lengths: np.ndarray,
    context: int,
    should_stop: Callable[[], bool] | None,
    look: Callable[[Tensor, Tensor, Tensor], None] | None = None,
) -> float | None:
    """The longest windows first; `look` gets the targets [B, T], losses [B] and guesses [B, T] of each batch.

    Where the memory does not suffice for so many windows at once, half as many are tried.
    """
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    batch = max(1, TOKENS_PER_BATCH // context)
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
                    loss = _batch_loss(model, windows, look)
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


def _batch_loss(model: GPT, windows: Tensor, look: Callable[[Tensor, Tensor, Tensor], None] | None) -> Tensor:
    """Mean loss of windows [B, T + 1], a scalar."""
    inputs, targets = windows[:, :-1], windows[:, 1:]
    if look is None:
        return model.loss(inputs, targets)
    losses, guesses = model.window_losses(inputs, targets)
    look(targets, losses, guesses)
    return losses.mean()
