"""The final exam of a model of haiku: a hundred poems, written one after the other, judged by their form.

The poems come from the model as it is at the end, with the sampling settings and the seed of its run; none is left out.

Choices: a poem ends at a blank line, wherever the tokens of the vocabulary are cut. One that has grown past
`MOST_CHARACTERS` without one counts as it stands, which is not 5-7-5, and the next begins afresh from the prompt with
the next seed: a model that never ends a poem is told so after a hundred short pieces, not after one long one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from babytrain.engine.corpus.tokenizer import Tokenizer
from babytrain.engine.model.gpt import GPT
from babytrain.engine.reading.haiku_judge import HaikuJudge, HaikuReport, pieces_of
from babytrain.engine.sampling import generate
from babytrain.engine.token_choice import SamplingSettings

POEMS = 100
MOST_CHARACTERS = 120  # of a poem; the longest of ours has 91


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
    ids = tokenizer.encode(prompt).tolist()
    room = poems * (MOST_CHARACTERS + 1)  # tokens; a model that writes nothing but blank lines writes no poem
    written: list[str] = []
    while len(written) < poems and room > 0:
        stretch = _Poems(tokenizer, poems - len(written))
        for token in generate(model, ids, settings, max_tokens=room, seed=seed, device=device, stop=stop):
            room -= 1
            if not stretch.goes_on(token):
                break
        if stop():
            return None
        written += stretch.poems
        seed += 1
    return judge.report("\n\n".join(written), whole=True)


class _Poems:
    """The poems of one stretch of writing, told apart as its tokens come."""

    def __init__(self, tokenizer: Tokenizer, most: int) -> None:
        self.poems: list[str] = []
        self._tokenizer = tokenizer
        self._most = most
        self._begun = ""  # the poem under way, as far as it was written before `_ids`
        self._ids: list[int] = []

    def goes_on(self, token: int) -> bool:
        """Take one more token. False when there are enough poems, or when the one under way has no end."""
        self._ids.append(token)
        if len(self._ids) <= MOST_CHARACTERS and "\n" not in self._tokenizer.decode([token]):
            return True
        *ended, begun = pieces_of(self._begun + self._tokenizer.decode(self._ids))
        self.poems += [piece for piece in ended if piece.strip()][: self._most - len(self.poems)]
        endless = len(begun) > MOST_CHARACTERS and begun.strip() != "" and len(self.poems) < self._most
        if endless:
            self.poems.append(begun.strip("\n"))
        if ended or len(self._ids) > MOST_CHARACTERS:
            self._begun, self._ids = begun, []
        return not endless and len(self.poems) < self._most
