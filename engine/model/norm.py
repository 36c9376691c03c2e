"""Normalisation: RMSNorm without a gain, and LayerNorm.

The gain-free RMSNorm (Zhang & Sennrich 2019, arXiv 1910.07467, less the gain: the matrix that follows can hold it)
has no parameters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6


def rms_norm(x: Tensor) -> Tensor:
    """x divided by the root of its mean square over the last dimension; same shape and number format."""
    return F.rms_norm(x, (x.shape[-1],), eps=EPSILON)


class RMSNorm(nn.Module):
    """`rms_norm` as a module. No parameters."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        return rms_norm(x)


class LayerNorm(nn.Module):
    """LayerNorm with a gain and, if wanted, a bias; epsilon 1e-5 as in GPT-2."""

    def __init__(self, width: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width], in the number format of `x`."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.layer_norm(x, self.weight.shape, self.weight.to(x.dtype), bias, 1e-5)


def build_norm(kind: str, width: int, *, bias: bool) -> nn.Module:
    """The norm named `kind` ("rms" or "layer")."""
    return RMSNorm() if kind == "rms" else LayerNorm(width, bias=bias)
