"""Variations of the training text: windows that start a little off their place, and tokens that were misread.

Both are pure functions of the seed and the number of the window, counted since the run began. So a resumed or repeated
run sees the same variations, and so does one whose batches are cut into smaller pieces.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from babytrain.engine.corpus.windows import StartOffsets

_JITTER, _NOISE = np.uint64(0x4A495454), np.uint64(0x4E4F4953)  # keep the two apart: "JITT", "NOIS"

Tokens = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def jitter_starts(
    starts: StartOffsets, first: int, *, seed: int, share: float, context: int, tokens: int
) -> StartOffsets:
    """Start offsets of windows `first`, `first + 1`, ... moved by up to `share` of a context in either direction.

    A window still ends inside the text of `tokens` tokens.
    """
    reach = int(share * context)
    if reach == 0:
        return starts
    moves = _words(seed, first, len(starts), 1, _JITTER)[:, 0] % np.uint64(2 * reach + 1)
    return np.clip(starts + moves.astype(np.int64) - reach, 0, max(0, tokens - context - 1))


def misread(inputs: Tokens, first: int, *, seed: int, share: float, vocabulary_size: int) -> Tokens:
    """A copy of `inputs` [windows, context] with about `share` of its tokens replaced by evenly drawn ones."""
    words = _words(seed, first, inputs.shape[0], inputs.shape[1], _NOISE)
    replaced = (words >> np.uint64(32)) < np.uint64(share * 2**32)
    drawn = (words & np.uint64(0xFFFFFFFF)) % np.uint64(vocabulary_size)
    return np.where(replaced, drawn.astype(np.int64), inputs)


def _words(seed: int, first: int, windows: int, length: int, stream: np.uint64) -> Words:
    """Random words [windows, length], each from the seed, its window's number and its place in it."""
    numbers = (np.arange(windows, dtype=np.uint64) + np.uint64(first))[:, None]
    places = np.arange(length, dtype=np.uint64)[None, :]
    return _mix(_mix(_mix(numbers ^ (stream << np.uint64(32))) + np.uint64(seed)) + places)


def _mix(words: Words) -> Words:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014): every bit of the input moves every bit of the output."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
