"""The feed-forward half of a block: up, an activation, down. Four kinds:

- relu2: W2 relu(W1 x)^2 (So et al. 2021, "Primer", arXiv 2109.08668)
- gelu: W2 gelu(W1 x), the exact gelu, as nanoGPT trains GPT-2
- swiglu: W2 (silu(G x) * W1 x) (Shazeer 2020, arXiv 2002.05202), with two thirds of the hidden width so that three
  matrices hold as many parameters as the others' two
- fmn: factored multiplicative neurons, V (tanh(W1 x) * sigmoid(W2 x)), see `fmn`

Matrices with the same input are stacked by rows: one product instead of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.config.settings import ModelSettings
from babytrain.engine.model.layers import Linear


def relu2(x: Tensor) -> Tensor:
    """relu(x)^2."""
    return F.relu(x).square()


def swiglu(x: Tensor) -> Tensor:
    """silu(gate) * value; `x` [..., 2 hidden] holds the gates, then the values."""
    gate, value = x.chunk(2, dim=-1)
    return F.silu(gate) * value


def fmn(x: Tensor) -> Tensor:
    """tanh(signal) * sigmoid(gate); `x` [..., 2 rank] holds the signals W1 x, then the gates W2 x.

    A neuron that multiplies its inputs in pairs needs a third-order tensor, factored here with rank r into W1, W2
    [r, width] and V [width, r]. With r about a third of the width this is an eighth of the usual mlp's parameters.
    """
    signal, gate = x.chunk(2, dim=-1)
    return torch.tanh(signal) * torch.sigmoid(gate)


_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"relu2": relu2, "gelu": F.gelu, "swiglu": swiglu, "fmn": fmn}


class MLP(nn.Module):
    """The mlp that the config names; `up` holds one or two matrices of `hidden` rows each."""

    def __init__(self, config: ModelSettings) -> None:
        super().__init__()
        self.kind = config.mlp
        parts = 2 if config.mlp in ("swiglu", "fmn") else 1
        hidden = hidden_width(config)
        self.activation = _ACTIVATIONS[config.mlp]
        self.up = Linear(config.width, parts * hidden, bias=config.bias, parts=parts)
        self.down = Linear(hidden, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        y: Tensor = self.down(self.activation(self.up(x)))
        return y


def hidden_width(config: ModelSettings) -> int:
    """Width between up and down: `mlp_ratio` times the model's, two thirds of that for swiglu, the rank for fmn."""
    if config.mlp == "fmn":
        return config.fmn_rank
    if config.mlp == "swiglu":  # a multiple of 8, for alignment
        return max(8, round(config.mlp_ratio * config.width * 2 / 3 / 8) * 8)
    return round(config.mlp_ratio * config.width)
