"""The final evaluation of a model: the form of a hundred haiku (docs/metrics.md), and the exposure of canaries.

Choices: after a poem longer than `LONGEST_POEM_CHARACTERS` generation restarts from the prompt with the next seed, so
that a model that never ends a poem is measured by a hundred short pieces and not by one long one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F

from babytrain.engine.analysis.haiku import HaikuAnalyzer, HaikuMetrics, split_at_blank_lines
from babytrain.engine.data.canaries import make_canaries, measure_exposure
from babytrain.engine.data.tokenizer import Tokenizer
from babytrain.engine.generation.generate import generate
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.engine.model.gpt import GPT
from babytrain.runs.events import CanaryExposure

POEMS_WRITTEN = 100
LONGEST_POEM_CHARACTERS = 120  # the longest built-in poem has 91


def evaluate_poems(
    model: GPT,
    tokenizer: Tokenizer,
    analyzer: HaikuAnalyzer,
    prompt: str,
    settings: SamplingSettings,
    *,
    seed: int,
    device: torch.device,
    stop: Callable[[], bool],
    poems: int = POEMS_WRITTEN,
) -> HaikuMetrics | None:
    """Metrics of `poems` poems, or of fewer where the token limit is reached; None when stopped."""
    ids = tokenizer.encode(prompt).tolist()
    room = poems * (LONGEST_POEM_CHARACTERS + 1)  # tokens: a model that writes only blank lines must end too
    written: list[str] = []
    while len(written) < poems and room > 0:
        splitter = _PoemSplitter(tokenizer, poems - len(written))
        for token in generate(model, ids, settings, max_tokens=room, seed=seed, device=device, stop=stop):
            room -= 1
            if not splitter.goes_on(token):
                break
        if stop():
            return None
        written += splitter.poems
        seed += 1
    return analyzer.measure("\n\n".join(written), whole=True)


class _PoemSplitter:
    """Splits generated text into poems, token by token."""

    def __init__(self, tokenizer: Tokenizer, most: int) -> None:
        self.poems: list[str] = []
        self._tokenizer = tokenizer
        self._most = most
        self._begun = ""  # the unfinished poem before `_ids`
        self._ids: list[int] = []

    def goes_on(self, token: int) -> bool:
        """Add a token. False when there are enough poems, or the current one is too long."""
        self._ids.append(token)
        if len(self._ids) <= LONGEST_POEM_CHARACTERS and "\n" not in self._tokenizer.decode([token]):
            return True
        *ended, begun = split_at_blank_lines(self._begun + self._tokenizer.decode(self._ids))
        self.poems += [piece for piece in ended if piece.strip()][: self._most - len(self.poems)]
        endless = len(begun) > LONGEST_POEM_CHARACTERS and begun.strip() != "" and len(self.poems) < self._most
        if endless:
            self.poems.append(begun.strip("\n"))
        if ended or len(self._ids) > LONGEST_POEM_CHARACTERS:
            self._begun, self._ids = begun, []
        return not endless and len(self.poems) < self._most


LINES_PER_BATCH = 128


def canary_exposures(
    model: GPT, tokenizer: Tokenizer, device: torch.device, *, seed: int, count: int
) -> tuple[CanaryExposure, ...]:
    """The exposure of each of `count` canaries made from `seed`."""
    losses = partial(line_losses, model, tokenizer, device)
    found = [measure_exposure(canary, losses, seed) for canary in make_canaries(seed, count)]
    return tuple(
        CanaryExposure(line=each.canary, exposure_bits=each.bits, rank=each.rank, candidates=each.candidates)
        for each in found
    )


@torch.inference_mode()
def line_losses(model: GPT, tokenizer: Tokenizer, device: torch.device, lines: list[str]) -> list[float]:
    """The loss of each whole line in nats, after a line break and cut at the model's context."""
    before = tokenizer.encode("\n").tolist()
    found = [0.0] * len(lines)
    by_length: dict[int, list[tuple[int, list[int]]]] = {}
    for place, line in enumerate(lines):
        ids = [*before, *tokenizer.encode(line).tolist()][: model.context + 1]
        by_length.setdefault(len(ids), []).append((place, ids))
    with model.fp32_inference():
        for group in by_length.values():
            for first in range(0, len(group), LINES_PER_BATCH):
                batch = group[first : first + LINES_PER_BATCH]
                tokens = torch.tensor([ids for _, ids in batch], device=device)
                logits = model(tokens[:, :-1])
                losses = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none").sum(dim=1)
                for (place, _), loss in zip(batch, losses.tolist(), strict=True):
                    found[place] = loss
    return found
