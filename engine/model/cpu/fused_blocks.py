"""The two halves of a block on a CPU, each one autograd node with its backward pass written out.

A step of a small model is some hundred calls of ten microseconds each, of which autograd's bookkeeping, casts and
allocations are a twentieth. Here gradients are formed in place, and the factor 2 of relu^2 is applied where the tensor
is smallest. The plain modules compute the same, and also cover other norms, biases, dropout and devices.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from babytrain.engine.model.cpu.matmul_backend import matmul
from babytrain.engine.model.cpu.rms_norm import reciprocal_rms, rms_norm_backward
from babytrain.engine.model.cpu.short_attention import SavedForBackward, attention_backward, attention_forward


def fused_attention_sublayer(
    x: Tensor,
    qkv_weight: Tensor,
    projection_weight: Tensor,
    rotary: Tensor | None,
    *,
    heads: int,
    qk_norm: bool,
    dtype: torch.dtype,
) -> Tensor:
    """x + attention(rms_norm(x)) for an attention without biases; `x` [B, T, width] fp32, products in `dtype`."""
    y: Tensor = _AttentionSublayer.apply(  # type: ignore[no-untyped-call]
        x, qkv_weight, projection_weight, rotary, heads, qk_norm, dtype
    )
    return y


def fused_relu2_sublayer(x: Tensor, up_weight: Tensor, down_weight: Tensor, dtype: torch.dtype) -> Tensor:
    """x + mlp(rms_norm(x)) for a relu2 mlp without biases; `x` [B, T, width] fp32, products in `dtype`."""
    y: Tensor = _ReLU2Sublayer.apply(x, up_weight, down_weight, dtype)  # type: ignore[no-untyped-call]
    return y


class _AttentionSublayer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        qkv_weight: Tensor,
        projection_weight: Tensor,
        rotary: Tensor | None,
        heads: int,
        normalise: bool,
        dtype: torch.dtype,
    ) -> Tensor:
        batch, length, width = x.shape
        scale = reciprocal_rms(x)
        normed = x * scale
        read = normed.to(dtype).view(-1, width)
        qkv_weight, projection_weight = qkv_weight.to(dtype), projection_weight.to(dtype)
        qkv = matmul(read, qkv_weight.t()).view(batch, length, 3, heads, width // heads)
        mixed, saved = attention_forward(qkv, rotary, normalise)
        mixed = mixed.view(-1, width)
        ctx.save_for_backward(scale, normed, read, mixed, qkv_weight, projection_weight, *saved)
        # In this order the sum is fp32 and reuses the memory of the cast.
        return matmul(mixed, projection_weight.t()).float().view_as(x).add_(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scale, normed, read, mixed, qkv_weight, projection_weight, *saved = ctx.saved_tensors
        batch, length, width = gradient.shape
        written = gradient.to(read.dtype).view(-1, width)
        projection_gradient = matmul(written.t(), mixed)
        mixed_gradient = matmul(written, projection_weight).view(batch, length, width)
        qkv_gradient = attention_backward(mixed_gradient, SavedForBackward(*saved)).view(-1, 3 * width)
        qkv_weight_gradient = matmul(qkv_gradient.t(), read)
        normed_gradient = matmul(qkv_gradient, qkv_weight).float().view_as(normed)
        x_gradient = rms_norm_backward(normed_gradient, normed, scale).add_(gradient)
        return x_gradient, qkv_weight_gradient.float(), projection_gradient.float(), None, None, None, None


class _ReLU2Sublayer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, up_weight: Tensor, down_weight: Tensor, dtype: torch.dtype) -> Tensor:
        width = x.shape[-1]
        scale = reciprocal_rms(x)
        normed = x * scale
        read = normed.to(dtype).view(-1, width)
        up_weight, down_weight = up_weight.to(dtype), down_weight.to(dtype)
        rectified = matmul(read, up_weight.t()).relu_()
        squared = rectified.square()  # twice as fast as rectified * rectified in bf16
        ctx.save_for_backward(scale, normed, read, rectified, squared, up_weight, down_weight)
        return matmul(squared, down_weight.t()).float().view_as(x).add_(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scale, normed, read, rectified, squared, up_weight, down_weight = ctx.saved_tensors
        width = gradient.shape[-1]
        written = gradient.to(read.dtype).view(-1, width)
        down_gradient = matmul(written.t(), squared)
        half = matmul(written, down_weight).mul_(rectified)  # half the gradient of up's output
        up_gradient = matmul(half.t(), read).mul_(2.0)
        normed_gradient = matmul(half, up_weight).float().view_as(normed)
        x_gradient = rms_norm_backward(normed_gradient, normed, scale, 2.0).add_(gradient)
        return x_gradient, up_gradient.float(), down_gradient.float(), None
