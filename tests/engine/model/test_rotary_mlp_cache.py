"""Rotary positions, mlp kinds and the key-value cache."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.model.mlp import MLP
from babytrain.engine.model.rotary import rotary_table, rotate, rotate_, rotate_without_complex
from tests.engine.model.tiny_models import tiny_config, tiny_model, tiny_tokens


@settings(max_examples=30, deadline=None)
@given(first=st.integers(0, 40), second=st.integers(0, 40), shift=st.integers(0, 20), seed=st.integers(0, 99))
def test_rotated_products_depend_on_the_distance_only(first: int, second: int, shift: int, seed: int) -> None:
    query, key = torch.randn(2, 8, generator=torch.Generator().manual_seed(seed))
    table = rotary_table(64, 8)
    at = lambda x, position: rotate(x[None], table[position : position + 1])[0]  # noqa: E731
    here = at(query, first) @ at(key, second)
    there = at(query, first + shift) @ at(key, second + shift)
    torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(at(query, first).norm(), query.norm())


def test_rotating_in_place_is_rotating_and_can_be_undone() -> None:
    table, x = rotary_table(5, 6), torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    turned = x.clone()
    rotate_(turned, table)
    torch.testing.assert_close(turned, rotate(x, table))
    rotate_(turned, table, back=True)
    torch.testing.assert_close(turned, x)


def test_devices_without_complex_numbers_turn_the_same_way() -> None:
    table, x = rotary_table(5, 6), torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(1))
    turned = rotate_without_complex(x, table)
    torch.testing.assert_close(turned, rotate(x, table))
    torch.testing.assert_close(rotate_without_complex(turned, table, back=True), x)


def mlp_with_random_weights(kind: str) -> MLP:
    mlp = MLP(tiny_config(mlp=kind, mlp_ratio=2))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in mlp.parameters():
            parameter.normal_(generator=generator)
    return mlp


def test_fmn_multiplies_a_signal_with_a_gate() -> None:
    mlp, x = mlp_with_random_weights("fmn"), torch.randn(16, generator=torch.Generator().manual_seed(2))
    signal_rows, gate_rows = mlp.up.weight[:5], mlp.up.weight[5:]
    latent = torch.tanh(signal_rows @ x) / (1 + torch.exp(-(gate_rows @ x)))
    torch.testing.assert_close(mlp(x), mlp.down.weight @ latent)
    assert mlp.down.weight.shape == (16, 5)


def test_swiglu_gates_with_silu() -> None:
    mlp, x = mlp_with_random_weights("swiglu"), torch.randn(16, generator=torch.Generator().manual_seed(2))
    gate_rows, value_rows = mlp.up.weight.chunk(2)
    gate = gate_rows @ x
    torch.testing.assert_close(mlp(x), mlp.down.weight @ (gate * torch.sigmoid(gate) * (value_rows @ x)))


def test_relu2_squares_what_is_positive() -> None:
    mlp, x = mlp_with_random_weights("relu2"), torch.randn(16, generator=torch.Generator().manual_seed(2))
    hidden = mlp.up.weight @ x
    torch.testing.assert_close(mlp(x), mlp.down.weight @ torch.where(hidden > 0, hidden * hidden, 0.0))


@pytest.mark.parametrize("pieces", [[1] * 8, [3, 1, 1, 3], [8], [7, 1]])
@pytest.mark.parametrize(
    "settings_",
    [{}, {"position": "learned"}, {"qk_norm": False, "bias": True}, {"norm": "layer", "mlp": "gelu", "tied": True}],
)
def test_reading_in_pieces_with_a_cache_gives_the_logits_of_reading_at_once(
    settings_: dict[str, object], pieces: list[int]
) -> None:
    model, tokens = tiny_model(**settings_), tiny_tokens(1, 8)
    with torch.inference_mode():
        cache = model.new_cache()
        logits = torch.cat([model(piece, cache) for piece in tokens.split(pieces, dim=1)], dim=1)
        torch.testing.assert_close(logits, model(tokens), atol=2e-5, rtol=1e-4)
        with pytest.raises(ValueError, match="do not fit"):
            model(tokens[:, :1], cache)
