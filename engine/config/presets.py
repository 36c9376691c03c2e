"""The presets: names for sizes and recipes. Values are plain so that the command line can list them without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_PRESET = "baby"


@dataclass(frozen=True)
class Preset:
    """A named set of settings on top of the defaults, with one line on what it is for."""

    summary: str
    values: Mapping[str, Any] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = {
    "baby": Preset("0.8M parameters, learns haiku on a laptop in a minute or two"),
    "toddler": Preset(
        "about 3M parameters, for a quarter of an hour",
        {"layers": 5, "heads": 7, "width": 224, "context": 128, "batch_size": 16, "steps": 3000},
    ),
    "seven-million": Preset(
        "about 7M parameters, for an evening or a GPU",
        {"layers": 9, "heads": 8, "width": 256, "context": 256, "batch_size": 16, "steps": 5000},
    ),
    "schoolchild": Preset(
        "10.7M parameters in the shape of nanoGPT's GPU recipe, for a GPU",
        {"layers": 6, "heads": 6, "width": 384, "context": 256, "batch_size": 64}
        | {"dropout": 0.2, "steps": 2000, "eval_every": 100},
    ),
    "prodigy": Preset(
        "1.5M parameters, most of them a table of letter groups: the fastest to a first loss",
        {"layers": 2, "ngram_rows": 8192, "context": 64, "batch_size": 12}
        | {"lr": 2e-2, "muon_lr": 0.014, "steps": 150, "eval_every": 50, "sample_every": 50},
    ),
    "gpt2": Preset(
        "nanoGPT's shapes and recipe exactly, for comparison",
        {"mlp": "gelu", "position": "learned", "token_shift": 0, "norm": "layer", "qk_norm": False}
        | {"zero_init": False, "bias": False, "tied": True, "context": 64, "batch_size": 12}
        | {"optimizer": "adamw", "lr": 1e-3, "beta2": 0.99, "weight_decay": 0.1}
        | {"schedule": "cosine", "warmup": 100, "min_lr_ratio": 0.1, "steps": 2000, "eval_every": 250},
    ),
    "fmn": Preset(
        "the baby with factored multiplicative neurons for an mlp, 0.3M parameters",
        {"mlp": "fmn", "fmn_rank": 40},
    ),
}
