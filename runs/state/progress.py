"""Progress of a loss from random guessing to the entropy of the text's source."""

from __future__ import annotations

import math

from babytrain.runs.events import CorpusInfo


def progress_to_floor(loss: float | None, facts: CorpusInfo) -> float | None:
    """From 0, guessing uniformly (ln V nats), to 1, the source's entropy; clipped. `loss` is in nats per token.

    None when the entropy of the source is unknown, or the loss is NaN or infinite.
    """
    floor = facts.floor_nats_per_token
    if loss is None or floor is None or not math.isfinite(loss) or facts.vocabulary_size < 2:
        return None
    uniform = math.log(facts.vocabulary_size)
    if uniform <= floor:
        return None
    return min(1.0, max(0.0, (uniform - loss) / (uniform - floor)))
