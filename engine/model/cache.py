"""The key-value cache of one text being written."""

from __future__ import annotations

import torch
from torch import Tensor


class KeyValueCache:
    """Keys and values of the tokens read so far, for every layer: two tensors [layers, 1, heads, context, head_size].

    `length` tokens are filled; the model advances it once per forward pass, after the last layer. The last `recent` of
    them are kept as they are, because the embedding of the next ones looks back at them.
    """

    def __init__(
        self, layers: int, heads: int, context: int, head_size: int, recent: int, device: torch.device
    ) -> None:
        shape = (layers, 1, heads, context, head_size)
        self._recent = recent
        self._tokens = torch.empty(1, 0, dtype=torch.int64, device=device)
        self.keys = torch.zeros(shape, device=device)
        self.values = torch.zeros(shape, device=device)
        self.context = context
        self.length = 0

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [1, heads, T, head_size] after the old ones; returns all of them."""
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def with_recent(self, tokens: Tensor) -> Tensor:
        """New tokens [1, T] after the few that stood before them, which they are remembered with for the next time."""
        if not self._recent:
            return tokens
        together = torch.cat((self._tokens, tokens), dim=1)
        self._tokens = together[:, -self._recent :]
        return together

    def clear(self) -> None:
        """Forget everything that was read."""
        self.length = 0
        self._tokens = self._tokens[:, :0]
