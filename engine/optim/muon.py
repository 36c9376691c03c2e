"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum, made orthogonal, for hidden matrices.

Matrices of one shape are one stack, so a Newton-Schulz iteration is three batched products however many layers the
model has. Matrices that the model stores as one for speed (queries, keys and values; gate and values of a gated mlp)
are taken apart again: each is orthogonalised on its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

NEWTON_SCHULZ_STEPS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # the quintic of the Muon post: steepest at zero, settles in about [0.7, 1.2]


def orthogonalise(stack: Tensor, *, dtype: torch.dtype) -> Tensor:
    """The nearest (semi-)orthogonal matrix to each of `stack` [n, rows, columns], roughly; products in `dtype`.

    Singular values end between about 0.7 and 1.2, which serves as well as exactly 1 (Muon post). Zero stays zero.
    """
    norm: Tensor = torch.linalg.matrix_norm(stack, keepdim=True)
    x = (stack / norm.clamp_min(1e-7)).to(dtype)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = torch.bmm(x, x.mT)
        polynomial = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
        x = torch.baddbmm(x, polynomial, x, beta=_A)
    return x.mT if tall else x


class MuonStack:
    """The update rule for `n` matrices of one shape: `values` and `gradients` [n, rows, columns] are views."""

    def __init__(self, values: Tensor, gradients: Tensor, *, dtype: torch.dtype, beta: float = 0.95) -> None:
        self.values = values
        self.gradients = gradients
        self.momentum = torch.zeros_like(values)
        self.dtype = dtype
        self.beta = beta
        rows, columns = values.shape[-2:]
        self.scale = math.sqrt(max(1.0, rows / columns))

    @torch.no_grad()
    def step(self, learning_rate: float, weight_decay: float) -> None:
        """Nesterov momentum, orthogonalise, decay, move."""
        self.momentum.lerp_(self.gradients, 1.0 - self.beta)
        ahead = self.gradients.lerp(self.momentum, self.beta)
        update = orthogonalise(ahead, dtype=self.dtype)
        if weight_decay:
            self.values.mul_(1.0 - learning_rate * weight_decay)
        self.values.add_(update, alpha=-learning_rate * self.scale)
