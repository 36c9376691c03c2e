"""Adds what a token's neighbours before it contribute to its embedding. Both parts start at zero:

- Token shift: a learned share, per channel, of the embeddings of the tokens before it (Peng et al. 2023, "RWKV", arXiv
  2305.13048; as a short convolution: Allen-Zhu 2025, "Canon layers", arXiv 2512.17351).
- N-gram embedding: two more embeddings, looked up by the last three and the last four tokens in a table of fixed size
  that n-grams share by a hash (Svenstrup et al. 2017, "Hash embeddings", arXiv 1709.03933).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

NGRAMS = (3, 4)
_LONGEST = max(NGRAMS)
_MULTIPLIER = 0x9E3779B1  # the golden ratio in 32 bits spreads similar n-grams
_MASK = (1 << 32) - 1


def lookback_tokens(taps: int, ngram_rows: int) -> int:
    """How many earlier tokens the embedding of a token depends on."""
    return taps + (_LONGEST - 1 if ngram_rows else 0)  # the shifted embeddings contain n-grams


def shift_tokens(x: Tensor, shares: Tensor) -> Tensor:
    """x[t] + sum over k of shares[k] * x[t - 1 - k]; `x` [B, T, width], `shares` [taps, width]."""
    y: Tensor = _TokenShift.apply(x, shares)  # type: ignore[no-untyped-call]
    return y


def ngram_rows(tokens: Tensor, vocabulary_size: int, rows: int) -> Tensor:
    """Rows [B, T, 2] int64, in a table of `rows`, of the 3- and 4-gram that end at each of `tokens` [B, T] int64."""
    nothing = vocabulary_size  # the id before the first token
    padded = F.pad(tokens, (_LONGEST - 1, 0), value=nothing)
    length = tokens.shape[1]
    number = tokens
    found = []
    for back in range(1, _LONGEST):
        earlier = padded[:, _LONGEST - 1 - back :][:, :length]
        number = (number * (vocabulary_size + 1) + earlier) & _MASK
        if back + 1 in NGRAMS:
            mixed = (number * _MULTIPLIER) & _MASK
            found.append((mixed ^ (mixed >> 15)) % rows)
    return torch.stack(found, dim=-1)


class _TokenShift(torch.autograd.Function):
    """In place on one copy: a sum per tap would allocate and read everything again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shares: Tensor) -> Tensor:
        ctx.save_for_backward(x, shares)
        y = x.clone()
        for back in range(1, min(len(shares), x.shape[1] - 1) + 1):
            y[:, back:].addcmul_(x[:, :-back], shares[back - 1])
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, shares = ctx.saved_tensors
        x_gradient = gradient.clone()
        shares_gradient = torch.zeros_like(shares)
        for back in range(1, min(len(shares), x.shape[1] - 1) + 1):
            later = gradient[:, back:]
            x_gradient[:, :-back].addcmul_(later, shares[back - 1])
            shares_gradient[back - 1] = (later * x[:, :-back]).sum((0, 1))
        return x_gradient, shares_gradient
