"""How grown up a model is: where its loss stands between knowing nothing and knowing all there is to know."""

from __future__ import annotations

import math

from babytrain.runs.events import CorpusInfo


def progress_to_floor(loss: float | None, facts: CorpusInfo) -> float | None:
    """0 = guessing every token with the same chance (ln V nats), 1 = the source's own entropy; clipped to that range.

    `loss` in nats per token. None where the entropy of the text is not known, or the loss is not a number yet.
    """
    floor = facts.floor_nats_per_token
    if loss is None or floor is None or not math.isfinite(loss) or facts.vocabulary_size < 2:
        return None
    ignorance = math.log(facts.vocabulary_size)
    if ignorance <= floor:
        return None
    return min(1.0, max(0.0, (ignorance - loss) / (ignorance - floor)))
