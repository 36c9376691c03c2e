"""Dropout and label smoothing as tensors do what torch's own do with numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.model.dial_tensors import apply_dropout, smoothed_cross_entropy
from tests.engine.model.tiny_models import tiny_model, tiny_tokens

TOKENS, TARGETS = tiny_tokens(), tiny_tokens(seed=1)


@settings(max_examples=25, deadline=None)
@given(smoothing=st.floats(0.0, 0.9), seed=st.integers(0, 1000))
def test_a_tensor_smooths_like_a_number(smoothing: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = (5 * torch.randn(12, 7, generator=generator)).requires_grad_()
    targets = torch.randint(0, 7, (12,), generator=generator)
    number = smoothed_cross_entropy(logits, targets, smoothing)
    tensor = smoothed_cross_entropy(logits, targets, torch.tensor(smoothing))
    torch.testing.assert_close(tensor, number)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (tensor, number)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_a_tensor_drops_as_often_as_asked_and_keeps_the_mean(dtype: torch.dtype, probability: float) -> None:
    torch.manual_seed(4)
    dropped = apply_dropout(torch.ones(200_000, dtype=dtype), torch.tensor(probability))
    assert (dropped == 0).float().mean().item() == pytest.approx(probability, abs=0.005)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / (1 - probability)])


@pytest.mark.parametrize("probability", [None, torch.tensor(0.0)])
def test_nothing_drops_at_zero(probability: torch.Tensor | None) -> None:
    x = torch.randn(1000)
    assert torch.equal(apply_dropout(x, probability), x)


@pytest.mark.parametrize("in_tensors", [False, True])
def test_smoothing_acts_on_the_training_loss_and_never_on_an_evaluation(in_tensors: bool) -> None:
    model = tiny_model()
    if in_tensors:
        model.keep_dials_in_tensors()
    plain = F.cross_entropy(model(TOKENS).flatten(0, 1), TARGETS.flatten())
    model.set_label_smoothing(0.2)
    smoothed = F.cross_entropy(model(TOKENS).flatten(0, 1), TARGETS.flatten(), label_smoothing=0.2)
    torch.testing.assert_close(model.loss(TOKENS, TARGETS), smoothed)
    model.eval()
    torch.testing.assert_close(model.loss(TOKENS, TARGETS), plain)


def test_the_first_positions_come_from_the_config() -> None:
    model = tiny_model(dropout=0.4, label_smoothing=0.2)
    seen = model.loss(TOKENS, TARGETS)
    model.keep_dials_in_tensors()
    assert not torch.equal(model(TOKENS), model(TOKENS))
    model.set_dropout(0.0)
    numbers = tiny_model(label_smoothing=0.2)
    torch.testing.assert_close(model.loss(TOKENS, TARGETS), numbers.loss(TOKENS, TARGETS))
    assert seen.isfinite()


@pytest.mark.parametrize("changes", [{}, {"qk_norm": False, "position": "learned"}])
def test_on_a_graphics_card_attention_gets_what_its_flash_kernel_takes(changes, monkeypatch) -> None:
    """bf16 of equal shapes [B, heads, T, size], neighbours in the last dimension side by side, causal, no mask."""
    seen = []

    def attention(query, key, value, **options):
        seen.append((query, key, value, options))
        return torch.empty_like(query)

    monkeypatch.setattr(F, "scaled_dot_product_attention", attention)
    model = tiny_model(**changes).to("meta")  # any device that is not a CPU takes the same way
    model.precision = "bf16"
    model.loss(TOKENS.to("meta"), TARGETS.to("meta"))
    assert len(seen) == 2
    for *tensors, options in seen:
        assert {tensor.dtype for tensor in tensors} == {torch.bfloat16}
        assert {tensor.shape for tensor in tensors} == {torch.Size((3, 2, 8, 8))}
        assert {tensor.stride(-1) for tensor in tensors} == {1}
        assert options == {"is_causal": True}
