"""Progress of a loss from random guessing to the entropy of the text's source."""

from __future__ import annotations

import math

from babytrain.runs.events import CorpusInfo


def progress_to_floor(loss: float | None, facts: CorpusInfo) -> float | None:
    """From 0 (uniform guess, ln V nats per token) to 1 (entropy of the source); None when unknown or not finite."""
    floor = facts.floor_nats_per_token
    if loss is None or floor is None or not math.isfinite(loss) or facts.vocabulary_size < 2:
        return None
    uniform = math.log(facts.vocabulary_size)
    if uniform <= floor:
        return None
    return min(1.0, max(0.0, (uniform - loss) / (uniform - floor)))
