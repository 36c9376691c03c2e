"""The two dials that act inside a forward pass, dropout and label smoothing, as numbers or as tensors.

A compiler makes a constant of a Python number, and a CUDA graph repeats the captured one. There both dials are 0-D
tensors and always applied, also at 0, since whether to apply them would be a constant as well.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class DialTensors(NamedTuple):
    """The values of the dials, 0-D fp32 on the model's device; changed in place."""

    dropout: Tensor
    label_smoothing: Tensor


def apply_dropout(x: Tensor, probability: Tensor | float | None) -> Tensor:
    """Dropout on `x`; None leaves it unchanged.

    With a tensor the result is fp32: the scale would lose digits in bf16, and the residual stream is fp32 anyway.
    """
    if probability is None:
        return x
    if isinstance(probability, Tensor):
        # The noise is fp32 as well: in bf16 it has 256 values, too few for a probability of 0.1.
        kept = torch.rand_like(x, dtype=torch.float32) >= probability
        return x * (kept / (1.0 - probability))
    return F.dropout(x, probability)


def smoothed_cross_entropy(logits: Tensor, targets: Tensor, smoothing: Tensor | float) -> Tensor:
    """Mean cross-entropy in nats, a scalar, of `logits` [N, vocabulary] with `targets` [N], a share of which is even.

    A target is 1 - smoothing on the true token plus smoothing spread over the whole vocabulary (Szegedy et al. 2016,
    arXiv 1512.00567); that is the true token's loss and the mean loss of all tokens, mixed in that proportion.
    """
    if not isinstance(smoothing, Tensor):
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)
    log_probabilities = F.log_softmax(logits, dim=-1)
    return torch.lerp(F.nll_loss(log_probabilities, targets), -log_probabilities.mean(), smoothing)
