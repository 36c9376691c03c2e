"""Every first value of every parameter, in one function.

Embeddings and matrices start normal with deviation 0.02, the projections back into the residual stream with
0.02 / sqrt(2 layers), norms at one and biases at zero: GPT-2's, as nanoGPT has them. What the embedding of a token
takes from its neighbours starts at zero. Two departures:

- `zero_init` starts the projections back into the residual stream at zero, so that every block begins as the identity
  (Zhang et al. 2019, "Fixup", arXiv 1901.09321).
- An untied head starts with deviation 1 / sqrt(width), logits of about unit size. Starting it at zero, as is common
  with zero projections, wastes the first steps: nothing below the head learns until the head has grown. Validation
  loss after 300 steps (baby, tinyshakespeare, mean of 3 seeds): AdamW 2.114 from zero, 2.032 from 0.02, 1.988 from
  1 / sqrt(width); Muon 1.870 from zero, 1.858 from 1 / sqrt(width). Larger embeddings and matrices (0.1 and
  0.5 / sqrt(inputs)) gain AdamW another 0.02 and cost Muon as much.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from babytrain.engine.config import Config

_DEVIATION = 0.02
_FROM_ZERO = ("token_shift", "ngram_embedding")
_RESIDUAL_PROJECTIONS = ("attention.projection.weight", "mlp.down.weight")


@torch.no_grad()
def initialise(model: nn.Module, config: Config, generator: torch.Generator) -> None:
    """Fill all parameters in the order of `named_parameters`, drawing only from `generator` (on the CPU)."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        elif parameter.dim() < 2:  # the gain of a norm
            parameter.fill_(1.0)
        elif name in _FROM_ZERO:
            parameter.zero_()
        elif name == "head.weight":
            parameter.normal_(0.0, 1.0 / math.sqrt(config.width), generator=generator)
        elif not name.endswith(_RESIDUAL_PROJECTIONS):
            parameter.normal_(0.0, _DEVIATION, generator=generator)
        elif config.zero_init:
            parameter.zero_()
        else:
            parameter.normal_(0.0, _DEVIATION / math.sqrt(2 * config.layers), generator=generator)
