"""Real words, repetition, and the written definition of a coherent sentence, clause by clause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.analysis.words import (
    KnownWords,
    is_coherent,
    measure_sentences,
    quotes_balanced,
    sentences_of,
    words_of,
)

TRAIN = "The wizard said: 'Come, Percival, we ride to Camelot; don't wait!' And (lo) they rode. Never."
KNOWN = KnownWords(TRAIN)


def test_words_are_counted_by_who_vouches_for_them() -> None:
    report = KNOWN.measure("The WIZARD naps; the frobnitz naps, don’t frobnitz glorp.")
    assert (report.words, report.in_training, report.in_lexicon_only) == (9, 4, 2)
    assert report.real_share == pytest.approx(6 / 9)
    assert report.new_words == ("naps", "frobnitz", "glorp")


def test_a_word_that_the_end_cuts_off_is_not_counted() -> None:
    assert KNOWN.measure("The wizard sai").new_words == ()
    assert (
        KNOWN.measure("The wizard sai", whole=True).new_words == KNOWN.measure("The wizard sai ").new_words == ("sai",)
    )


def test_a_text_without_words_has_no_shares() -> None:
    for text in ("", "\n", "123 !?", "\x1b[31m"[:2]):
        report = KNOWN.measure(text)
        assert (report.words, report.real_share, report.distinct_pairs_share) == (0, None, None)


def test_repetition_is_measured_in_pairs() -> None:
    assert KNOWN.measure("the wizard said the wizard said the wizard said.").distinct_pairs_share == 3 / 8
    assert KNOWN.measure("the wizard said nothing to me and they rode.").distinct_pairs_share == 1


@pytest.mark.parametrize("text", ["", 'he said "no" and "yes"', "“a «b» c”", "it's the dogs' day"])
def test_balanced_quotes(text: str) -> None:
    assert quotes_balanced(text)


@pytest.mark.parametrize("text", ['"', 'he said "no', "”a“", "“a", "“a «b” c»"])
def test_quotes_out_of_balance(text: str) -> None:
    assert not quotes_balanced(text)


@pytest.mark.parametrize(
    "sentence",
    [
        "The wizard said never.",
        "“Come to Camelot!”",
        '"We ride (lo) to Camelot."',
        "The wizard waited, and they rode to Camelot and don't wait?",
        "They wait and wait.",
    ],
)
def test_coherent_sentences(sentence: str) -> None:
    assert is_coherent(sentence, KNOWN)


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("the wizard said never.", "no capital"),
        ("The wizard said never", "no end"),
        ("The wizard said never,", "no end"),
        ("Wizard rode.", "too short"),
        ("They said " + "and they said never and the old wizard " * 6 + "rode.", "too long"),
        ("The wizard said frobnitz.", "no such word"),
        ("The old wizard never.", "no verb"),
        ("The wizard said the the the.", "a word three times"),
        ("The wizard said never said never said never.", "a pair three times"),
        ("The wizard said “never.", "quotes"),
        ("The wizard (lo said never.", "brackets"),
        ("The wizard) lo (said never.", "brackets"),
    ],
)
def test_each_clause_of_the_definition_rules_something_out(sentence: str, fault: str) -> None:
    assert not is_coherent(sentence, KNOWN), fault


def test_a_text_is_cut_into_sentences_and_the_cut_off_end_is_left_out() -> None:
    text = "The wizard said: “Come!” They rode. Never...\n\nPercival\n\nDon't wait! And they ri"
    assert sentences_of(text) == ["The wizard said: “Come!”", "They rode.", "Never...", "Percival", "Don't wait!"]
    assert sentences_of(text, whole=True)[-1] == "And they ri"


def test_coherent_sentences_are_counted() -> None:
    report = measure_sentences("The wizard said never. They frob to Camelot. We ride to Camelot! And th", KNOWN)
    assert (report.sentences, report.coherent) == (3, 2)
    assert measure_sentences("", KNOWN).sentences == 0


@given(st.text(max_size=80))
def test_cutting_into_sentences_loses_no_word(text: str) -> None:
    assert sum(len(words_of(sentence)) for sentence in sentences_of(text, whole=True)) == len(words_of(text))
