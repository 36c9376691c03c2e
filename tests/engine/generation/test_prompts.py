"""What becomes of a prompt: nothing is lost without a word, and there is always something to read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.data.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer
from babytrain.engine.data.tokenizer_factory import train_tokenizer
from babytrain.engine.generation.prompts import PromptError, drop_unknown_characters, prepare_prompt

LETTERS = CharTokenizer("\n abcdefgh")
BPE = train_tokenizer("bpe", "the old frog waits, the old snake waits 龍 é " * 20, 300)
TEXT = "über 龍, a frog; "


def test_a_prompt_that_can_be_read_is_left_alone() -> None:
    prepared = prepare_prompt("bad cafe"[:7], LETTERS, 16)
    assert (prepared.text, prepared.notes, prepared.left_out) == ("bad caf", (), 0)
    assert LETTERS.decode(prepared.ids) == "bad caf"


def test_unknown_characters_are_named_and_dropped() -> None:
    prepared = prepare_prompt("a龍b\x1bc", LETTERS, 16)
    assert prepared.text == LETTERS.decode(prepared.ids) == "abc"
    (note,) = prepared.notes
    assert "龍" in note
    assert "\\x1b" in note
    assert "\x1b" not in note


def test_unknown_characters_can_be_refused_with_two_ways_out() -> None:
    with pytest.raises(PromptError, match=r"龍.*Leave it out \(--unknown drop\), or .*tokenizer=byte"):
        prepare_prompt("a龍", LETTERS, 16, unknown="refuse")
    with pytest.raises(PromptError, match="Leave it out") as caught:
        prepare_prompt("a\ud800", BPE, 16, unknown="refuse")
    assert "tokenizer=byte" not in str(caught.value)  # it would not help


def test_an_empty_prompt_is_the_start_of_a_text_and_so_is_one_of_which_nothing_is_left() -> None:
    assert prepare_prompt("", LETTERS, 16).ids == tuple(LETTERS.encode("\n\n").tolist())
    assert prepare_prompt("", CharTokenizer("xyz"), 16).ids == (0,)
    assert prepare_prompt("", LETTERS, 16, start="bad").ids == tuple(LETTERS.encode("bad").tolist())
    nothing_left = prepare_prompt("龍龍", LETTERS, 16)
    assert nothing_left.ids == prepare_prompt("", LETTERS, 16).ids
    assert "nothing of the prompt is left" in nothing_left.notes[0]


@pytest.mark.parametrize("tokenizer", [CharTokenizer("".join(sorted(set(TEXT)))), ByteTokenizer(), BPE])
@given(repeats=st.integers(1, 12), context=st.integers(5, 40))
def test_of_a_long_prompt_the_end_is_kept_in_whole_characters(tokenizer: Tokenizer, repeats: int, context: int) -> None:
    prompt = TEXT * repeats
    prepared = prepare_prompt(prompt, tokenizer, context)
    assert 0 < len(prepared.ids) <= context
    assert prompt.endswith(prepared.text)
    assert tokenizer.decode(prepared.ids) == prepared.text
    assert prepared.left_out == len(prompt) - len(prepared.text)
    assert len(prepared.notes) == (prepared.left_out > 0)
    if prepared.left_out:
        assert len(prepared.ids) > context - 4
        assert (str(prepared.left_out) if prepared.left_out > 1 else "first character") in prepared.notes[0]
        assert str(context) in prepared.notes[0]


def test_raw_bytes_are_cropped_too() -> None:
    raw = (b"\xff\xfe" * 20).decode("utf-8", "surrogateescape")
    assert prepare_prompt(raw, ByteTokenizer(), 8).ids == tuple(b"\xff\xfe" * 4)


def test_a_long_start_is_cropped_but_is_not_the_prompt() -> None:
    prepared = prepare_prompt("", LETTERS, 4, start="abcdefgh")
    assert (prepared.text, prepared.left_out) == ("", 4)
    assert LETTERS.decode(prepared.ids) == "efgh"


@given(st.text())
def test_what_is_left_can_be_read(text: str) -> None:
    left, notes = drop_unknown_characters(text, LETTERS)
    assert not LETTERS.unknown_characters(left)
    assert bool(notes) == (left != text)
