"""Writing text: the cache changes nothing but the speed, the seed decides, and the trainer notices nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine import sampling
from babytrain.engine.model.gpt import GPT
from babytrain.engine.sampling import choose_token, generate, window_start
from tests.engine.model.tiny import VOCABULARY, tiny_model


@pytest.fixture(params=["numpy", "torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either way of reading, whatever the size of the model."""
    way: str = request.param
    monkeypatch.setattr(sampling, "_MOST_SCRIBE_PARAMETERS", 10**9 if way == "numpy" else 0)
    return way


def write(model: GPT, prompt: list[int], **changes: Any) -> list[int]:
    settings_: dict[str, Any] = {"max_tokens": 30, "temperature": 1.0, "seed": 1, "device": "cpu"}
    return list(generate(model, prompt, **(settings_ | changes)))


def write_without_cache(model: GPT, prompt: list[int], count: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        window = tokens[window_start(len(tokens), model.context) :]
        with torch.no_grad():
            tokens.append(int(model(torch.tensor([window]))[0, -1].argmax()))
    return tokens[len(prompt) :]


@pytest.mark.parametrize("prompt_length", [1, 7, 8, 9, 20])
@pytest.mark.parametrize("settings_", [{}, {"position": "learned", "norm": "layer", "ngram_rows": 40}])
@pytest.mark.usefixtures("way")
def test_greedy_text_with_the_cache_is_that_without_also_past_the_context(
    settings_: dict[str, Any], prompt_length: int
) -> None:
    for seed in range(3):
        model = tiny_model(**settings_, seed=seed)
        prompt = [(3 * i + seed) % VOCABULARY for i in range(prompt_length)]
        written = write(model, prompt, temperature=0.0)
        assert written == write_without_cache(model, prompt, 30)


@given(context=st.integers(2, 64), count=st.integers(1, 400))
def test_the_window_fits_the_context_and_uses_at_least_half_of_it(context: int, count: int) -> None:
    start = window_start(count, context)
    used = count - start
    assert used <= context
    assert used >= min(count, context // 2)
    assert start <= window_start(count + 1, context) <= count


def test_the_cache_saves_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Counting(sampling.Scribe):
        def read(self, tokens: Sequence[int]) -> Any:
            read.append(len(tokens))
            return super().read(tokens)

    monkeypatch.setattr(sampling, "Scribe", Counting)
    write(tiny_model(), [1, 2, 3], max_tokens=12)
    assert read == [3, 1, 1, 1, 1, 1, 5, 1, 1, 1, 5, 1]


def test_both_ways_draw_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    in_numpy = write(model, [1, 2], top_k=5)
    monkeypatch.setattr(sampling, "_MOST_SCRIBE_PARAMETERS", 0)
    assert write(model, [1, 2], top_k=5) == in_numpy


@pytest.mark.usefixtures("way")
def test_the_seed_decides_the_text() -> None:
    model = tiny_model()
    assert write(model, [1], seed=5) == write(model, [1], seed=5)
    assert len({tuple(write(model, [1], seed=seed)) for seed in range(5)}) == 5


@pytest.mark.usefixtures("way")
def test_two_texts_written_by_turns_do_not_disturb_each_other() -> None:
    model = tiny_model()
    alone = write(model, [1], seed=1), write(model, [2], seed=2)
    first = generate(model, [1], max_tokens=30, temperature=1.0, seed=1, device="cpu")
    second = generate(model, [2], max_tokens=30, temperature=1.0, seed=2, device="cpu")
    by_turns = list(zip(first, second, strict=True))
    assert ([a for a, _ in by_turns], [b for _, b in by_turns]) == alone


@pytest.mark.usefixtures("way")
def test_top_k_of_one_is_greedy_whatever_the_temperature() -> None:
    model = tiny_model()
    assert write(model, [1], top_k=1, temperature=5.0) == write(model, [1], temperature=0.0)


@settings(max_examples=50, deadline=None)
@given(
    logits=st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=20),
    temperature=st.floats(1e-6, 10.0),
    top_k=st.integers(0, 25),
    seed=st.integers(0, 99),
)
def test_a_chosen_token_is_among_the_k_likeliest(
    logits: list[float], temperature: float, top_k: int, seed: int
) -> None:
    array = np.array(logits, dtype=np.float32)
    token = choose_token(array, temperature, top_k, np.random.Generator(np.random.Philox(seed)))
    kept = top_k or len(logits)
    assert array[token] >= np.sort(array)[::-1][min(kept, len(logits)) - 1]


@pytest.mark.parametrize("uniform", [0.0, 1.0 - 2.0**-24])
def test_the_ends_of_the_draw_are_tokens_with_a_chance(uniform: float) -> None:
    class Extreme(np.random.Generator):
        def random(self, *_: Any, **__: Any) -> Any:
            return np.float32(uniform)

    logits = np.array([-1e9, 0.0, 1.0, 0.5, -1e9], dtype=np.float32)
    token = choose_token(logits, 1.0, 2, Extreme(np.random.Philox(1)))
    assert token == (2 if uniform == 0.0 else 3)


@pytest.mark.parametrize("temperature", [1e-310, 1e-30, 1e-6])
def test_the_smallest_temperatures_take_the_likeliest(temperature: float) -> None:
    logits = np.array([0.0, 3e38, 2e38, -3e38], dtype=np.float32)
    assert choose_token(logits, temperature, 0, np.random.Generator(np.random.Philox(1))) == 1


def test_probabilities_follow_the_temperature() -> None:
    generator = np.random.Generator(np.random.Philox(1))
    logits = np.array([0.0, 1.0], dtype=np.float32)
    hot = sum(choose_token(logits, 2.0, 0, generator) for _ in range(2000)) / 2000
    cold = sum(choose_token(logits, 0.5, 0, generator) for _ in range(2000)) / 2000
    assert hot == pytest.approx(torch.sigmoid(torch.tensor(0.5)).item(), abs=0.04)
    assert cold == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), abs=0.04)


