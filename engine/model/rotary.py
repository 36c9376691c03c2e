"""Rotary positions (Su et al. 2021, arXiv 2104.09864): neighbouring dimensions 2i and 2i + 1 are rotated as a pair.

That pairing (the paper's) makes a head a row of complex numbers, and the rotation one complex product on a CPU.
Llama-style checkpoints pair i with i + half instead; an export reorders the rows of the query and key matrices.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROTARY_BASE = 10_000.0


def rotary_table(context: int, head_size: int) -> Tensor:
    """cos and sin, fp32 [context, head_size / 2, 2], of the angle position * BASE^(-2i / head_size)."""
    frequency = ROTARY_BASE ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angle = torch.arange(context, dtype=torch.float64)[:, None] * frequency
    return torch.stack((angle.cos(), angle.sin()), dim=-1).float()


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Rotate every pair of `x` [..., T, head_size] fp32 by its position's angle; `table` holds those T positions."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return rotate_without_complex(x, table)  # some devices and the compiler lack complex numbers
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    return torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(table)).flatten(-2)


def rotate_without_complex(x: Tensor, table: Tensor, *, back: bool = False) -> Tensor:
    """`rotate`, or its inverse, in real arithmetic."""
    (first, second), (cos, sin) = x.reshape(*x.shape[:-1], -1, 2).unbind(-1), table.unbind(-1)
    sin = -sin if back else sin
    return torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1).flatten(-2)


def rotate_(x: Tensor, table: Tensor, *, back: bool = False) -> None:
    """`rotate`, or its inverse, in place, for a contiguous `x` on the CPU and outside autograd."""
    if torch.compiler.is_compiling():
        x.copy_(rotate_without_complex(x, table, back=back))
        return
    factor = torch.view_as_complex(table)
    torch.view_as_complex(x.view(*x.shape[:-1], -1, 2)).mul_(factor.conj() if back else factor)
