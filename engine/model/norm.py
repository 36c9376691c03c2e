"""Normalisation: RMSNorm without a gain, and LayerNorm.

The gain-free RMSNorm (Zhang & Sennrich 2019, arXiv 1910.07467, less the gain: the matrix that follows can hold it)
has no parameters. On a CPU it has its own backward pass: torch's is composed of a dozen elementwise kernels, one of
them `pow`, and takes three times as long at these sizes.

Norms read the fp32 residual stream and hand on the number format of the products that follow.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

EPSILON = 1e-6
_EPSILON = torch.tensor(EPSILON)  # a 0-D tensor, so that one call squares, divides and adds


def reciprocal_rms(x: Tensor) -> Tensor:
    """1 / sqrt(mean(x^2) + EPSILON) over the last dimension, kept as size 1; `x` on the CPU."""
    # vector_norm reads x once; x.square().mean() would write a copy of it and read that again.
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return torch.addcmul(_EPSILON, norm, norm, value=1.0 / x.shape[-1]).rsqrt_()


def rms_norm_backward(gradient: Tensor, y: Tensor, scale: Tensor, factor: float = 1.0) -> Tensor:
    """`factor` times the gradient of x from that of y = x * scale, with scale = reciprocal_rms(x).

    dx = scale (dy - y mean(dy y)). Reuses the memory of `gradient`.
    """
    along = (gradient * y).mean(-1, keepdim=True)
    return gradient.addcmul_(y, along, value=-1).mul_(scale if factor == 1.0 else scale * factor)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dtype: torch.dtype) -> Tensor:
        scale = reciprocal_rms(x)
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y.to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        y, scale = ctx.saved_tensors
        copy = gradient.clone() if gradient.dtype == y.dtype else gradient.to(y.dtype)
        return rms_norm_backward(copy, y, scale), None


class RMSNorm(nn.Module):
    """x divided by the root of its mean square over the last dimension. No parameters."""

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """[..., width] fp32 -> [..., width] in `dtype`."""
        if x.device.type == "cpu":
            normalised: Tensor = _RMSNorm.apply(x, dtype)  # type: ignore[no-untyped-call]
            return normalised
        return F.rms_norm(x, (x.shape[-1],), eps=EPSILON).to(dtype)


class LayerNorm(nn.Module):
    """LayerNorm with a gain and, if wanted, a bias; epsilon 1e-5 as in GPT-2."""

    def __init__(self, width: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width)) if bias else None

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """[..., width] fp32 -> [..., width] in `dtype`."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5).to(dtype)


def build_norm(kind: str, width: int, *, bias: bool) -> RMSNorm | LayerNorm:
    """The norm named `kind` ("rms" or "layer")."""
    return RMSNorm() if kind == "rms" else LayerNorm(width, bias=bias)
