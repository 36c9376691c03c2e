"""Every first value of every parameter, in one function.

Embeddings and matrices start normal with deviation 0.02 and the projections back into the residual stream are scaled
by 1 / sqrt(2 layers) (GPT-2). With `zero_init` those projections and an untied head start at zero, so the first
forward pass is the embedding alone and the first loss is exactly ln(vocabulary) (muP practice; modded-nanogpt).
"""

from __future__ import annotations

import math

import torch
from torch import nn

from babytrain.engine.config import Config

_RESIDUAL_PROJECTIONS = ("attention.projection.weight", "mlp.down.weight")


@torch.no_grad()
def initialise(model: nn.Module, config: Config, generator: torch.Generator) -> None:
    """Fill all parameters in the order of `named_parameters`, drawing only from `generator` (on the CPU)."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        elif parameter.dim() < 2:  # the gain of a norm
            parameter.fill_(1.0)
        else:
            residual = name.endswith(_RESIDUAL_PROJECTIONS)
            if config.zero_init and (residual or name == "head.weight"):
                parameter.zero_()
                continue
            deviation = 0.02 / math.sqrt(2 * config.layers) if residual else 0.02
            parameter.normal_(0.0, deviation, generator=generator)
