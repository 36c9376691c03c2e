"""The parrot test tells a copy from a text of one's own and shows what was copied from where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.analysis.memorisation import (
    COUNTED_CHARACTERS,
    SHORTEST_SAMPLE,
    MemorisationResult,
    MemorisationTest,
)
from babytrain.engine.data.haiku.grammar import generate_corpus


@pytest.fixture(scope="module")
def train() -> str:
    return generate_corpus(seed=1, poems=800)


@pytest.fixture(scope="module")
def parrot(train: str) -> MemorisationTest:
    return MemorisationTest(train, generate_corpus(seed=2, poems=200))


def judged(parrot: MemorisationTest, sample: str) -> MemorisationResult:
    verdict = parrot.measure(sample)
    assert isinstance(verdict, MemorisationResult)
    return verdict


def test_a_new_text_of_the_same_kind_is_honest_and_a_copy_is_a_parrot(parrot: MemorisationTest, train: str) -> None:
    fresh = [judged(parrot, generate_corpus(seed=seed, poems=6)).index for seed in range(3, 15)]
    assert 0.9 < np.mean(fresh) < 1.1
    assert judged(parrot, train[5000:5400]).index > 5


def test_the_index_hardly_depends_on_the_length_of_the_sample(parrot: MemorisationTest, train: str) -> None:
    fresh = generate_corpus(seed=33, poems=40)
    assert judged(parrot, fresh[:400]).index == pytest.approx(judged(parrot, fresh[:2800]).index, rel=0.2)
    assert judged(parrot, train[:500]).index == pytest.approx(judged(parrot, train[:4000]).index, rel=0.2)


def test_19_of_20_held_out_pieces_lie_below_the_line_that_is_given(parrot: MemorisationTest) -> None:
    held_out = parrot.held_out_means(300)
    line = np.quantile(held_out, 0.95) / held_out.mean()
    fresh = generate_corpus(seed=44, poems=400)
    pieces = [fresh[start : start + 300] for start in range(0, len(fresh) - 300, 300)]
    below = np.mean([judged(parrot, piece).index <= line for piece in pieces])
    assert 0.85 < below <= 1


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_copied_span_is_found_with_its_line(parrot: MemorisationTest, train: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(train) - 200))
    copied = train[start : start + data.draw(st.integers(60, 200))]
    sample = "ÄÖÜ " * data.draw(st.integers(1, 9)) + copied + " ÄÖÜ"
    verdict = judged(parrot, sample)
    span = sample[verdict.span_start :][: verdict.longest_match]
    assert copied.strip() in span
    assert span in train
    assert len(span) == verdict.longest_match
    assert train.split("\n")[verdict.source_line_number - 1] == verdict.source_line
    parts = [line.strip() for line in span.split("\n")]
    assert any(part in verdict.source_line for part in parts if 2 * len(part) >= max(map(len, parts)))


def test_the_end_of_a_line_that_a_copy_begins_with_is_not_its_source() -> None:
    train = "time for a small nap\n\nthe garter snake sleeps\na long story begins here\n" * 3
    verdict = judged(
        MemorisationTest(train, "quite another text " * 20), "ÄÖÜ" * 20 + "p\n\nthe garter snake sleeps\nÄÖÜ"
    )
    assert (verdict.source_line, verdict.source_line_number) == ("the garter snake sleeps", 3)


def test_the_longest_match_is_told_in_full_though_the_mean_counts_no_more_than_a_part(
    parrot: MemorisationTest, train: str
) -> None:
    verdict = judged(parrot, train[100:1100])
    assert (verdict.longest_match, verdict.span_start) == (1000, 0)
    assert verdict.mean_match <= COUNTED_CHARACTERS


def test_a_source_line_without_end_is_cut_around_what_was_copied() -> None:
    draw = np.random.default_rng(0)
    train = "".join(chr(97 + int(letter)) for letter in draw.integers(26, size=5000))
    verdict = judged(MemorisationTest(train, train[::-1]), train[3000:3100])
    assert verdict.source_line_number == 1
    assert verdict.source_line.startswith(train[3000:3100])
    assert len(verdict.source_line) <= 200


def test_what_cannot_be_judged_is_not(train: str) -> None:
    verdicts = [
        MemorisationTest(train, train).measure(""),
        MemorisationTest(train, train).measure("a" * (SHORTEST_SAMPLE - 1)),
        MemorisationTest(train, "too short").measure("a" * 100),
        MemorisationTest("", "x" * 1000).measure("a" * 100),
        MemorisationTest("abc", "x" * 1000).measure("a" * 100),
    ]
    assert verdicts == [None] * 5
    assert isinstance(MemorisationTest(train, train).measure("a" * SHORTEST_SAMPLE), MemorisationResult)


def test_only_the_beginning_of_a_very_long_text_is_searched(train: str) -> None:
    parrot = MemorisationTest(train, generate_corpus(seed=2, poems=20), most_searched=2000)
    verdict = judged(parrot, train[10_000:10_100])
    assert verdict.longest_match < 100
    assert judged(parrot, train[1000:1100]).longest_match == 100


def test_a_sample_without_a_known_character_has_no_source(parrot: MemorisationTest) -> None:
    verdict = judged(parrot, "蛇" * 60)
    assert (verdict.index, verdict.longest_match, verdict.source_line, verdict.source_line_number) == (0, 0, "", 0)
