"""Rotary positions (Su et al. 2021, arXiv 2104.09864): neighbouring dimensions 2i and 2i + 1 turn as a pair.

That pairing (the paper's own) makes a head a row of complex numbers, and turning it one complex product. Llama-style
checkpoints pair i with i + half instead; an export reorders the rows of the query and key matrices.
"""

from __future__ import annotations

import torch
from torch import Tensor

BASE = 10_000.0


def rotary_table(context: int, head_size: int) -> Tensor:
    """exp(i angle), complex64 [context, head_size / 2], of the angle position * BASE^(-2i / head_size)."""
    frequency = BASE ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angle = torch.arange(context, dtype=torch.float64)[:, None] * frequency
    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Turn every pair of `x` [..., T, head_size] fp32 by its position's angle; `table` holds those T positions."""
    return torch.view_as_real(torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * table).flatten(-2)


def rotate_(x: Tensor, table: Tensor) -> None:
    """`rotate` in place, for a contiguous `x` outside autograd."""
    torch.view_as_complex(x.view(*x.shape[:-1], -1, 2)).mul_(table)
