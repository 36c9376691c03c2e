"""Either library multiplies the same, and the choice reaches every product of a training step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from babytrain.engine.model.cpu import matmul_backend
from babytrain.engine.model.cpu.matmul_backend import linear, matmul, onednn_available, use_matmul_backend
from tests.engine.model.tiny_models import tiny_model, tiny_tokens

pytestmark = pytest.mark.skipif(not onednn_available(), reason="this build of torch has no oneDNN")


@pytest.fixture(autouse=True)
def back_to_torch() -> Iterator[None]:
    yield
    use_matmul_backend("torch")


def test_onednn_multiplies_like_torch_whatever_the_memory_layout() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(12, 7, generator=generator), torch.randn(7, 5, generator=generator)
    left, right = torch.randn(7, 12, generator=generator), torch.randn(5, 7, generator=generator)
    use_matmul_backend("onednn")
    for one, other in ((a, b), (left.t(), b), (a, right.t()), (left.t(), right.t())):
        assert torch.allclose(matmul(one, other), torch.mm(one, other), atol=1e-5)


def test_a_linear_layer_has_the_same_gradients_either_way() -> None:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(3, 4, 6, dtype=torch.float32, generator=generator, requires_grad=True)
    weight = torch.randn(5, 6, generator=generator, requires_grad=True)
    seen = []
    for products in ("torch", "onednn"):
        use_matmul_backend(products)
        y = linear(x, weight)
        seen.append((y, *torch.autograd.grad(y.square().sum(), (x, weight))))
    for one, other in zip(*seen, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"mlp": "gelu", "norm": "layer", "tied": True, "position": "learned"}])
def test_no_product_of_a_training_step_is_left_to_the_other_library(
    settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model(**settings)
    tokens, targets = tiny_tokens(2), tiny_tokens(2, seed=1)
    expected = model.loss(tokens, targets)
    calls = []
    original = matmul_backend._onednn_matmul
    monkeypatch.setattr(matmul_backend, "_onednn_matmul", lambda *operands: calls.append(1) or original(*operands))
    use_matmul_backend("onednn")
    loss = model.loss(tokens, targets)
    loss.backward()
    matrices = 4 * model.config.layers + 1
    assert len(calls) == 3 * matrices  # forward, for the input's gradient and for the matrix's own
    assert torch.allclose(loss, expected, atol=1e-5)
