"""The feed-forward half of a block, in four kinds.

- relu2: W2 relu(W1 x)^2 (So et al. 2021, "Primer", arXiv 2109.08668)
- gelu: W2 gelu(W1 x), the exact gelu of GPT-2 as nanoGPT trains it
- swiglu: W2 (silu(G x) * W1 x) (Shazeer 2020, arXiv 2002.05202), with two thirds of the hidden width so that three
  matrices hold as many parameters as the others' two
- fmn: a factored multiplicative neuron, V (tanh(W1 x) * sigmoid(W2 x)) with a narrow latent of `fmn_rank`

Matrices that read the same input are one matrix, stacked by rows: one product instead of two.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.config import Config
from babytrain.engine.model.linear import Linear


class PlainMLP(nn.Module):
    """Up, activation (relu2 or gelu), down."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        hidden = round(config.mlp_ratio * config.width)
        self.squared_relu = config.mlp == "relu2"
        self.up = Linear(config.width, hidden, bias=config.bias)
        self.down = Linear(hidden, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        hidden = self.up(x)
        return self.down(_SquaredReLU.apply(hidden) if self.squared_relu else F.gelu(hidden))


class GatedMLP(nn.Module):
    """SwiGLU: the rows of `up` are the gate, then the values."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        hidden = gated_width(config.width, config.mlp_ratio)
        self.up = Linear(config.width, 2 * hidden, bias=config.bias, parts=2)
        self.down = Linear(hidden, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        gate, value = self.up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * value)


class FactoredMultiplicativeMLP(nn.Module):
    """Factored multiplicative neurons: V (tanh(W1 x) * sigmoid(W2 x)).

    A neuron that multiplies two inputs needs a third-order tensor; factoring that tensor through a latent of rank r
    leaves two reading matrices W1, W2 [r, width] and one writing matrix V [width, r]. tanh carries the signed signal,
    sigmoid decides how much of it passes. With r about a third of the width a block costs a tenth of the usual mlp.
    The rows of `up` are W1, then W2.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.up = Linear(config.width, 2 * config.fmn_rank, bias=config.bias, parts=2)
        self.down = Linear(config.fmn_rank, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        signal, gate = self.up(x).chunk(2, dim=-1)
        return self.down(torch.tanh(signal) * torch.sigmoid(gate))


def gated_width(width: int, ratio: float) -> int:
    """Hidden width of a gated mlp with the parameters of a plain one of `ratio`: two thirds, to a multiple of 8."""
    return max(8, round(2 * ratio * width / 3 / 8) * 8)


def build_mlp(config: Config) -> nn.Module:
    """The mlp that the config names."""
    kinds = {"relu2": PlainMLP, "gelu": PlainMLP, "swiglu": GatedMLP, "fmn": FactoredMultiplicativeMLP}
    mlp: nn.Module = kinds[config.mlp](config)
    return mlp


class _SquaredReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.relu()
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return (gradient * x).mul_(2)
