"""Text to tokens and back, whatever the text; files that are checked before they are believed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.data.bpe_tokenizer import BpeTokenizer, split_text, train_bpe
from babytrain.engine.data.tokenizer import ByteTokenizer, CharTokenizer, starting_prompt
from babytrain.engine.data.tokenizer_factory import tokenizer_from_json, train_tokenizer

SAMPLE = "the snake sheds its coat\nand the coat keeps the shape of\nthe snake, once more.\n\n" * 20
characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=200)


@pytest.fixture(scope="module")
def bpe() -> BpeTokenizer:
    return train_bpe(SAMPLE, 300)


@given(texts.filter(bool))
def test_characters_come_back(text):
    tokenizer = train_tokenizer("char", text, 0)
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int64
    assert len(ids) == len(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.vocabulary_size == len(set(text))


@given(st.binary(max_size=200))
def test_any_bytes_come_back_through_text(data):
    ids = ByteTokenizer().encode(data.decode("utf-8", "surrogateescape"))
    assert ids.astype(np.uint8).tobytes() == data
    assert ByteTokenizer().decode(ids) == data.decode("utf-8", "replace")


@given(texts)
def test_bpe_comes_back(bpe, text):
    ids = bpe.encode(text)
    assert ids.dtype == np.int64
    assert bpe.decode(ids) == text
    assert bpe.unknown_characters(text) == ""


def test_characters_are_numbered_in_sorted_order():
    assert train_tokenizer("char", "banana\n", 0).encode("\nabn").tolist() == [0, 1, 2, 3]


def test_unknown_characters_are_listed_once_in_order_and_refused():
    tokenizer = CharTokenizer("abc")
    assert tokenizer.unknown_characters("a☃b\x1b☃🐍") == "☃\x1b🐍"
    with pytest.raises(ValueError, match="never seen these characters: ☃ ") as caught:
        tokenizer.encode("a☃b\x1b☃🐍")
    assert "\x1b" not in str(caught.value)
    assert tokenizer.unknown_characters("cab") == ""
    assert tokenizer.encode("").tolist() == []


def test_the_sentence_about_unknown_characters_stays_short():
    with pytest.raises(ValueError, match="and 988 more") as caught:
        CharTokenizer("a").encode("".join(map(chr, range(0x4E00, 0x4E00 + 1000))))
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("kind", ["char", "byte", "bpe"])
def test_lone_surrogates_never_crash(kind):
    tokenizer = train_tokenizer(kind, SAMPLE, 300)
    assert tokenizer.unknown_characters("a\ud800e") == "\ud800"
    with pytest.raises(ValueError, match="ud800"):
        tokenizer.encode("a\ud800e")


@pytest.mark.parametrize("kind", ["char", "byte", "bpe"])
def test_a_tokenizer_survives_its_file(kind):
    tokenizer = train_tokenizer(kind, SAMPLE, 300)
    stored = tokenizer.to_json()
    assert json.loads(stored)["kind"] == kind == tokenizer.kind
    loaded = tokenizer_from_json(stored)
    assert type(loaded) is type(tokenizer)
    assert loaded.vocabulary_size == tokenizer.vocabulary_size
    np.testing.assert_array_equal(loaded.encode(SAMPLE), tokenizer.encode(SAMPLE))
    assert loaded.to_json() == stored


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"kind": "char"}',
        '{"kind": "char", "characters": ""}',
        '{"kind": "char", "characters": "aa"}',
        '{"kind": "char", "characters": 5}',
        '{"kind": "char", "characters": "ab", "more": 1}',
        '{"kind": "word", "characters": "ab"}',
        '{"kind": "bpe", "tokenizer": {}}',
        '{"kind": "bpe", "tokenizer": {"version": "1.0", "model": {"type": "BPE"}}}',
        '{"kind": "bpe", "tokenizer": {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}}',
        '{"kind": "bpe", "tokenizer": {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}}',
        "\ud800",
    ],
)
def test_what_is_no_tokenizer_file_is_refused_with_a_sentence(stored):
    with pytest.raises(ValueError, match=r"[Tt]okenizer|vocabulary"):
        tokenizer_from_json(stored)


@pytest.mark.parametrize("kind", ["char", "byte", "bpe"])
@pytest.mark.parametrize("wrong", [[-1], [0, 10**9]])
def test_numbers_outside_the_vocabulary_are_refused(kind, wrong):
    with pytest.raises(ValueError, match="numbered 0 to"):
        train_tokenizer(kind, SAMPLE, 300).decode(wrong)


def test_half_a_character_becomes_a_replacement_character():
    first, second = ByteTokenizer().encode("é").tolist()
    assert ByteTokenizer().decode([first]) == "\ufffd"
    assert ByteTokenizer().decode([first, second]) == "é"


def test_bpe_learns_from_the_text_and_always_the_same():
    first, again = train_bpe(SAMPLE, 300), train_bpe(SAMPLE, 300)
    assert first.to_json() == again.to_json()
    assert 257 <= first.vocabulary_size <= 300
    assert len(first.encode(SAMPLE)) < len(SAMPLE) / 2
    assert "the" in first.token_text(first.encode(" the")[0])


@pytest.mark.parametrize("vocabulary", [0, 256])
def test_a_bpe_vocabulary_below_the_bytes_is_refused(vocabulary):
    with pytest.raises(ValueError, match="at least 257"):
        train_tokenizer("bpe", SAMPLE, vocabulary)


def test_raw_bytes_are_for_the_byte_tokenizer_only():
    raw = b"\xff\xfe".decode("utf-8", "surrogateescape")
    for kind in ("char", "bpe"):
        with pytest.raises(ValueError, match=r"byte|udcff"):
            train_tokenizer(kind, raw, 300)
    assert train_tokenizer("byte", raw, 300).encode(raw).tolist() == [0xFF, 0xFE]


def test_impossible_wishes_are_refused():
    with pytest.raises(ValueError, match="empty text"):
        train_tokenizer("char", "", 0)
    with pytest.raises(ValueError, match="char, byte, bpe"):
        train_tokenizer("words", "a", 0)


@given(st.lists(st.sampled_from(["a", "b c", "\n", "\n\n", " ", "  x", "\t", "é\n", "don't", "12"]), max_size=60))
def test_encoding_in_pieces_gives_the_tokens_of_the_whole(bpe, parts):
    text = "".join(parts)
    pieces = list(split_text(text, 7))
    assert "".join(pieces) == text
    whole = bpe._library.encode(text).ids
    assert [token for piece in pieces for token in bpe._library.encode(piece).ids] == whole


def test_long_texts_are_cut():
    assert len(list(split_text(SAMPLE, 100))) > 5


def test_tokens_are_shown_without_anything_a_terminal_could_obey():
    tokenizer = CharTokenizer("\n\x1b a\u202e☃")
    shown = [tokenizer.token_text(token) for token in range(6)]
    assert shown == ["⏎", "\\x1b", " ", "a", "\\u202e", "☃"]
    assert [ByteTokenizer().token_text(token) for token in (10, 27, 97, 200)] == ["⏎", "\\x1b", "a", "\\xc8"]


def test_half_a_character_of_a_bpe_token_is_shown_as_its_bytes():
    bpe = train_bpe("abab 龍龍 " * 20, 280)
    halves = [bpe.token_text(token) for token in bpe.encode("\U0001f40d").tolist()]
    assert halves == ["\\xf0", "\\x9f", "\\x90", "\\x8d"]
    assert next(bpe.token_text(token) for token in bpe.encode("龍").tolist()) == "龍"
    assert {bpe.token_text(token) for token in range(bpe.vocabulary_size)}.isdisjoint({"\ufffd", ""})


def test_a_sample_starts_like_a_new_text():
    assert starting_prompt(CharTokenizer("\nab")) == "\n\n"
    assert starting_prompt(CharTokenizer("ab")) == "a"
    assert starting_prompt(ByteTokenizer()) == "\n\n"
