"""Memorisation: how much of a sample is copied word for word from the training text.

The index is the mean match length of a sample over that of held-out text of the same length. The match length of a
position is that of the longest piece that begins there, lies inside the sample and is in the training text too.

Choices: the mean and not the longest match, which grows with the sample and depends on one event. A match counts as at
most 100 characters: without the cap the index of a recited text would be proportional to its length. Held-out text is
cut to the length of the sample because the end of a text cuts matches short. Paraphrases are not seen (Ippolito et al.,
"Preventing verbatim memorization in language models gives a false sense of privacy", 2022).
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from babytrain.engine.analysis.suffix_array import SuffixArray

SHORTEST_SAMPLE = 40  # characters; in a shorter one a single common phrase decides
SHORTEST_HELD_OUT = 200
MOST_SEARCHED = 4_000_000  # characters searched: 50 MB of index, 220 MB for the second it takes to sort them
MOST_HELD_OUT = 200_000
LONGEST_HELD_OUT_PIECE = 2_000  # beyond it the cut ends of a piece no longer matter
COUNTED_CHARACTERS = 100  # characters of a match that count towards the mean
SHOWN_OF_A_LINE = 200


@dataclass(frozen=True)
class MemorisationResult:
    """How much of a sample is copied, in characters; positions are those of the sample."""

    index: float  # mean_match over that of held-out pieces of the same length
    random_index: float | None  # the index of tokens in random order; None where there is too little of them
    mean_match: float  # over all positions, none counted as more than COUNTED_CHARACTERS
    longest_match: int
    span_start: int  # the longest copied piece is sample[span_start : span_start + longest_match]
    source_line: str  # the first training line with the copied piece, shortened
    source_line_number: int  # counted from 1


class MemorisationTest:
    """Compares samples with a training text. Building it takes about 0.2 seconds per million characters."""

    def __init__(
        self, train_text: str, held_out_text: str, random_text: str = "", *, most_searched: int = MOST_SEARCHED
    ) -> None:
        self._suffixes = SuffixArray(train_text[:most_searched])
        self._held_out = held_out_text[:MOST_HELD_OUT]
        self._random = random_text[:MOST_HELD_OUT]

    def measure(self, sample: str) -> MemorisationResult | None:
        """Measure `sample`, which is without its prompt.

        None where the sample or the held-out text is too short, or nothing of the latter is in the training text.
        """
        if len(sample) < SHORTEST_SAMPLE or len(self._held_out) < SHORTEST_HELD_OUT:
            return None
        lengths, _ = self._suffixes.longest_matches(sample)
        held_out = float(self.held_out_means(len(sample)).mean())
        if held_out == 0:
            return None
        start = int(np.argmax(lengths))
        end = start + int(lengths[start])
        line, number = self._source_line(sample[start:end])
        mean = float(np.minimum(lengths, COUNTED_CHARACTERS).mean())
        random = _piece_means(self._random_matches, len(sample)) if len(self._random) >= SHORTEST_HELD_OUT else None
        return MemorisationResult(
            index=mean / held_out,
            random_index=None if random is None else float(random.mean()) / held_out,
            mean_match=mean,
            longest_match=end - start,
            span_start=start,
            source_line=line,
            source_line_number=number,
        )

    def held_out_means(self, characters: int) -> npt.NDArray[np.float64]:
        """The mean match of each held-out piece of that many characters (or of as many as there are)."""
        return _piece_means(self._held_out_matches, characters)

    @cached_property
    def _held_out_matches(self) -> npt.NDArray[np.int64]:
        return self._suffixes.longest_matches(self._held_out, COUNTED_CHARACTERS)[0]

    @cached_property
    def _random_matches(self) -> npt.NDArray[np.int64]:
        return self._suffixes.longest_matches(self._random, COUNTED_CHARACTERS)[0]

    @cached_property
    def _line_starts(self) -> list[int]:
        text = self._suffixes.text
        starts = [0]
        while at := text.find("\n", starts[-1]) + 1:
            starts.append(at)
        return starts

    def _source_line(self, copied: str) -> tuple[str, int]:
        """The first line with a substantial part (half of the longest part or more) of `copied`, and its number."""
        if not copied:
            return "", 0
        text = self._suffixes.text
        parts = [part.strip() for part in copied.split("\n")]
        most = max(map(len, parts))
        place = text.find(copied) + copied.find(next(part for part in parts if 2 * len(part) >= most))
        number = bisect.bisect_right(self._line_starts, place)
        start = self._line_starts[number - 1]
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > SHOWN_OF_A_LINE:
            start = max(start, min(place, end - SHOWN_OF_A_LINE))
        return text[start : min(end, start + SHOWN_OF_A_LINE)], number


def _piece_means(matches: npt.NDArray[np.int64], characters: int) -> npt.NDArray[np.float64]:
    """The mean match [pieces] of pieces of that many characters, from the `matches` of a whole text."""
    piece = min(characters, LONGEST_HELD_OUT_PIECE, len(matches))
    pieces = len(matches) // piece
    # Matches are cut at the end of their piece.
    room = np.arange(piece, 0, -1)
    cut = np.minimum(matches[: pieces * piece].reshape(pieces, piece), room)
    return np.asarray(cut.mean(axis=1), dtype=np.float64)
