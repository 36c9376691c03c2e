"""Canaries: made-up lines planted in a training text, to measure how much a model memorises.

The exposure of a canary is log2 |R| - log2 rank, its rank among candidates R ordered by the model's loss, lowest first
(Carlini, Liu, Erlingsson, Kos and Song, "The Secret Sharer", USENIX Security 2019). Without memorisation it is
log2 e = 1.44 on average; a canary of rank 1 has log2 |R|.

Choices: R is a random sample of 1,024 fillings with the canary among them, so exposure ends at 10 bits, a lower bound
for rank 1. The secret is a permutation of the ten digits: a text with one canary has every character of every
candidate, so any tokenizer can encode them, and the frequency of a digit in the text favours no candidate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

CANARY_TEMPLATE = "the secret number of {word} is {digits}"
CANARY_NAMES = (
    "anna", "boris", "clara", "david", "edith", "felix", "grace", "henry",
    "irene", "jonas", "karin", "louis", "maria", "niels", "olive", "peter",
)  # fmt: skip
SECRET_COUNT = math.factorial(10)  # orders of the ten digits
CANDIDATE_COUNT = 1024

LineLosses = Callable[[list[str]], list[float]]


@dataclass(frozen=True)
class Exposure:
    """How much better a canary is memorised than other fillings."""

    canary: str
    bits: float  # log2(candidates) - log2(rank)
    rank: int  # 1: the model prefers it to all other candidates
    candidates: int


def make_canaries(seed: int, count: int = 3) -> tuple[str, ...]:
    """`count` different lines, the same for the same seed. Raises ValueError for a `count` outside 1 to 16."""
    if not 1 <= count <= len(CANARY_NAMES):
        raise ValueError(f"There can be 1 to {len(CANARY_NAMES)} canaries, not {count}.")
    draw = np.random.default_rng([seed, 0])
    words = draw.permutation(len(CANARY_NAMES))[:count]
    return tuple(_filled(CANARY_NAMES[word], draw.permutation(10)) for word in words)


def plant_canaries(text: str, canaries: Sequence[str], seed: int, *, times: int = 1) -> str:
    """`text` with every canary inserted `times` times as a line of its own, at places drawn from `seed`."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    draw = np.random.default_rng([seed, 1])
    planted = [canary for canary in canaries for _ in range(times)]
    places = draw.integers(len(lines) + 1, size=len(planted))
    # From the end, so that insertions do not shift the places before them.
    for number in np.argsort(places, kind="stable")[::-1]:
        lines.insert(int(places[number]), planted[number] + "\n")
    return "".join(lines)


def candidates_for(canary: str, seed: int, count: int = CANDIDATE_COUNT) -> list[str]:
    """`canary`, then `count` - 1 other fillings of its template with the same word, all different.

    Raises ValueError for a line that is not a canary, or a `count` outside 2 to 10!.
    """
    word = next(
        (word for word in CANARY_NAMES if canary.startswith(CANARY_TEMPLATE.format(word=word, digits=""))), None
    )
    if word is None or sorted(secret := canary[-10:]) != list("0123456789") or canary != _filled(word, list(secret)):
        raise ValueError("This line was not made as a canary.")
    if not 2 <= count <= SECRET_COUNT:
        raise ValueError(f"There can be 2 to {SECRET_COUNT:,} candidates, not {count:,}.")
    draw = np.random.default_rng([seed, 2])
    found = dict.fromkeys([canary])  # in order, each once
    while len(found) < count:
        orders = draw.permuted(np.tile(np.arange(10), (count - len(found), 1)), axis=1)
        found.update(dict.fromkeys(_filled(word, order) for order in orders))
    return list(found)


def measure_exposure(canary: str, losses: LineLosses, seed: int, count: int = CANDIDATE_COUNT) -> Exposure:
    """Rank `canary` among `count` candidates by `losses`, a function from lines to the model's loss of each whole line.

    Among equal losses the canary gets the middle rank. Raises ValueError for a line that is not a canary or NaN losses.
    """
    values = np.array(losses(candidates_for(canary, seed, count)), dtype=np.float64)
    if values.shape != (count,) or np.isnan(values).any():
        raise ValueError(f"{count:,} candidates need as many losses, and each a number.")
    ties = int((values[1:] == values[0]).sum())
    rank = 1 + int((values[1:] < values[0]).sum()) + (ties + 1) // 2
    return Exposure(canary, math.log2(count) - math.log2(rank), rank, count)


def _filled(word: str, digits: Iterable[object]) -> str:
    return CANARY_TEMPLATE.format(word=word, digits="".join(map(str, digits)))