@pytest.mark.usefixtures("way")
def test_training_notices_nothing() -> None:
    model = tiny_model(dropout=0.5)
    model.train()
    model.set_precision("bf16")
    torch.manual_seed(3)
    before, weights = torch.get_rng_state(), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    text = generate(model, [1], max_tokens=5, temperature=1.0, seed=1, device="cpu")
    for _ in text:
        assert model.training
        assert model.precision == "bf16"
        assert not torch.is_inference_mode_enabled()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    tokens = torch.zeros(1, 4, dtype=torch.long)
    model.loss(tokens, tokens).backward()


@pytest.mark.usefixtures("way")
def test_it_writes_in_evaluation_mode_and_fp32() -> None:
    careful, careless = tiny_model(), tiny_model(dropout=0.9)
    careless.train()
    careless.set_precision("bf16")
    assert write(careful, [1], temperature=0.0) == write(careless, [1], temperature=0.0)


@pytest.mark.usefixtures("way")
def test_it_stops_when_told_to() -> None:
    asked = iter([False, False, False, True])
    assert len(write(tiny_model(), [1], stop=lambda: next(asked))) == 3


@pytest.mark.parametrize(("prompt", "word"), [([], "at least one"), ([1, VOCABULARY], "vocabulary"), ([-1], "vocabul")])
def test_bad_prompts_are_refused_at_once(prompt: list[int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        generate(tiny_model(), prompt, max_tokens=1, temperature=1.0, seed=1, device="cpu")


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.usefixtures("way")
def test_a_damaged_model_is_a_sentence_and_not_a_traceback_from_torch(temperature: float) -> None:
    model = tiny_model()
    model.token_embedding.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="damaged"):
        write(model, [1], temperature=temperature)
