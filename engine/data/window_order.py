"""Which windows of a text a training step reads, in which order, and how they are augmented.

Choices: an epoch lays non-overlapping windows over the text from a random phase in [0, context) and visits each once,
in random order. Phase and order come from Philox keyed by (seed, epoch), so no reader state is saved. Only raw Philox
words are used, whose stream numpy promises never to change (NEP 19). Window shift and token noise are pure functions
of the seed and the window's number since the run began, however batches are cut.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

StartOffsets = npt.NDArray[np.int64]
# The top word of the Philox counter separates these draws from others keyed by (seed, number).
_STREAM = 0x57494E44  # "WIND"


class EpochWindows:
    """Start offsets of the training windows of a text of `tokens` tokens.

    A window reads tokens `start .. start + context`: its inputs and one more as the last target. Raises ValueError when
    none fits.
    """

    def __init__(self, tokens: int, context: int, seed: int) -> None:
        if context < 1:
            raise ValueError(f"A window needs a context of at least 1 token, not {context}.")
        if tokens < context + 1:
            raise ValueError(f"A text of {tokens} tokens has no window of {context} + 1 tokens.")
        if not 0 <= seed < 2**64:
            raise ValueError(f"The seed must fit in 64 bits; it is {seed}.")
        self.tokens = tokens
        self.context = context
        self.seed = seed
        # One context is reserved for the phase, so that every epoch has the same number of windows.
        self.windows_per_epoch = max(1, tokens // context - 1)
        self._phases = min(context, tokens - self.windows_per_epoch * context)
        self._epochs: dict[int, StartOffsets] = {}

    def starts(self, first: int, count: int) -> StartOffsets:
        """Start offsets of windows `first .. first + count - 1` counted since the run began, shape (count,)."""
        if first < 0 or count < 0:
            raise ValueError(f"Samples are counted from 0; asked for {count} from {first}.")
        result = np.empty(count, dtype=np.int64)
        done = 0
        while done < count:
            epoch, position = divmod(first + done, self.windows_per_epoch)
            part = self._epoch(epoch)[position : position + count - done]
            result[done : done + len(part)] = part
            done += len(part)
        return result

    def _epoch(self, epoch: int) -> StartOffsets:
        """All start offsets of an epoch in order; the newest two epochs are cached."""
        order = self._epochs.get(epoch)
        if order is None:
            key = np.array([self.seed, epoch], dtype=np.uint64)
            counter = np.array([0, 0, 0, _STREAM], dtype=np.uint64)
            words = np.random.Philox(key=key, counter=counter).random_raw(self.windows_per_epoch + 1)
            phase = int(words[0]) % self._phases
            # Sorting random words is a uniform permutation; ties (chance 2^-64 a pair) go to the earlier window.
            order = np.argsort(words[1:], kind="stable").astype(np.int64, copy=False)
            order *= self.context  # in place: a large text has millions of windows
            order += phase
            while len(self._epochs) >= 2:
                del self._epochs[next(iter(self._epochs))]
            self._epochs[epoch] = order
        return order


MOST_WHOLE_TOKENS = 500_000  # of a split that is evaluated whole; more would take longer than the training between
SAMPLED_TOKENS = 131_072  # of a larger one


def evaluation_windows(tokens: int, context: int) -> tuple[StartOffsets, int]:
    """Fixed windows that predict every token of a split but its first exactly once.

    Of a split above `MOST_WHOLE_TOKENS` only some of them, evenly spread, with about `SAMPLED_TOKENS`. Returns the
    start offsets and the number of targets of the last window, 1 to `context`. Raises ValueError when there is nothing
    to predict.
    """
    if tokens < 2 or context < 1:
        raise ValueError(f"Nothing to predict in {tokens} tokens with a context of {context}.")
    starts = np.arange(0, tokens - 1, context, dtype=np.int64)
    if tokens > MOST_WHOLE_TOKENS and len(starts) > 1:
        whole = starts[:-1]  # the last one may be shorter
        count = max(1, SAMPLED_TOKENS // context)
        return whole[np.linspace(0, len(whole) - 1, min(count, len(whole))).astype(np.int64)], context
    return starts, int(tokens - 1 - starts[-1])


_SHIFT_STREAM, _NOISE_STREAM = np.uint64(0x4A495454), np.uint64(0x4E4F4953)  # keep the two apart: "JITT", "NOIS"
TokenBatch = npt.NDArray[np.int64]
RandomWords = npt.NDArray[np.uint64]


def shift_windows(
    starts: StartOffsets, first: int, *, seed: int, share: float, context: int, tokens: int
) -> StartOffsets:
    """Start offsets of windows `first`, ... moved by up to `share` of a context, inside a text of `tokens` tokens."""
    reach = int(share * context)
    if reach == 0:
        return starts
    moves = _random_words(seed, first, len(starts), 1, _SHIFT_STREAM)[:, 0] % np.uint64(2 * reach + 1)
    return np.clip(starts + moves.astype(np.int64) - reach, 0, max(0, tokens - context - 1))


def replace_tokens(inputs: TokenBatch, first: int, *, seed: int, share: float, vocabulary_size: int) -> TokenBatch:
    """A copy of `inputs` [windows, context] with about `share` of its tokens replaced by uniformly drawn ones."""
    words = _random_words(seed, first, inputs.shape[0], inputs.shape[1], _NOISE_STREAM)
    replaced = (words >> np.uint64(32)) < np.uint64(share * 2**32)
    drawn = (words & np.uint64(0xFFFFFFFF)) % np.uint64(vocabulary_size)
    return np.where(replaced, drawn.astype(np.int64), inputs)


def _random_words(seed: int, first: int, windows: int, length: int, stream: np.uint64) -> RandomWords:
    """Random words [windows, length], each a function of the seed, its window's number and its column."""
    numbers = (np.arange(windows, dtype=np.uint64) + np.uint64(first))[:, None]
    places = np.arange(length, dtype=np.uint64)[None, :]
    return _mix(_mix(_mix(numbers ^ (stream << np.uint64(32))) + np.uint64(seed)) + places)


def _mix(words: RandomWords) -> RandomWords:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
