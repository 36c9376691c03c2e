"""Causal self-attention with a fused QKV projection."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.config import Config
from babytrain.engine.model.cache import KeyValueCache
from babytrain.engine.model.linear import Linear
from babytrain.engine.model.norm import rms_norm
from babytrain.engine.model.rotary import rotate


class Attention(nn.Module):
    """Multi-head causal attention; rows of the QKV weight are queries, then keys, then values, head by head."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.heads = config.heads
        self.head_size = config.width // config.heads
        self.qk_norm = config.qk_norm
        self.qkv = Linear(config.width, 3 * config.width, bias=config.bias, parts=3)
        self.projection = Linear(config.width, config.width, bias=config.bias)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor] | None, cache: KeyValueCache | None) -> Tensor:
        """[B, T, width] -> [B, T, width]; `rotary` holds the cos and sin of these T positions."""
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, self.head_size)
        query, key, value = qkv.unbind(2)
        if self.qk_norm:
            query, key = rms_norm(query), rms_norm(key)
        if rotary is not None:
            query, key = rotate(query, *rotary), rotate(key, *rotary)
        query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        if cache is None:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            key, value = cache.extend(self.layer, key, value)
            mask = torch.ones(length, key.shape[2], dtype=torch.bool, device=x.device).tril(key.shape[2] - length)
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.projection(mixed.transpose(1, 2).reshape(batch, length, width))
