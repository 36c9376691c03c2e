"""How grown up a loss is."""

from __future__ import annotations

import math

import pytest

from babytrain.runs.events import CorpusFacts
from babytrain.runs.growth import grown_up


def facts(floor: float | None, vocabulary: int = 29) -> CorpusFacts:
    return CorpusFacts(
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
    assert grown_up(math.log(29), known) == 0
    assert grown_up(0.3, known) == 1
    assert grown_up((math.log(29) + 0.3) / 2, known) == pytest.approx(0.5)


def test_worse_than_guessing_and_better_than_the_floor_are_clipped():
    assert grown_up(9.0, facts(0.3)) == 0
    assert grown_up(0.29, facts(0.3)) == 1


@pytest.mark.parametrize("loss", [None, math.nan, math.inf])
def test_no_loss_no_growth(loss):
    assert grown_up(loss, facts(0.3)) is None


def test_unknown_where_the_source_is_unknown_or_has_nothing_to_learn():
    assert grown_up(1.0, facts(None)) is None
    assert grown_up(1.0, facts(0.3, vocabulary=1)) is None
    assert grown_up(1.0, facts(4.0)) is None
