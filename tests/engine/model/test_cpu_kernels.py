"""The hand-written CPU kernels against torch's own operations: same values, same gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.model import attention, gpt
from babytrain.engine.model.cpu.rms_norm import RMS_NORM_EPSILON
from babytrain.engine.model.layers import RMSNorm
from tests.engine.model.tiny_models import tiny_model, tiny_tokens

VARIANTS = [
    {},
    {"qk_norm": False},
    {"position": "learned"},
    {"position": "learned", "qk_norm": False},
    {"mlp": "swiglu"},
    {"norm": "layer", "mlp": "gelu", "bias": True},
]


@contextmanager
def torch_kernels_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (attention, gpt):
            patch.setattr(module, "is_short_attention_faster", lambda *_: False)
        yield


def loss_and_gradients(model: gpt.GPT, length: int = 8) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = model.loss(tiny_tokens(length=length), tiny_tokens(length=length, seed=1))
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("variant", VARIANTS)
def test_hand_written_blocks_equal_the_plain_modules(variant: dict[str, object]) -> None:
    model = tiny_model(**variant)
    loss, gradients = loss_and_gradients(model)
    with torch_kernels_only():
        plain_loss, plain_gradients = loss_and_gradients(model)
    torch.testing.assert_close(loss, plain_loss)
    assert gradients.keys() == plain_gradients.keys() == dict(model.named_parameters()).keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, plain_gradients[name], atol=2e-6, rtol=1e-4, msg=name)


@pytest.mark.parametrize("variant", VARIANTS)
def test_in_bf16_they_are_no_further_from_fp32_than_the_plain_modules(variant: dict[str, object]) -> None:
    model = tiny_model(**variant)
    _, exact = loss_and_gradients(model)
    model.precision = "bf16"
    _, gradients = loss_and_gradients(model)
    with torch_kernels_only():
        _, plain = loss_and_gradients(model)
    for name, gradient in gradients.items():
        error = (gradient - exact[name]).norm() / exact[name].norm()
        plain_error = (plain[name] - exact[name]).norm() / exact[name].norm()
        assert error < max(2.0 * plain_error, 0.01), name


@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from([(1, 1, 2), (2, 3, 4), (5, 1, 16), (1, 7, 33)]),
    scale=st.floats(1e-3, 1e3),
    seed=st.integers(0, 1000),
)
def test_rms_norm_and_its_gradient_are_torchs(shape: tuple[int, ...], scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = (torch.randn(shape, generator=generator) * scale).requires_grad_()
    upstream = torch.randn(shape, generator=generator)
    ours = RMSNorm()(x, torch.float32)
    (gradient,) = torch.autograd.grad(ours, x, upstream)
    exact = x.detach().double().requires_grad_()
    theirs = F.rms_norm(exact, shape[-1:], eps=RMS_NORM_EPSILON)
    (their_gradient,) = torch.autograd.grad(theirs, exact, upstream.double())
    torch.testing.assert_close(ours, theirs.float(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(gradient, their_gradient.float(), atol=1e-4 / scale, rtol=1e-3)


def test_rms_norm_survives_a_row_of_zeros() -> None:
    x = torch.zeros(1, 2, 4, requires_grad=True)
    y = RMSNorm()(x, torch.float32)
    y.sum().backward()
    assert torch.equal(y, torch.zeros_like(y))
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_a_first_forward_pass_in_inference_mode_does_not_spoil_training() -> None:
    model, untouched = tiny_model(), tiny_model()
    with torch.inference_mode():
        model(tiny_tokens())
    _, gradients = loss_and_gradients(model)
    _, wanted = loss_and_gradients(untouched)
    assert gradients.keys() == dict(model.named_parameters()).keys()
    assert all(torch.equal(gradient, wanted[name]) for name, gradient in gradients.items())


def test_contexts_too_long_for_the_short_kernels_train_too() -> None:
    model = tiny_model(context=160, layers=1)
    _, gradients = loss_and_gradients(model, length=160)
    model.precision = "bf16"
    _, rounded = loss_and_gradients(model, length=160)
    assert gradients.keys() == rounded.keys() == dict(model.named_parameters()).keys()
    for name, gradient in gradients.items():
        assert (rounded[name] - gradient).norm() < 0.05 * gradient.norm(), name
