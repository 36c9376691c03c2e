"""A suffix array in numpy: for every position of a query the longest piece that a text contains too.

Choices: suffixes are sorted by code points, so that lengths and positions are in characters. Sorting starts from the
first few characters packed into one number (nine for English) and doubles from there, moving only what is not in order
yet (Larsson and Sadakane, "Faster suffix sorting", 2007). All positions of a query are searched at once, so that numpy
does the work. Memory: 12 bytes per character beside the text, about 55 while sorting.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from babytrain.engine.data.tokenizer import code_points

Positions = npt.NDArray[np.int32]
MatchLengths = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.int64]

_KEY_BITS = 63  # a packed key is a non-negative int64


def sort_suffixes(keys: _Numbers, packed: int) -> Positions:
    """The suffix array: all positions, ordered by the text that begins there.

    `keys` [positions] are ordered as the next `packed` characters are; the end of the text sorts first.
    """
    count = len(keys)
    order = np.argsort(keys).astype(np.int32)
    slots = np.arange(count, dtype=np.int32)
    heads = _group_heads(keys[order], slots)
    rank = np.empty(count + 1, dtype=np.int32)  # of each position: the start of its group, counted from 1
    rank[count] = 0
    rank[order] = heads + 1
    known = packed
    while True:
        slots = slots[_in_company(heads)]
        if not len(slots):
            return order
        moving = order[slots].astype(np.int64)
        # Two ranks side by side: that of a position, and that of the position `known` characters on.
        pairs = (rank[moving].astype(np.int64) << 32) | rank[np.minimum(moving + known, count)]
        sorting = np.argsort(pairs)
        moving = moving[sorting]
        order[slots] = moving
        heads = _group_heads(pairs[sorting], slots)
        rank[moving] = heads + 1
        known *= 2


def _group_heads(keys: _Numbers, slots: Positions) -> Positions:
    """For sorted keys at `slots`: the slot where the run of equal keys begins."""
    heads = slots.copy()
    heads[1:][keys[1:] == keys[:-1]] = 0
    return np.maximum.accumulate(heads)


def _in_company(heads: Positions) -> npt.NDArray[np.bool_]:
    """Which members of sorted groups share theirs with another."""
    company = np.zeros(len(heads), dtype=np.bool_)
    same = heads[1:] == heads[:-1]
    company[:-1] = same
    company[1:] |= same
    return company


class SuffixArray:
    """The sorted suffixes of `text`."""

    def __init__(self, text: str) -> None:
        self.text = text
        codes = code_points(text)
        self._alphabet = np.unique(codes)
        # 0 is the end of the text, 1 .. letters its characters in order, letters + 1 any other character.
        self._bits = (len(self._alphabet) + 1).bit_length()
        self._packed = _KEY_BITS // self._bits
        self._steps = np.left_shift(np.int64(1), np.arange(self._packed, dtype=np.int64) * self._bits)
        self._keys = self._pack(np.searchsorted(self._alphabet, codes) + 1)
        self.order = sort_suffixes(self._keys, self._packed)

    def longest_matches(self, query: str, limit: int | None = None) -> tuple[MatchLengths, MatchLengths]:
        """For every position of `query` the longest piece beginning there that is in the text.

        Returns lengths, at most `limit`, and positions in the text (undefined for length 0), both [characters of
        `query`]. Matching statistics: Chang and Lawler, "Sublinear approximate string matching" (1994).
        """
        count = len(query)
        lengths, places = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        if not count or not self.text:
            return lengths, places
        keys = self._pack(self._letters(query))
        room = np.arange(count, 0, -1)  # characters left in the query
        if limit is not None:
            np.minimum(room, limit, out=room)
        going = np.arange(count)  # positions whose match may go on
        low, high = np.zeros(count, dtype=np.int64), np.full(count, len(self.order))
        depth = 0  # characters that all of them share with all suffixes from low up to high
        while len(going):
            wanted = keys[going + depth]
            first = self._search(wanted, low, high, depth, after=False)
            last = self._search(wanted, first, high, depth, after=True)
            found = last > first
            # Without a suffix that has the whole key, the best match is one of the two neighbours of its position.
            ended = going[~found]
            here, below, above = first[~found], low[~found], high[~found]
            for beside in (np.maximum(here - 1, below), np.minimum(here, above - 1)):
                place = self.order[beside].astype(np.int64)
                shared = depth + self._shared(self._key_at(place + depth), wanted[~found])
                shared = np.minimum(np.minimum(shared, room[ended]), len(self.text) - place)
                better = shared > lengths[ended]
                lengths[ended[better]], places[ended[better]] = shared[better], place[better]
            depth += self._packed
            going, low, high = going[found], first[found], last[found]
            places[going] = self.order[low]
            lengths[going] = np.minimum(np.minimum(depth, room[going]), len(self.text) - places[going])
            on = depth < room[going]
            going, low, high = going[on], low[on], high[on]
        return lengths, places

    def _letters(self, query: str) -> _Numbers:
        codes = code_points(query)
        letters = np.searchsorted(self._alphabet, codes)
        known = self._alphabet[np.minimum(letters, len(self._alphabet) - 1)] == codes
        return np.where(known, letters + 1, len(self._alphabet) + 1)

    def _pack(self, letters: _Numbers) -> _Numbers:
        """For every position the next letters in one number, the first in the highest bits; 0 beyond the end."""
        keys = np.zeros(len(letters), dtype=np.int64)
        for ahead in range(self._packed):
            keys <<= self._bits
            keys[: max(0, len(letters) - ahead)] |= letters[ahead:]
        return keys

    def _key_at(self, places: _Numbers) -> _Numbers:
        inside = places < len(self._keys)
        return np.where(inside, self._keys[np.minimum(places, len(self._keys) - 1)], 0)

    def _search(self, wanted: _Numbers, low: _Numbers, high: _Numbers, depth: int, *, after: bool) -> _Numbers:
        """Per query the first suffix from `low` on whose key at `depth` is >= `wanted` (`after`: > `wanted`)."""
        low, high = low.copy(), high.copy()
        for _ in range(int((high - low).max()).bit_length()):
            middle = (low + high) >> 1
            key = self._key_at(self.order[np.minimum(middle, len(self.order) - 1)] + np.int64(depth))
            right = (key <= wanted if after else key < wanted) & (low < high)
            low = np.where(right, middle + 1, low)
            high = np.where(right, high, middle)
        return low

    def _shared(self, keys: _Numbers, others: _Numbers) -> _Numbers:
        return self._packed - np.searchsorted(self._steps, keys ^ others, side="right")
