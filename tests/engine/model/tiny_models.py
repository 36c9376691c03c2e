"""Small models for tests, with weights large enough that nothing is near zero or tied."""

from __future__ import annotations

from typing import Any

import torch

from babytrain.engine.config.build import build_config
from babytrain.engine.config.settings import Config
from babytrain.engine.model.gpt import GPT, build_model

VOCABULARY = 11


def tiny_config(**settings: Any) -> Config:
    values = {"layers": 2, "heads": 2, "width": 16, "context": 8, "fmn_rank": 5, "optimizer": "adamw"}
    return build_config("baby", values | settings)


def tiny_model(*, seed: int = 0, spread: float = 0.3, **settings: Any) -> GPT:
    """A model whose parameters are all random: nothing starts at zero, so nothing can hide behind a zero."""
    model = build_model(tiny_config(**settings), VOCABULARY, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, spread, generator=generator)
    return model


def tiny_tokens(batch: int = 3, length: int = 8, *, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))
