"""One call measures everything on a sample, and the journal can hold it."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.analysis.memorisation import MemorisationResult
from babytrain.engine.analysis.sample_analyzer import text_metrics_event
from babytrain.engine.analysis.text_metrics import TextAnalyzer
from babytrain.engine.data.haiku.grammar import generate_corpus
from babytrain.runs.events import Sample

TRAIN = generate_corpus(seed=1, poems=300)


@pytest.fixture(scope="module")
def reader() -> TextAnalyzer:
    return TextAnalyzer(TRAIN, generate_corpus(seed=2, poems=60), built_in_haiku=True)


def test_a_copied_text_reads_as_copied(reader: TextAnalyzer) -> None:
    found = reader.measure(TRAIN[:500])
    assert isinstance(found.copying, MemorisationResult)
    assert found.copying.index > 5
    assert (found.copying.longest_match, found.copying.source_line_number) == (500, 1)
    assert (found.words.real_share, found.words.new_words) == (1.0, ())
    assert found.haiku.poems == found.haiku.valid >= 3
    assert (found.haiku.new_valid, found.haiku.unseen_pairs) == (0, 0)


def test_a_text_of_ones_own_reads_as_ones_own(reader: TextAnalyzer) -> None:
    found = reader.measure(generate_corpus(seed=9, poems=8))
    assert isinstance(found.copying, MemorisationResult)
    assert found.copying.index < 2
    assert found.haiku.poems == found.haiku.valid == 8
    assert found.haiku.new_valid is not None
    assert found.haiku.new_valid > 6


def test_a_very_short_text_is_read_as_far_as_it_goes(reader: TextAnalyzer) -> None:
    found = reader.measure("a snake")
    assert found.copying is None
    assert (found.words.words, found.words.real_share) == (1, 1.0)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.booleans())
def test_any_text_can_be_read_and_put_on_record(reader: TextAnalyzer, text: str, whole: bool) -> None:
    sample = Sample(t=1.0, step=2, sample_id=3, prompt="", text=text, temperature=1.0, seed=0, seconds=0.1)
    event = text_metrics_event(reader.measure(text, whole=whole), sample, t=1.0, is_haiku=True)
    json.dumps(msgspec.to_builtins(event), allow_nan=False)
    assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event
