"""N-gram baselines are proper distributions and get what can be got by counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.analysis import ngram_baselines
from babytrain.engine.analysis.ngram_baselines import NgramModel, measure_ngram_losses

ORDERS = (1, 2, 3, 5)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 5), st.booleans())
def test_the_chances_of_all_tokens_add_up_to_one(data: st.DataObject, vocabulary: int, by_sorting: bool) -> None:
    tokens = st.integers(0, vocabulary - 1)
    train = data.draw(st.lists(tokens, min_size=1, max_size=60))
    context = data.draw(st.lists(tokens, max_size=7))
    dense = 0 if by_sorting else ngram_baselines._DENSE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram_baselines, "_DENSE", dense)
        model = NgramModel(train, vocabulary, ORDERS)
    for number in range(len(ORDERS)):
        chances = [model.chances([*context, token])[number][-1] for token in range(vocabulary)]
        assert all(chance > 0 for chance in chances)
        assert sum(chances) == pytest.approx(1)


def test_counting_by_table_and_by_sorting_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = np.random.default_rng(0).integers(7, size=3000)
    by_table = measure_ngram_losses(tokens[:2500], tokens[2500:], 7)
    monkeypatch.setattr(ngram_baselines, "_DENSE", 0)
    assert measure_ngram_losses(tokens[:2500], tokens[2500:], 7) == by_table


def test_a_chance_depends_on_nothing_that_comes_later() -> None:
    draw = np.random.default_rng(1)
    model = NgramModel(draw.integers(4, size=500), 4, ORDERS)
    text = draw.integers(4, size=50)
    for whole, part in zip(model.chances(text), model.chances(text[:20]), strict=True):
        assert whole[:20].tolist() == part.tolist()


def test_bigram_chances_are_those_of_the_formula() -> None:
    # a b a b a c: ab 2, ba 2, ac 1. One bigram comes once, two come twice: D = 1/5.
    chances = NgramModel([0, 1, 0, 1, 0, 2], 3, (2,)).chances([0, 1])[0]
    # Of the three kinds of bigrams one each ends in a, b and c: no count of two, so half a count is kept back of each.
    shorter = (1 - 0.5) / 3 + 0.5 * 3 / 3 * (1 / 3)
    assert chances[1] == pytest.approx((2 - 0.2) / 3 + 0.2 * 2 / 3 * shorter)


def test_longer_contexts_help_where_the_text_is_decided_by_them() -> None:
    # Every token is the sum of the two before: a trigram knows it all, a bigram close to nothing.
    tokens = [1, 0]
    draw = np.random.default_rng(2)
    for _ in range(20_000):
        tokens.append((tokens[-1] + tokens[-2]) % 7 if draw.random() < 0.9 else int(draw.integers(7)))
    result = measure_ngram_losses(tokens[:18_000], tokens[18_000:], 7)
    right = 0.9 + 0.1 / 7
    floor = -right * math.log(right) - 6 * (0.1 / 7) * math.log(0.1 / 7)
    assert floor < result.trigram < floor + 0.1
    assert result.bigram > math.log(7) - 0.1
    assert result.fivegram < result.bigram - 1


def test_random_tokens_cost_the_logarithm_of_the_vocabulary() -> None:
    tokens = np.random.default_rng(3).integers(20, size=20_000).astype(np.uint16)
    result = measure_ngram_losses(tokens[:18_000], tokens[18_000:], 20)
    assert result.bigram == pytest.approx(math.log(20), abs=0.05)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="Nothing to predict"):
        measure_ngram_losses([0, 1], [0], 2)
    with pytest.raises(ValueError, match="at least one token"):
        measure_ngram_losses([], [0, 1], 2)
