"""One call reads everything off a sample, in values that a journal can hold."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.corpus.haiku import generate_corpus
from babytrain.engine.reading.report import Reader, Reading

TRAIN = generate_corpus(seed=1, poems=300)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(TRAIN, generate_corpus(seed=2, poems=60), built_in_haiku=True)


def test_a_copied_text_reads_as_copied(reader: Reader) -> None:
    reading = reader.read(TRAIN[:500])
    assert reading.parrot_index is not None
    assert reading.parrot_index > 5
    assert (reading.longest_match, reading.source_line_number) == (500, 1)
    assert (reading.real_share, reading.new_share, reading.new_words) == (1.0, 0.0, "")
    assert reading.poems == reading.valid_poems >= 3
    assert (reading.new_lines, reading.never_paired, reading.guessed_words) == (0, 0, 0)


def test_a_text_of_ones_own_reads_as_ones_own(reader: Reader) -> None:
    reading = reader.read(generate_corpus(seed=9, poems=8))
    assert reading.parrot_index is not None
    assert reading.parrot_index < 2
    assert reading.poems == reading.valid_poems == 8
    assert reading.new_lines > 8


def test_a_very_short_text_is_read_as_far_as_it_goes(reader: Reader) -> None:
    reading = reader.read("a snake")
    assert reading.parrot_index is None
    assert (reading.words, reading.real_share) == (1, 1.0)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.booleans())
def test_any_text_can_be_read_and_put_on_record(reader: Reader, text: str, whole: bool) -> None:
    values = dataclasses.asdict(reader.read(text, whole=whole))
    assert Reading(**json.loads(json.dumps(values, allow_nan=False))) == Reading(**values)
    assert all(isinstance(value, int | float | str | None) for value in values.values())
