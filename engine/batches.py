"""What a step trains on: the next windows of the text, varied if so wished, as tensors on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from babytrain.engine.corpus.augment import jitter_starts, misread
from babytrain.engine.corpus.windows import EpochWindows
from babytrain.runs.dials.state import DialState


class Batches:
    """Windows of `tokens` [N] int32, on the device, in the order of the run: a pure function of seed and number."""

    def __init__(self, tokens: Tensor, *, context: int, seed: int, vocabulary_size: int) -> None:
        self._tokens = tokens
        self._context = context
        self._seed = seed
        self._vocabulary_size = vocabulary_size
        self._windows = EpochWindows(len(tokens), context, seed)
        self._offsets = torch.arange(context + 1, device=tokens.device)

    @property
    def windows_per_epoch(self) -> int:
        """How many windows there are before they come round again."""
        return self._windows.windows_per_epoch

    def take(self, first: int, dials: DialState) -> tuple[Tensor, Tensor]:
        """Inputs and targets [batch, context] int64 of `dials.batch_size` windows from number `first` on."""
        starts = self._windows.starts(first, dials.batch_size)
        if dials.jitter > 0.0:
            starts = jitter_starts(
                starts,
                first,
                seed=self._seed,
                share=dials.jitter,
                context=self._context,
                tokens=len(self._tokens),
            )
        rows = self._tokens[torch.from_numpy(starts).to(self._tokens.device)[:, None] + self._offsets].long()
        inputs, targets = rows[:, :-1], rows[:, 1:]
        if dials.noise > 0.0:
            read = misread(
                np.asarray(inputs.cpu()),
                first,
                seed=self._seed,
                share=dials.noise,
                vocabulary_size=self._vocabulary_size,
            )
            inputs = torch.from_numpy(read).to(inputs.device)
        return inputs, targets
