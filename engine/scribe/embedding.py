"""What goes into the first layer for a token: its embedding, its position, and what the model takes from the tokens
before it (`engine.model.embedding`). The embeddings of the tokens read so far are kept for those that follow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from babytrain.engine.model.embedding import ngram_rows, reach
from babytrain.engine.scribe.weights import Floats, Weights


class Embedder:
    """Embeds the tokens of one text; the argument `at` is the position of the first of them."""

    def __init__(self, weights: Weights, context: int) -> None:
        self._weights = weights
        self._taps = 0 if weights.token_shift is None else len(weights.token_shift)
        vocabulary_size, width = weights.embedding.shape
        self._vocabulary_size = vocabulary_size
        # The oldest neighbour first, and the token itself last with a share of one.
        own = np.ones((1, width), dtype=np.float32)
        self._shares = own if weights.token_shift is None else np.concatenate((weights.token_shift[::-1], own))
        # Row `taps` + p is position p; the rows before the first position stay zero.
        self._embedded = np.zeros((self._taps + context, width), dtype=np.float32)
        self._tokens = np.zeros(context, dtype=np.int64)
        self._ngram_reach = 0 if weights.ngrams is None else reach(0, len(weights.ngrams))

    def embed_one(self, token: int, at: int) -> Floats:
        """[width], a copy."""
        weights, taps = self._weights, self._taps
        if weights.ngrams is not None:
            row = self._lookup(np.array([token]), at)[0]
        else:
            row = weights.embedding[token]
        if taps:
            self._embedded[taps + at] = row
            x: Floats = np.add.reduce(self._embedded[at : at + taps + 1] * self._shares, 0)
        else:
            x = row.copy()
        if weights.positions is not None:
            x += weights.positions[at]
        if weights.centred:
            x -= x.sum() / x.dtype.type(x.size)
        return x

    def embed(self, tokens: Sequence[int], at: int) -> Floats:
        """[T, width], a copy."""
        weights, taps, end = self._weights, self._taps, at + len(tokens)
        rows = self._lookup(np.array(tokens), at)
        self._embedded[taps + at : taps + end] = rows
        x = rows
        for back in range(1, taps + 1):
            x = x + self._embedded[taps + at - back : taps + end - back] * self._shares[taps - back]
        if weights.positions is not None:
            x = x + weights.positions[at:end]
        return x - x.mean(-1, keepdims=True) if weights.centred else x

    def _lookup(self, tokens: np.ndarray[tuple[int], np.dtype[np.int64]], at: int) -> Floats:
        """Embeddings [T, width] of `tokens` with those of the n-grams that end there."""
        rows: Floats = self._weights.embedding[tokens]
        if self._weights.ngrams is None:
            return rows
        end = at + len(tokens)
        self._tokens[at:end] = tokens
        start = max(0, at - self._ngram_reach)
        recent = torch.from_numpy(self._tokens[start:end])[None]
        # The model's own hash: a second one in numpy would be quicker and one day be another.
        found = ngram_rows(recent, self._vocabulary_size, len(self._weights.ngrams))[0, at - start :].numpy()
        summed: Floats = rows + self._weights.ngrams[found].sum(-2)
        return summed
