"""What the memorisation index of a sample says, and when it says nothing."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from babytrain.runs.events import TextMetrics

MemorisationVerdict: TypeAlias = Literal[
    "repeats itself", "no text yet", "no more than unseen text", "copies a little", "copies a lot"
]
NOTHING_TO_JUDGE: tuple[MemorisationVerdict, ...] = ("repeats itself", "no text yet")
PIECE_CHARACTERS, FEWEST_PIECES, DISTINCT_SHARE = 8, 16, 0.3
USUAL_RANDOM_MEMORISATION = 0.3  # for journals that do not have it; 0.02 to 0.5 on different texts
MOST_RANDOM_MEMORISATION = 0.8  # above it the order of the tokens hardly matters, and nothing can be told by it


def judge_memorisation(text: str, metrics: TextMetrics) -> MemorisationVerdict | None:
    """What the index of a sample's `text` says; None without an index.

    1 is the level of held-out text, 2 and more is memorisation. A sample nearer to tokens drawn at random than to
    held-out text, or one that repeats itself, says nothing about memorisation.
    """
    index, by_chance = metrics.memorisation, metrics.random_memorisation
    if index is None or not math.isfinite(index):
        return None
    if repeats_itself(text):
        return "repeats itself"
    if index >= 2:
        return "copies a lot"
    if index >= 1.5:
        return "copies a little"
    by_chance = USUAL_RANDOM_MEMORISATION if by_chance is None else by_chance
    if by_chance < MOST_RANDOM_MEMORISATION and index < (1.0 + by_chance) / 2:
        return "no text yet"
    return "no more than unseen text"


def repeats_itself(text: str) -> bool:
    """Whether few pieces of a text are different: one letter or a few words again and again."""
    pieces = [text[at : at + PIECE_CHARACTERS] for at in range(len(text) - PIECE_CHARACTERS + 1)]
    return len(pieces) >= FEWEST_PIECES and len(set(pieces)) < DISTINCT_SHARE * len(pieces)
