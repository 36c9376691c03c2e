"""Does the model say things of its own, or does it recite? The parrot test.

The memorisation index is the mean match length of a text divided by that of held-out text. The match length of a
position is that of the longest piece beginning there that stands word for word in the training text, counted within the
text that is measured; the mean is over all its positions. New text of the same kind gets 1; a model that recites gets
several times as much.

Choices: the mean over positions and not the longest match of a piece, because the latter grows with the length of the
piece and rests on one event. A match counts as at most 100 characters: beyond that a copy is a copy, and without the
cap the index of a text recited to its end would be proportional to its length. Held-out pieces are still cut to the
length of the sample, since the end of a text cuts matches short. Only word-for-word copies count, so a low index does
not prove that nothing is remembered (Ippolito et al., "Preventing verbatim memorization in language models gives a
false sense of privacy", 2022).
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from babytrain.engine.analysis.suffix_array import SuffixArray

SHORTEST_SAMPLE = 40  # characters; below, one common phrase decides
SHORTEST_HELD_OUT = 200
MOST_SEARCHED = 4_000_000  # characters searched: 50 MB of index, 220 MB for the second it takes to sort them
MOST_HELD_OUT = 200_000
LONGEST_HELD_OUT_PIECE = 2_000  # held-out pieces are no longer: there the ends of a piece no longer matter
COUNTED_CHARACTERS = 100  # characters of a match that count towards the mean
SHOWN_OF_A_LINE = 200


@dataclass(frozen=True)
class MemorisationResult:
    """How much of a sample is copied. Lengths and places are in characters, places of the sample unless said."""

    index: float  # mean_match over that of held-out pieces of the same length
    mean_match: float  # over all positions, none counted as more than COUNTED_CHARACTERS
    longest_match: int
    span_start: int  # the longest copied piece is sample[span_start : span_start + longest_match]
    source_line: str  # the training line where the copied piece first stands, shortened
    source_line_number: int  # counted from 1


class MemorisationTest:
    """Compares samples with a training text. Building it sorts the text: about 0.2 seconds a million characters."""

    def __init__(self, train_text: str, held_out_text: str, *, most_searched: int = MOST_SEARCHED) -> None:
        self._suffixes = SuffixArray(train_text[:most_searched])
        self._held_out = held_out_text[:MOST_HELD_OUT]

    def measure(self, sample: str) -> MemorisationResult | None:
        """Measure what the model wrote itself: `sample` without its prompt.

        None where the sample or the held-out text is too short to say anything, or the latter has nothing in common
        with the training text.
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
        return MemorisationResult(
            index=mean / held_out,
            mean_match=mean,
            longest_match=end - start,
            span_start=start,
            source_line=line,
            source_line_number=number,
        )

    def held_out_means(self, characters: int) -> npt.NDArray[np.float64]:
        """The mean match of each held-out piece of that many characters (or of as many as there are)."""
        piece = min(characters, LONGEST_HELD_OUT_PIECE, len(self._held_out))
        pieces = len(self._held_out) // piece
        # A match may reach beyond its piece; what would be left of it inside is all that counts.
        room = np.arange(piece, 0, -1)
        matches = np.minimum(self._held_out_matches[: pieces * piece].reshape(pieces, piece), room)
        return np.asarray(matches.mean(axis=1), dtype=np.float64)

    @cached_property
    def _held_out_matches(self) -> npt.NDArray[np.int64]:
        return self._suffixes.longest_matches(self._held_out, COUNTED_CHARACTERS)[0]

    @cached_property
    def _line_starts(self) -> list[int]:
        text = self._suffixes.text
        starts = [0]
        while at := text.find("\n", starts[-1]) + 1:
            starts.append(at)
        return starts

    def _source_line(self, copied: str) -> tuple[str, int]:
        """The line where `copied` first stands, of several the first it takes more than a scrap of, and its number."""
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
