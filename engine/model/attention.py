"""Causal self-attention with a fused QKV projection, and the key-value cache of one text being generated."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.config.settings import ModelSettings
from babytrain.engine.model.cpu.rms_norm import RMS_NORM_EPSILON
from babytrain.engine.model.cpu.short_attention import is_short_attention_faster, short_attention
from babytrain.engine.model.layers import Linear
from babytrain.engine.model.rotary import rotate


class KeyValueCache:
    """Keys and values of the tokens read so far, for every layer: two tensors [layers, 1, heads, context, head_size].

    `length` tokens are filled; the model advances it once per forward pass, after the last layer. The ids of the last
    `recent` are kept, because the embedding of the next ones depends on them.
    """

    def __init__(
        self, layers: int, heads: int, context: int, head_size: int, recent: int, device: torch.device
    ) -> None:
        shape = (layers, 1, heads, context, head_size)
        self._recent = recent
        self._tokens = torch.empty(1, 0, dtype=torch.int64, device=device)
        self.keys = torch.zeros(shape, device=device)
        self.values = torch.zeros(shape, device=device)
        self.context, self.length = context, 0

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [1, heads, T, head_size] after the old ones; returns all of them."""
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def with_recent(self, tokens: Tensor) -> Tensor:
        """The recent tokens followed by the new `tokens` [1, T]; keeps the newest for the next call."""
        if not self._recent:
            return tokens
        together = torch.cat((self._tokens, tokens), dim=1)
        self._tokens = together[:, -self._recent :]
        return together

    def clear(self) -> None:
        """Remove all tokens."""
        self.length = 0
        self._tokens = self._tokens[:, :0]


class Attention(nn.Module):
    """Multi-head causal attention; rows of the QKV weight are queries, then keys, then values, head by head."""

    def __init__(self, config: ModelSettings, layer: int) -> None:
        super().__init__()
        self.layer, self.heads, self.qk_norm = layer, config.heads, config.qk_norm
        self.head_size = config.width // config.heads
        self.qkv = Linear(config.width, 3 * config.width, bias=config.bias, parts=3)
        self.projection = Linear(config.width, config.width, bias=config.bias)

    def forward(self, x: Tensor, rotary: Tensor | None, cache: KeyValueCache | None) -> Tensor:
        """[B, T, width] -> [B, T, width]; `rotary` holds the angles of these T positions."""
        batch, length, _ = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, self.head_size)
        if cache is None and is_short_attention_faster(x.device, x.dtype, length):
            mixed = short_attention(qkv, rotary, self.qk_norm)
        else:
            mixed = self._attend(qkv, rotary, cache)
        projected: Tensor = self.projection(mixed)
        return projected

    def _attend(self, qkv: Tensor, rotary: Tensor | None, cache: KeyValueCache | None) -> Tensor:
        """[B, T, 3, heads, head_size] -> [B, T, width] with torch's own kernels."""
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if self.qk_norm or rotary is not None:
            query, key = self._norm_and_rotate(query, rotary), self._norm_and_rotate(key, rotary)
        if cache is None:
            # On a CPU the bf16 flash kernel is slower than the fp32 one, casts included.
            dtype = torch.float32 if qkv.device.type == "cpu" else value.dtype
            mixed = F.scaled_dot_product_attention(query.to(dtype), key.to(dtype), value.to(dtype), is_causal=True)
        else:
            key, value = cache.extend(self.layer, key.to(value.dtype), value)
            mask = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=qkv.device)
            mask = mask.tril(key.shape[2] - query.shape[2])
            mixed = F.scaled_dot_product_attention(query.to(value.dtype), key, value, attn_mask=mask)
        return mixed.transpose(1, 2).flatten(2).to(qkv.dtype)

    def _norm_and_rotate(self, x: Tensor, rotary: Tensor | None) -> Tensor:
        """Normalise and rotate queries or keys [B, heads, T, head_size]; the result is fp32."""
        x = x.float()
        if self.qk_norm:
            x = F.rms_norm(x, (self.head_size,), eps=RMS_NORM_EPSILON)
        return x if rotary is None else rotate(x, rotary)
