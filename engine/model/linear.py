"""A linear layer whose weight stays fp32 while the product is computed in the input's own number format.

The explicit cast replaces autocast: the weights are the fp32 masters the optimizer updates, and what is computed in
bf16 is visible in the code instead of depending on a context manager around it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.model.product import linear


class Linear(nn.Module):
    """y = x W^T (+ b), W [outputs, inputs] fp32. Not initialised: `init.py` does that for the whole model.

    `parts` says how many matrices of equal shape, stacked by rows, W really is: Muon treats each on its own.
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
