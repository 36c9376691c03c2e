"""Preset gpt2 against a GPT-2 written here from its definition (Radford et al. 2019), loops instead of tricks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from babytrain.engine.config.build import build_config
from babytrain.engine.model.gpt import build_model


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor | None) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    y = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5) * gain
    return y if bias is None else y + bias


def affine(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    y = torch.einsum("ti,oi->to", x, weights[f"{name}.weight"])
    return y + weights[f"{name}.bias"] if f"{name}.bias" in weights else y


def attention(x: Tensor, weights: dict[str, Tensor], name: str, heads: int) -> Tensor:
    length, width = x.shape
    size = width // heads
    query, key, value = affine(x, weights, f"{name}.qkv").split(width, dim=1)
    out = torch.zeros_like(x)
    for head in range(heads):
        columns = slice(head * size, (head + 1) * size)
        for t in range(length):
            scores = key[: t + 1, columns] @ query[t, columns] / math.sqrt(size)
            out[t, columns] = torch.softmax(scores, 0) @ value[: t + 1, columns]
    return affine(out, weights, f"{name}.projection")


def gpt2(tokens: Tensor, weights: dict[str, Tensor], layers: int, heads: int) -> Tensor:
    """Logits [T, vocabulary] of one row of tokens."""
    norm = lambda x, name: layer_norm(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))  # noqa: E731
    x = weights["token_embedding"][tokens] + weights["position_embedding"][: len(tokens)]
    for layer in range(layers):
        block = f"blocks.{layer}"
        x = x + attention(norm(x, f"{block}.attention_norm"), weights, f"{block}.attention", heads)
        hidden = affine(norm(x, f"{block}.mlp_norm"), weights, f"{block}.mlp.up")
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        x = x + affine(hidden, weights, f"{block}.mlp.down")
    return norm(x, "final_norm") @ weights["token_embedding"].T


@pytest.mark.parametrize("bias", [False, True])
def test_logits_are_those_of_gpt2(bias: bool) -> None:
    config = build_config("gpt2", {"layers": 2, "heads": 2, "width": 16, "context": 12, "bias": bias})
    model = build_model(config, 13, seed=1).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.2)
    weights = model.state_dict()
    model.float()
    tokens = torch.randint(0, 13, (3, 12), generator=generator)
    expected = torch.stack([gpt2(row, weights, layers=2, heads=2) for row in tokens])
    torch.testing.assert_close(model(tokens), expected.float(), atol=2e-5, rtol=2e-5)


def test_shapes_and_first_weights_are_nanogpts() -> None:
    """0.80M parameters for its CPU recipe (4 layers, 4 heads, 128 wide, 64 context, 65 characters, no biases)."""
    config = build_config("gpt2")
    model = build_model(config, 65, seed=1)
    width, layers = 128, 4
    assert model.parameter_count == 65 * width + 64 * width + layers * (12 * width * width + 2 * width) + width
    weights = model.state_dict()
    assert weights["blocks.0.mlp.up.weight"].std().item() == pytest.approx(0.02, rel=0.03)
    assert weights["token_embedding"].std().item() == pytest.approx(0.02, rel=0.05)
    residual = 0.02 / math.sqrt(2 * layers)
    assert weights["blocks.3.mlp.down.weight"].std().item() == pytest.approx(residual, rel=0.03)
    assert weights["blocks.0.attention.projection.weight"].std().item() == pytest.approx(residual, rel=0.03)
    assert torch.all(weights["blocks.0.mlp_norm.weight"] == 1.0)
