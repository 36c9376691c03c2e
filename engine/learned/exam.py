"""The final exam of a model of haiku: a hundred poems, written one after the other, judged by their form.

The poems come from the model as it is at the end, with the sampling settings and the seed of its run; none is left out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from babytrain.engine.corpus.tokenizer import Tokenizer
from babytrain.engine.model.gpt import GPT
from babytrain.engine.reading.haiku_judge import HaikuJudge, HaikuReport, poems_of
from babytrain.engine.sampling import generate
from babytrain.engine.token_choice import SamplingSettings

POEMS = 100
MOST_TOKENS_PER_POEM = 120  # ours have 65 characters; a model that never ends a poem must not write for ever


def poetry_exam(
    model: GPT,
    tokenizer: Tokenizer,
    judge: HaikuJudge,
    prompt: str,
    settings: SamplingSettings,
    *,
    seed: int,
    device: torch.device,
    stop: Callable[[], bool],
    poems: int = POEMS,
) -> HaikuReport | None:
    """The report on `poems` poems, or on as many as fit the room; None when it was stopped before the end."""
    end = tokenizer.encode("\n\n").tolist()
    ids: list[int] = []
    ended = 0
    for token in generate(
        model,
        tokenizer.encode(prompt).tolist(),
        settings,
        max_tokens=poems * MOST_TOKENS_PER_POEM,
        seed=seed,
        device=device,
        stop=stop,
    ):
        ids.append(token)
        ended += ids[-len(end) :] == end
        if ended > poems:  # one more blank line than poems: two of them may stand together
            break
    if stop():
        return None
    written = poems_of(tokenizer.decode(ids))[:poems]
    return judge.report("\n\n".join(written), whole=True)
