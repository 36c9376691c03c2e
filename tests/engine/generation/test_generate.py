"""Writing text: the cache changes nothing but the speed, the seed decides, and the trainer notices nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.generation import generate as generate_module
from babytrain.engine.generation.generate import context_start, generate, likeliest_tokens, new_decoder
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.engine.model.gpt import GPT
from tests.engine.model.tiny_models import VOCABULARY, tiny_model

WARM = SamplingSettings(1.0)


@pytest.fixture(params=["numpy", "torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either way of reading, whatever the size of the model."""
    way: str = request.param
    monkeypatch.setattr(generate_module, "_MOST_NUMPY_DECODER_PARAMETERS", 10**9 if way == "numpy" else 0)
    return way


def write(model: GPT, prompt: list[int], settings: SamplingSettings | None = None, **changes: Any) -> list[int]:
    drawn = {name: changes.pop(name) for name in ("temperature", "top_k") if name in changes}
    settings = settings or SamplingSettings(**({"temperature": 1.0} | drawn))
    wishes: dict[str, Any] = {"max_tokens": 30, "seed": 1, "device": "cpu"}
    return list(generate(model, prompt, settings, **(wishes | changes)))


def write_without_cache(model: GPT, prompt: list[int], count: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        window = tokens[context_start(len(tokens), model.context) :]
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
    start = context_start(count, context)
    used = count - start
    assert used <= context
    assert used >= min(count, context // 2)
    assert start <= context_start(count + 1, context) <= count


def test_the_cache_saves_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Counting(generate_module.NumpyDecoder):
        def read(self, tokens: Sequence[int]) -> Any:
            read.append(len(tokens))
            return super().read(tokens)

    monkeypatch.setattr(generate_module, "NumpyDecoder", Counting)
    write(tiny_model(), [1, 2, 3], max_tokens=12)
    assert read == [3, 1, 1, 1, 1, 1, 5, 1, 1, 1, 5, 1]


def test_both_ways_draw_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    in_numpy = write(model, [1, 2], top_k=5)
    monkeypatch.setattr(generate_module, "_MOST_NUMPY_DECODER_PARAMETERS", 0)
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
    first = generate(model, [1], WARM, max_tokens=30, seed=1, device="cpu")
    second = generate(model, [2], WARM, max_tokens=30, seed=2, device="cpu")
    by_turns = list(zip(first, second, strict=True))
    assert ([a for a, _ in by_turns], [b for _, b in by_turns]) == alone


@pytest.mark.usefixtures("way")
def test_top_k_of_one_is_greedy_whatever_the_temperature() -> None:
    model = tiny_model()
    assert write(model, [1], top_k=1, temperature=5.0) == write(model, [1], temperature=0.0)


@pytest.mark.usefixtures("way")
def test_the_repetition_penalty_sees_the_prompt_and_what_was_written() -> None:
    model = tiny_model(spread=0.02)  # so even that a penalty outweighs what the model has learned
    model.token_embedding.data.normal_(0.0, 1.0, generator=torch.Generator().manual_seed(3))
    plain = write(model, [1], max_tokens=40, temperature=0.0)
    penalised = write(model, [1], SamplingSettings(0.0, repetition_penalty=10.0), max_tokens=40)
    assert len(set(penalised)) > len(set(plain))


@pytest.mark.usefixtures("way")
def test_the_likeliest_next_tokens_are_those_of_the_whole_distribution() -> None:
    model = tiny_model()
    tokens, shares = likeliest_tokens(new_decoder(model, "cpu"), [1, 2, 3], VOCABULARY)
    with torch.no_grad():
        expected = torch.softmax(model(torch.tensor([[1, 2, 3]]))[0, -1].double(), 0).numpy()
    assert sorted(tokens.tolist()) == list(range(VOCABULARY))
    np.testing.assert_allclose(shares, expected[tokens], atol=1e-5)
    assert list(shares) == sorted(shares, reverse=True)
    assert shares.sum() == pytest.approx(1.0)


def test_next_tokens_asks_afresh_each_time_and_keeps_ties_in_order() -> None:
    class Even:
        length = 0

        def clear(self) -> None:
            self.length = 0

        def read(self, tokens: Sequence[int]) -> Any:
            self.length += len(tokens)
            assert self.length == len(tokens)
            return np.array([0.0, 1.0, 0.0, 1.0], dtype=np.float32)

    reader = Even()
    assert likeliest_tokens(reader, [1, 2], 3)[0].tolist() == [1, 3, 0]
    assert likeliest_tokens(reader, [1], 99)[0].tolist() == [1, 3, 0, 2]
    assert likeliest_tokens(reader, [1], 0)[1].size == 0


def test_next_tokens_of_a_damaged_model_is_a_sentence() -> None:
    model = tiny_model()
    model.token_embedding.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="damaged"):
        likeliest_tokens(new_decoder(model, "cpu"), [1], 3)


@pytest.mark.usefixtures("way")
def test_training_notices_nothing() -> None:
    model = tiny_model(dropout=0.5)
    model.train()
    model.precision = "bf16"
    torch.manual_seed(3)
    before, weights = torch.get_rng_state(), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    text = generate(model, [1], WARM, max_tokens=5, seed=1, device="cpu")
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
    careless.precision = "bf16"
    assert write(careful, [1], temperature=0.0) == write(careless, [1], temperature=0.0)


@pytest.mark.usefixtures("way")
def test_it_stops_when_told_to() -> None:
    asked = iter([False, False, False, True])
    assert len(write(tiny_model(), [1], stop=lambda: next(asked))) == 3


@pytest.mark.parametrize(("prompt", "word"), [([], "at least one"), ([1, VOCABULARY], "vocabulary"), ([-1], "vocabul")])
def test_bad_prompts_are_refused_at_once(prompt: list[int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        generate(tiny_model(), prompt, WARM, max_tokens=1, seed=1, device="cpu")


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.usefixtures("way")
def test_a_damaged_model_is_a_sentence_and_not_a_traceback_from_torch(temperature: float) -> None:
    model = tiny_model()
    model.token_embedding.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="damaged"):
        write(model, [1], temperature=temperature)
