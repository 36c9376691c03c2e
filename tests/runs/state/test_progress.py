"""How grown up a loss is."""

from __future__ import annotations

import math

import pytest

from babytrain.runs.events import CorpusInfo
from babytrain.runs.state.progress import progress_to_floor


def facts(floor: float | None, vocabulary: int = 29) -> CorpusInfo:
    return CorpusInfo(
        name="haiku",
        sha256="",
        characters=100,
        train_tokens=90,
        val_tokens=10,
        vocabulary_size=vocabulary,
        tokenizer="char",
        floor_nats_per_token=floor,
    )


def test_guessing_is_nought_the_floor_is_one_and_half_way_is_half():
    known = facts(0.3)
    assert progress_to_floor(math.log(29), known) == 0
    assert progress_to_floor(0.3, known) == 1
    assert progress_to_floor((math.log(29) + 0.3) / 2, known) == pytest.approx(0.5)


def test_worse_than_guessing_and_better_than_the_floor_are_clipped():
    assert progress_to_floor(9.0, facts(0.3)) == 0
    assert progress_to_floor(0.29, facts(0.3)) == 1


@pytest.mark.parametrize("loss", [None, math.nan, math.inf])
def test_no_loss_no_growth(loss):
    assert progress_to_floor(loss, facts(0.3)) is None


def test_unknown_where_the_source_is_unknown_or_has_nothing_to_learn():
    assert progress_to_floor(1.0, facts(None)) is None
    assert progress_to_floor(1.0, facts(0.3, vocabulary=1)) is None
    assert progress_to_floor(1.0, facts(4.0)) is None
