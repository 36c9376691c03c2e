"""The suffix array is right, and so are the longest matches, on any text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.analysis.suffix_array import SuffixArray

# Few characters make many repeats; among them some of two and four bytes, a combining mark and a raw byte.
letters = st.text(alphabet="abç😀\u0301\udc80\n", max_size=60)
repeats = st.builds(lambda piece, times: piece * times, st.text(alphabet="ab\n", max_size=4), st.integers(0, 12))
texts = letters | repeats | st.text(max_size=30)


@given(texts)
def test_suffixes_are_in_order(text: str) -> None:
    assert SuffixArray(text).order.tolist() == sorted(range(len(text)), key=lambda place: text[place:])


@given(texts, texts | st.text(alphabet="abz", max_size=60))
def test_every_match_is_verbatim_and_none_is_longer(text: str, query: str) -> None:
    lengths, places = SuffixArray(text).longest_matches(query)
    for start, (length, place) in enumerate(zip(lengths.tolist(), places.tolist(), strict=True)):
        assert text[place : place + length] == query[start : start + length]
        assert start + length == len(query) or query[start : start + length + 1] not in text


@given(texts, texts, st.integers(1, 20))
def test_a_limit_only_cuts_lengths(text: str, query: str, limit: int) -> None:
    array = SuffixArray(text)
    free, cut = array.longest_matches(query)[0], array.longest_matches(query, limit)[0]
    assert cut.tolist() == np.minimum(free, limit).tolist()


def test_a_copy_longer_than_several_packed_keys_is_followed_to_its_end() -> None:
    text = "".join(chr(97 + number * number % 23) + str(number) for number in range(400))
    lengths, places = SuffixArray(text).longest_matches("??" + text[300:900] + "??")
    assert (lengths[2], places[2]) == (600, 300)
    assert lengths[:2].tolist() == lengths[-2:].tolist() == [0, 0]
