"""The batches of a step: the next windows of the text, augmented if the dials say so, as tensors on the device.

Nothing here waits for the device: the text is already there, and what the processor draws (window starts, replaced
tokens) is copied from pinned memory without blocking.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from babytrain.engine.config.settings import Config
from babytrain.engine.data.window_order import EpochWindows, replace_tokens, shift_windows
from babytrain.runs.dials.dial_state import DialState


class Batches:
    """Windows of a text [N], a pure function of seed and window number; `tokens` is the text, on the device."""

    def __init__(
        self, tokens: npt.NDArray[Any], config: Config, vocabulary_size: int, device: torch.device | str
    ) -> None:
        self._on_cpu = tokens
        self._device = torch.device(device)
        self.tokens = torch.from_numpy(self._on_cpu).to(self._device)
        self._context, self._seed, self._vocabulary_size = config.context, config.seed, vocabulary_size
        self._windows = EpochWindows(len(tokens), config.context, config.seed)
        self._offsets = torch.arange(config.context + 1, device=self._device)

    @property
    def windows_per_epoch(self) -> int:
        """How many windows there are before they repeat."""
        return self._windows.windows_per_epoch

    def next_batch(self, first: int, dials: DialState) -> tuple[Tensor, Tensor]:
        """Inputs and targets [batch, context] int64 of `dials.batch_size` windows from number `first` on."""
        starts = self._windows.starts(first, dials.batch_size)
        if dials.window_shift > 0.0:
            share, tokens = dials.window_shift, len(self._on_cpu)
            starts = shift_windows(starts, first, seed=self._seed, share=share, context=self._context, tokens=tokens)
        rows = self.tokens[self._to_device(starts)[:, None] + self._offsets].long()
        inputs, targets = rows[:, :-1], rows[:, 1:]
        if dials.token_noise > 0.0:
            noisy = replace_tokens(
                self._on_cpu[starts[:, None] + np.arange(self._context)].astype(np.int64),
                first,
                seed=self._seed,
                share=dials.token_noise,
                vocabulary_size=self._vocabulary_size,
            )
            inputs = self._to_device(noisy)
        return inputs, targets

    def _to_device(self, values: npt.NDArray[np.int64]) -> Tensor:
        on_cpu = torch.from_numpy(values)
        if self._device.type == "cuda":
            on_cpu = on_cpu.pin_memory()  # else the copy waits for every queued step
        return on_cpu.to(self._device, non_blocking=True)
