"""The model as its users see it: shapes, determinism, dials, and that it learns."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from babytrain.engine.config.build import build_config
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import Optimizer
from tests.engine.model.tiny_models import VOCABULARY, tiny_config, tiny_model, tiny_tokens

MLPS = ("relu2", "gelu", "swiglu", "fmn")
VARIANTS = [
    {},
    {"mlp": "gelu", "norm": "layer", "position": "learned", "tied": True, "qk_norm": False, "zero_init": False},
    {"mlp": "swiglu", "bias": True, "norm": "layer"},
    {"mlp": "fmn", "tied": True},
    {"mlp": "relu2", "position": "learned", "qk_norm": False, "bias": True},
]


@pytest.mark.parametrize(
    ("preset", "low", "high"),
    [
        ("baby", 0.79e6, 0.81e6),
        ("toddler", 2.9e6, 3.2e6),
        ("seven-million", 7.0e6, 7.2e6),
        ("fmn", 0.33e6, 0.35e6),
        ("gpt2", 0.80e6, 0.81e6),
        ("prodigy", 1.44e6, 1.5e6),
        ("schoolchild", 10.6e6, 10.8e6),
    ],
)
@pytest.mark.parametrize("vocabulary", [40, 65])
def test_presets_have_the_size_their_names_promise(preset: str, low: float, high: float, vocabulary: int) -> None:
    config = build_config(preset)
    assert low < build_model(config, vocabulary, seed=1).parameter_count < high
    assert (config.width // config.heads) % 2 == 0


def test_parameter_count_is_the_sum_of_the_shapes() -> None:
    width, layers, hidden = 16, 2, 64
    blocks = layers * (3 * width * width + width * width + 2 * width * hidden)
    assert tiny_model(token_shift=3).parameter_count == (2 * VOCABULARY + 3) * width + blocks
    tied = tiny_model(tied=True, position="learned", token_shift=0, ngram_rows=20)
    assert tied.parameter_count == (VOCABULARY + 8 + 20) * width + blocks


def test_swiglu_has_about_as_many_parameters_as_the_plain_mlps() -> None:
    plain = build_model(build_config("baby"), 65, seed=1).parameter_count
    gated = build_model(build_config("baby", {"mlp": "swiglu"}), 65, seed=1).parameter_count
    assert abs(gated - plain) < 0.02 * plain


@pytest.mark.parametrize("settings", VARIANTS)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(settings: dict[str, object]) -> None:
    config = tiny_config(**settings)
    first, again, other = (build_model(config, VOCABULARY, seed=seed).state_dict() for seed in (7, 7, 8))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["token_embedding"], other["token_embedding"])


def test_building_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    build_model(tiny_config(), VOCABULARY, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("settings", VARIANTS)
def test_the_first_loss_is_close_to_a_uniform_guess(settings: dict[str, object]) -> None:
    model = build_model(tiny_config(**settings), VOCABULARY, seed=1)
    loss = model.loss(tiny_tokens(16), tiny_tokens(16, seed=1))
    assert loss.dtype == torch.float32
    assert loss.shape == ()
    assert abs(loss.item() - math.log(VOCABULARY)) < 0.9


def test_zero_init_starts_every_block_as_the_identity() -> None:
    model = build_model(tiny_config(), VOCABULARY, seed=1)
    tokens = tiny_tokens()
    shallow = build_model(tiny_config(layers=1), VOCABULARY, seed=1)
    shallow.token_embedding, shallow.head = model.token_embedding, model.head
    torch.testing.assert_close(model(tokens), shallow(tokens))


@pytest.mark.parametrize("settings", VARIANTS)
def test_loss_is_the_mean_cross_entropy_of_the_logits(settings: dict[str, object]) -> None:
    model = tiny_model(**settings)
    tokens, targets = tiny_tokens(), tiny_tokens(seed=1)
    log_probabilities = model(tokens).log_softmax(-1)
    expected = -sum(
        log_probabilities[row, column, targets[row, column]] for row, column in itertools.product(range(3), range(8))
    ) / (3 * 8)
    torch.testing.assert_close(model.loss(tokens, targets), expected)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("settings", VARIANTS)
def test_no_token_sees_the_future(settings: dict[str, object], precision: str) -> None:
    model = tiny_model(**settings)
    model.precision = precision
    tokens = tiny_tokens()
    changed = tokens.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % VOCABULARY
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize("position", ["rope", "learned"])
def test_order_matters(position: str) -> None:
    model = tiny_model(position=position, layers=1)
    tokens = torch.tensor([[1, 2, 3, 4], [2, 1, 3, 4]])
    logits = model(tokens)
    assert not torch.allclose(logits[0, -1], logits[1, -1], atol=1e-3)


def test_windows_shorter_than_the_context_are_fine_and_longer_ones_are_refused() -> None:
    model = tiny_model()
    assert model(tiny_tokens(2, 3)).shape == (2, 3, VOCABULARY)
    with pytest.raises(ValueError, match="context of 8"):
        model(tiny_tokens(2, 9))


def test_dropout_can_be_changed_live_and_rests_in_evaluation_mode() -> None:
    model, tokens = tiny_model(), tiny_tokens()
    without = model(tokens)
    model.set_dropout(0.5)
    assert not torch.allclose(model(tokens), without)
    model.eval()
    torch.testing.assert_close(model(tokens), without)
    model.train()
    model.set_dropout(0.0)
    torch.testing.assert_close(model(tokens), without)


def test_dropout_noise_follows_the_global_seed() -> None:
    model, tokens = tiny_model(dropout=0.3), tiny_tokens()
    torch.manual_seed(1)
    first = model(tokens)
    torch.manual_seed(1)
    assert torch.equal(model(tokens), first)
    assert not torch.equal(model(tokens), first)


@pytest.mark.parametrize("settings", VARIANTS)
def test_bf16_is_close_to_fp32_but_not_the_same_and_keeps_fp32_weights(settings: dict[str, object]) -> None:
    model, tokens = tiny_model(**settings), tiny_tokens()
    exact = model(tokens)
    model.precision = "bf16"
    rough = model(tokens)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 0.05 * exact.abs().max()
    model.loss(tokens, tokens).backward()
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in model.parameters() if p.grad is not None)
    model.precision = "fp32"
    torch.testing.assert_close(model(tokens), exact)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("settings", VARIANTS)
def test_every_parameter_learns_after_a_few_steps(settings: dict[str, object], precision: str) -> None:
    config = tiny_config(**settings)
    model = build_model(config, VOCABULARY, seed=1)
    model.precision = precision
    optimizer = Optimizer(model, config)
    tokens, targets = tiny_tokens(8), tiny_tokens(8, seed=1)
    for _ in range(4):
        optimizer.zero_grad()
        model.loss(tokens, targets).backward()
        optimizer.clip_gradient_norm(1.0)
        optimizer.set_learning_rates(1e-2, 1e-2)
        optimizer.step()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("optimizer_name", ["adamw", "muon"])
@pytest.mark.parametrize("mlp", MLPS)
def test_thirty_steps_learn_a_short_text_by_heart(mlp: str, optimizer_name: str) -> None:
    text = torch.tensor([ord(c) for c in "the frog jumps in; splash! " * 4]) % 32
    config = tiny_config(mlp=mlp, width=32, context=16, fmn_rank=24, optimizer=optimizer_name)
    model = build_model(config, 32, seed=1)
    optimizer = Optimizer(model, config)
    windows = text.unfold(0, 17, 4)
    losses = []
    for step in range(30):
        optimizer.zero_grad()
        loss = model.loss(windows[:, :-1], windows[:, 1:])
        loss.backward()
        optimizer.clip_gradient_norm(1.0)
        rate = min(1.0, (step + 1) / 5)
        optimizer.set_learning_rates(1e-2 * rate, 2e-2 * rate)
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 2.5
    assert losses[-1] < 0.3
