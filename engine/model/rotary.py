"""Rotary positions (Su et al. 2021, arXiv 2104.09864), rotate-half layout: dimension i pairs with i + half.

The rotate-half pairing is the one Llama-style checkpoints use, so an export needs no permutation.
"""

from __future__ import annotations

import torch
from torch import Tensor

BASE = 10_000.0


def rotary_table(context: int, head_size: int) -> tuple[Tensor, Tensor]:
    """cos and sin, each [context, head_size / 2] fp32, of the angle position * BASE^(-2i / head_size)."""
    frequency = BASE ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angle = torch.arange(context, dtype=torch.float64)[:, None] * frequency
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn every pair of `x` [..., T, heads, head_size] by its position's angle; cos and sin are [T, 1, head_size/2]."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
