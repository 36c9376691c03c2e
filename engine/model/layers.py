"""Linear layers and norms: fp32 weights, products in the number format of the input.

Explicit casts replace autocast. RMSNorm (Zhang & Sennrich 2019, arXiv 1910.07467) has no gain, since the matrix that
follows can hold it. Norms read the fp32 residual stream and return the number format of the products that follow.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.model.cpu.matmul_backend import linear
from babytrain.engine.model.cpu.rms_norm import RMS_NORM_EPSILON, CpuRMSNorm


class Linear(nn.Module):
    """y = x W^T (+ b), W [outputs, inputs] fp32. Not initialised: `gpt.py` does that for the whole model.

    `parts` is the number of matrices of equal shape stacked by rows in W, which Muon treats separately.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool, parts: int = 1) -> None:
        super().__init__()
        self.parts = parts
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] -> [..., outputs], in the number format of `x`."""
        weight = self.weight.to(x.dtype)
        return linear(x, weight) if self.bias is None else F.linear(x, weight, self.bias.to(x.dtype))


class RMSNorm(nn.Module):
    """x divided by the root of its mean square over the last dimension. No parameters."""

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """[..., width] fp32 -> [..., width] in `dtype`."""
        if x.device.type == "cpu":
            normalised: Tensor = CpuRMSNorm.apply(x, dtype)  # type: ignore[no-untyped-call]
            return normalised
        return F.rms_norm(x, (x.shape[-1],), eps=RMS_NORM_EPSILON).to(dtype)


class LayerNorm(nn.Module):
    """LayerNorm with a gain and an optional bias; epsilon 1e-5 as in GPT-2."""

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
