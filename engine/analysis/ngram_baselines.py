"""The validation loss of n-gram models of the text of a run.

Interpolated Kneser-Ney with one absolute discount per order: Kneser and Ney, "Improved backing-off for m-gram language
modeling" (1995), in the form of Chen and Goodman, "An empirical study of smoothing techniques for language modeling"
(1999), section 2.7, with D = n1 / (n1 + 2 n2) (Ney, Essen and Kneser 1994). The longest n-grams are weighted by their
counts, shorter ones by the number of different tokens before them; below one token is the uniform distribution.

Choices: the models predict the same tokens as `evaluate_windows`, in nats per token. They read the 1, 2 or 4 tokens
before also where a window of the model begins and it sees none, a small advantage (4 tokens per window at most).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_Ids = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.float64]

NGRAM_ORDERS = (2, 3, 5)
_COUNTED_AT_ONCE = 1_000_000
_DENSE = 16_000_000  # numbers up to this are counted in a table of at most 128 MB, others by sorting


@dataclass(frozen=True)
class NgramLosses:
    """Mean losses over the validation split in nats per token; `uniform` is log of the vocabulary size."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float
    fivegram: float


def measure_ngram_losses(train: npt.ArrayLike, val: npt.ArrayLike, vocabulary_size: int) -> NgramLosses:
    """Losses on `val` [M] of models of `train` [N], token numbers in 0 .. `vocabulary_size` - 1.

    Raises ValueError when there is nothing to learn from or nothing to predict.
    """
    model = NgramModel(train, vocabulary_size, NGRAM_ORDERS)
    unigram = unigram_loss(train, val, vocabulary_size)
    bigram, trigram, fivegram = (-float(np.log(chances[1:]).mean()) for chances in model.chances(val))
    return NgramLosses(math.log(vocabulary_size), unigram, bigram, trigram, fivegram)


def unigram_loss(train: npt.ArrayLike, val: npt.ArrayLike, vocabulary_size: int) -> float:
    """The loss on `val` [M] of the frequencies of tokens in `train` [N]. Raises ValueError as above."""
    tokens = np.asarray(val)
    if len(tokens) < 2:
        raise ValueError(f"Nothing to predict in {len(tokens)} tokens.")
    # Add-one smoothing, for tokens that the training part lacks.
    counts = _count(np.asarray(train), vocabulary_size) + 1
    predicted = _count(tokens[1:], vocabulary_size)
    return -float(predicted @ np.log(counts / counts.sum())) / (len(tokens) - 1)


def _count(tokens: npt.NDArray[Any], vocabulary_size: int) -> _Ids:
    """How often each token occurs [vocabulary]. In pieces: numpy makes a copy in int64."""
    counts = np.zeros(vocabulary_size, dtype=np.int64)
    for start in range(0, len(tokens), _COUNTED_AT_ONCE):
        counts += np.bincount(tokens[start : start + _COUNTED_AT_ONCE], minlength=vocabulary_size)
    return counts


@dataclass(frozen=True)
class _Weights:
    """Discounted weights of one order: probability = own[n-gram] + rest[context] * probability at the order below.

    `own` [n-grams + 1] and `rest` [n-grams one shorter + 1]; the last entry, id -1, is for unseen ones.
    """

    own: _Numbers
    rest: _Numbers


class NgramModel:
    """Interpolated Kneser-Ney models of several orders that share their counts."""

    def __init__(self, tokens: npt.ArrayLike, vocabulary_size: int, orders: Sequence[int] = NGRAM_ORDERS) -> None:
        train = np.asarray(tokens, dtype=np.int64)
        if len(train) < 1 or vocabulary_size < 1 or not orders or min(orders) < 1:
            raise ValueError("An n-gram model needs at least one token to learn from and an order of at least 1.")
        self.vocabulary_size = vocabulary_size
        self.orders = tuple(orders)
        self._known: list[_Ids] = []  # for each order the sorted numbers of its n-grams; the index is the id
        self._by_count: list[_Weights] = []
        self._by_variety: list[_Weights] = []
        before = np.zeros(len(train) + 1, dtype=np.int64)  # ids of the (n-1)-grams before each token; one of length 0
        contexts = 1
        suffixes = np.zeros(1, dtype=np.int64)
        for order in range(1, max(orders) + 1):
            # n-grams that end at token order - 1, order, ...
            known, ids, counts = _number(before[:-1] * vocabulary_size + train[order - 1 :], contexts * vocabulary_size)
            context = known // vocabulary_size
            if order > 1:
                suffixes = np.empty(len(known), dtype=np.int64)
                suffixes[ids] = before[1:]  # an n-gram without its first token is the context of the next
                variety = np.bincount(suffixes, minlength=contexts)
                shorter = len(self._known[-2]) if order > 2 else 1
                self._by_variety.append(_weigh(variety, self._known[-1] // vocabulary_size, shorter))
            self._known.append(known)
            self._by_count.append(_weigh(counts, context, contexts))
            before, contexts = ids, len(known)

    def chances(self, tokens: npt.ArrayLike) -> list[_Numbers]:
        """For each order the probability [M] of every token of `tokens` [M] after the ones before it."""
        text = np.asarray(tokens, dtype=np.int64)
        wanted: dict[int, _Numbers] = {}
        shorter = np.full(len(text), 1 / self.vocabulary_size)
        before = np.zeros(len(text), dtype=np.int64)  # id of the context of each token, -1: unseen or missing
        for order, known in enumerate(self._known, start=1):
            ids = np.where(before >= 0, _find(known, before * self.vocabulary_size + text), -1)
            if order in self.orders:
                wanted[order] = _mix(self._by_count[order - 1], ids, before, shorter)
            if order < len(self._known):
                shorter = _mix(self._by_variety[order - 1], ids, before, shorter)
            before = np.concatenate([[-1], ids[:-1]])
        return [wanted[order] for order in self.orders]


def _mix(weights: _Weights, ids: _Ids, before: _Ids, shorter: _Numbers) -> _Numbers:
    return weights.own[ids] + weights.rest[before] * shorter


def _weigh(counts: _Ids, context: _Ids, contexts: int) -> _Weights:
    """Weights from the counts [n-grams] of an order and the context id of each, below `contexts`."""
    ones, twos = int((counts == 1).sum()), int((counts == 2).sum())
    # Without n-grams seen once the formula is undefined; half a count leaves some probability to unseen ones.
    discount = ones / (ones + 2 * twos) if ones and twos else 0.5
    totals = np.bincount(context, weights=counts, minlength=contexts)
    kinds = np.bincount(context[counts > 0], minlength=contexts)
    seen = totals > 0
    divisor = np.where(seen, totals, 1.0)
    own = np.maximum(counts - discount, 0.0) / divisor[context]
    return _Weights(np.append(own, 0.0), np.append(np.where(seen, discount * kinds / divisor, 1.0), 1.0))


def _number(keys: _Ids, below: int) -> tuple[_Ids, _Ids, _Ids]:
    """Distinct keys (0 .. `below` - 1) in order, the index there of every key, and the count of each."""
    if below > _DENSE:
        known, ids, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return known, ids, counts
    table = np.bincount(keys, minlength=below)
    known = np.flatnonzero(table)
    counts = table[known]
    table[known] = np.arange(len(known))
    return known, table[keys], counts


def _find(known: _Ids, keys: _Ids) -> _Ids:
    """The index of each key in the sorted `known`, -1 for missing ones."""
    if not len(known):
        return np.full(len(keys), -1, dtype=np.int64)
    places = np.searchsorted(known, keys)
    found = known[np.minimum(places, len(known) - 1)] == keys
    return np.where(found, places, -1)
