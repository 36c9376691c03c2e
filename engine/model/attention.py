"""Causal self-attention with a fused QKV projection."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.config import Config
from babytrain.engine.model.cache import KeyValueCache
from babytrain.engine.model.linear import Linear
from babytrain.engine.model.norm import reciprocal_rms, rms_norm, rms_norm_backward
from babytrain.engine.model.rotary import rotate, rotate_


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

    def forward(self, x: Tensor, rotary: Tensor | None, cache: KeyValueCache | None) -> Tensor:
        """[B, T, width] -> [B, T, width]; `rotary` holds the angles of these T positions."""
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, self.head_size)
        if cache is None and x.device.type == "cpu" and length <= 512:
            return self.projection(_ShortAttention.apply(qkv, rotary, self.qk_norm))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if self.qk_norm:
            query, key = rms_norm(query, torch.float32), rms_norm(key, torch.float32)
        if rotary is not None:
            query, key = rotate(query.float(), rotary), rotate(key.float(), rotary)
        query, key = query.to(value.dtype), key.to(value.dtype)
        if cache is None:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            key, value = cache.extend(self.layer, key, value)
            mask = torch.ones(length, key.shape[2], dtype=torch.bool, device=x.device).tril(key.shape[2] - length)
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.projection(mixed.transpose(1, 2).reshape(batch, length, width))


@functools.lru_cache(maxsize=8)
def _mask(length, dtype):
    with torch.inference_mode(False):
        return torch.full((length, length), -torch.inf, dtype=dtype).triu(1)


class _ShortAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, rotary: Tensor | None, normalise: bool) -> Tensor:
        batch, length, _, heads, size = qkv.shape
        dtype = qkv.dtype
        qk = torch.empty(2, batch, heads, length, size)
        qk.copy_(qkv[:, :, :2].permute(2, 0, 3, 1, 4))
        value = qkv[:, :, 2].transpose(1, 2).reshape(-1, length, size)
        scale = None
        if normalise:
            scale = reciprocal_rms(qk)
            qk.mul_(scale)
        if rotary is not None:
            rotate_(qk, rotary)
        query, key = qk.to(dtype).view(2, -1, length, size)
        scores = torch.baddbmm(_mask(length, dtype), query, key.mT, alpha=1 / math.sqrt(size))
        weights = scores.softmax(-1)
        mixed = torch.bmm(weights, value).view(batch, heads, length, size).transpose(1, 2)
        ctx.save_for_backward(qk, scale, query, key, value, weights, rotary)
        return mixed.reshape(batch, length, heads * size)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor):
        qk, scale, query, key, value, weights, rotary = ctx.saved_tensors
        _, batch, heads, length, size = qk.shape
        dtype = value.dtype
        gradient = gradient.view(batch, length, heads, size).transpose(1, 2).reshape(-1, length, size)
        d_value = torch.bmm(weights.mT, gradient)
        d_weights = torch.bmm(gradient, value.mT)
        d_scores = torch._softmax_backward_data(d_weights, weights, -1, dtype)
        d = torch.empty(2, batch * heads, length, size, dtype=dtype)
        torch.bmm(d_scores, key, out=d[0])
        torch.bmm(d_scores.mT, query, out=d[1])
        d = d.float().view_as(qk)
        c = 1 / math.sqrt(size)
        if scale is not None:
            along = (d * qk).mean(-1, keepdim=True)
            d.addcmul_(qk, along, value=-1).mul_(scale * c)
        else:
            d.mul_(c)
        if rotary is not None:
            rotate_(d, rotary.conj())
        out = torch.empty(batch, length, 3, heads, size, dtype=dtype)
        out[:, :, :2].copy_(d.permute(1, 3, 0, 2, 4))
        out[:, :, 2].copy_(d_value.view(batch, heads, length, size).transpose(1, 2))
        return out, None, None
