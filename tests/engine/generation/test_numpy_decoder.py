"""Writing in numpy: the same predictions as the model's own, for every kind of model, however the tokens come in."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.config.build import build_config
from babytrain.engine.config.presets import PRESETS
from babytrain.engine.generation.numpy_decoder import NumpyDecoder
from babytrain.engine.model.gpt import GPT, build_model
from tests.engine.model.tiny_models import VOCABULARY, tiny_model

PARTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gelu": {"mlp": "gelu"},
    "swiglu": {"mlp": "swiglu"},
    "fmn": {"mlp": "fmn"},
    "learned": {"position": "learned"},
    "layer norm": {"norm": "layer"},
    "loose scores": {"qk_norm": False},
    "biases": {"bias": True},
    "layer norm with biases": {"norm": "layer", "bias": True, "position": "learned", "qk_norm": False},
    "tied": {"tied": True, "norm": "layer", "bias": True},
    "no shift": {"token_shift": 0},
    "shift beyond the context": {"token_shift": 12},
    "n-grams": {"ngram_rows": 40},
    "n-grams, no shift": {"ngram_rows": 40, "token_shift": 0},
    "shifted layer norm": {"ngram_rows": 40, "norm": "layer"},
}


@functools.cache
def model_with(part: str) -> GPT:
    return tiny_model(**PARTS[part])


@functools.cache
def preset_model(preset: str) -> GPT:
    """The preset with nothing left at zero or one, two layers of it."""
    model = build_model(build_config(preset, {"layers": 2, "context": 16}), VOCABULARY, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return model.eval()


def full_logits(model: GPT, tokens: list[int]) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        logits: np.ndarray[Any, Any] = model(torch.tensor([tokens]))[0].numpy()
    return logits


def assert_same_predictions(model: GPT, tokens: list[int], cuts: list[int]) -> None:
    """Reads in pieces that end at `cuts` and compares the prediction after each."""
    scribe, wanted = NumpyDecoder(model), full_logits(model, tokens)
    for begin, end in zip([0, *cuts], [*cuts, len(tokens)], strict=True):
        if end > begin:
            logits = scribe.read(tokens[begin:end])
            np.testing.assert_allclose(logits, wanted[end - 1], rtol=1e-4, atol=1e-4)
            assert scribe.length == end


texts = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=8)


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=15, deadline=None)
@given(tokens=texts, data=st.data())
def test_predictions_are_the_models_own_in_whatever_pieces_it_reads(
    part: str, tokens: list[int], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(tokens)), max_size=4)))
    assert_same_predictions(model_with(part), tokens, cuts)


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=3, deadline=None)
@given(tokens=st.lists(st.integers(0, VOCABULARY - 1), min_size=16, max_size=16))
def test_every_preset_is_predicted_at_every_position(preset: str, tokens: list[int]) -> None:
    assert_same_predictions(preset_model(preset), tokens, list(range(1, 16)))


def test_a_prompt_longer_than_is_read_at_once() -> None:
    model = tiny_model(context=300, ngram_rows=40)
    assert_same_predictions(model, [(7 * i) % VOCABULARY for i in range(300)], [290])


@pytest.mark.parametrize("part", ["plain", "n-grams", "layer norm with biases"])
def test_nothing_is_left_of_a_text_that_was_cleared(part: str) -> None:
    model = model_with(part)
    scribe = NumpyDecoder(model)
    scribe.read([5, 6, 7, 8, 9, 10, 1, 2])
    scribe.clear()
    np.testing.assert_allclose(scribe.read([3, 4]), full_logits(model, [3, 4])[-1], rtol=1e-4, atol=1e-4)


def test_training_on_while_it_writes_changes_nothing_for_it() -> None:
    model, same = tiny_model(ngram_rows=40), tiny_model(ngram_rows=40)
    scribe = NumpyDecoder(model)
    scribe.read([1, 2])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    np.testing.assert_allclose(scribe.read([3, 4]), full_logits(same, [1, 2, 3, 4])[-1], rtol=1e-4, atol=1e-4)


def test_predictions_are_the_readers_to_keep() -> None:
    scribe = NumpyDecoder(tiny_model())
    first = scribe.read([1])
    kept = first.copy()
    scribe.read([2])
    np.testing.assert_array_equal(first, kept)


def test_large_scores_without_normalisation_do_not_overflow() -> None:
    model = tiny_model(qk_norm=False, spread=5.0)
    scribe, wanted = NumpyDecoder(model), full_logits(model, [1, 2, 3, 4, 5])[-1]
    np.testing.assert_allclose(scribe.read([1, 2, 3, 4, 5]), wanted, rtol=1e-3)
    scribe.clear()
    scribe.read([1, 2, 3])
    np.testing.assert_allclose([scribe.read([token]) for token in (4, 5)][-1], wanted, rtol=1e-3)


@pytest.mark.parametrize("damage", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("mlp", ["relu2", "swiglu"])
def test_damaged_weights_print_no_warnings(damage: float, mlp: str) -> None:
    model = tiny_model(mlp=mlp, norm="layer", bias=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(damage)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scribe = NumpyDecoder(model)
        assert not np.isfinite(scribe.read([1, 2, 3])).any()
        assert not np.isfinite(scribe.read([1])).any()


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    model = tiny_model()
    scribe = NumpyDecoder(model)
    scribe.read([1, 2, 3])
    with pytest.raises(ValueError, match="context of 8"):
        scribe.read([1] * 6)
    with pytest.raises(ValueError, match="nothing to read"):
        scribe.read([])
    np.testing.assert_allclose(scribe.read([4]), full_logits(model, [1, 2, 3, 4])[-1], rtol=1e-4, atol=1e-4)
