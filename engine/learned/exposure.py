"""How far a model gives away the lines that were planted in its training text (`engine/corpus/canary.py`)."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from babytrain.engine.corpus.canary import make_canaries, measure_exposure
from babytrain.engine.corpus.tokenizer import Tokenizer
from babytrain.engine.model.gpt import GPT
from babytrain.runs.events import CanaryExposure

LINES_PER_BATCH = 128


def canary_exposures(
    model: GPT, tokenizer: Tokenizer, device: torch.device, *, seed: int, count: int
) -> tuple[CanaryExposure, ...]:
    """The exposure of each of `count` canaries made from `seed`."""

    def losses(lines: list[str]) -> list[float]:
        return line_losses(model, tokenizer, device, lines)

    found = [measure_exposure(canary, losses, seed) for canary in make_canaries(seed, count)]
    return tuple(
        CanaryExposure(line=one.canary, exposure_bits=one.bits, rank=one.rank, candidates=one.candidates)
        for one in found
    )


@torch.inference_mode()
def line_losses(model: GPT, tokenizer: Tokenizer, device: torch.device, lines: list[str]) -> list[float]:
    """The loss of each whole line in nats, after a line break and as far as the model can look at once."""
    before = tokenizer.encode("\n").tolist()
    found = [0.0] * len(lines)
    by_length: dict[int, list[tuple[int, list[int]]]] = {}
    for place, line in enumerate(lines):
        ids = [*before, *tokenizer.encode(line).tolist()][: model.context + 1]
        by_length.setdefault(len(ids), []).append((place, ids))
    with model.reading():
        for group in by_length.values():
            for first in range(0, len(group), LINES_PER_BATCH):
                batch = group[first : first + LINES_PER_BATCH]
                tokens = torch.tensor([ids for _, ids in batch], device=device)
                logits = model(tokens[:, :-1])
                losses = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none").sum(dim=1)
                for (place, _), loss in zip(batch, losses.tolist(), strict=True):
                    found[place] = loss
    return found
