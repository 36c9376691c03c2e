"""What a token takes from its neighbours: never from the future, never from another window, the same with a cache."""

from __future__ import annotations

import pytest
import torch

from babytrain.engine.model.gpt import GPT, build_model
from babytrain.engine.model.token_embedding import _TokenShift, ngram_rows, shift_tokens
from tests.engine.model.tiny_models import VOCABULARY, tiny_config, tiny_model, tiny_tokens


def unsettled_model(**settings: object) -> GPT:
    """A model whose shift and table are not at their zeros any more."""
    model = tiny_model(**settings)
    with torch.no_grad():
        for parameter in (model.token_shift, model.ngram_embedding):
            if parameter is not None:
                parameter.normal_(generator=torch.Generator().manual_seed(3))
    return model


def test_a_shift_adds_shares_of_the_tokens_before() -> None:
    x = torch.tensor([[[1.0], [10.0], [100.0], [1000.0]]])
    shares = torch.tensor([[0.5], [0.25]])
    expected = [1.0, 10.0 + 0.5, 100.0 + 5.0 + 0.25, 1000.0 + 50.0 + 2.5]
    assert shift_tokens(x, shares).flatten().tolist() == expected


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_gradient_of_a_shift_is_the_true_one_also_for_a_short_window(length: int) -> None:
    generator = torch.Generator().manual_seed(length)
    x = torch.randn(2, length, 3, dtype=torch.double, generator=generator, requires_grad=True)
    shares = torch.randn(3, 3, dtype=torch.double, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(_TokenShift.apply, (x, shares))


def test_rows_depend_on_the_last_tokens_in_their_order_and_on_nothing_else() -> None:
    rows = ngram_rows(torch.tensor([[5, 1, 2, 3, 4], [9, 1, 2, 3, 4], [5, 1, 3, 2, 4]]), 10, 1000)
    assert rows.shape == (3, 5, 2)
    assert torch.equal(rows[0, 4], rows[1, 4])  # the same last four
    assert rows[0, 3, 0] == rows[1, 3, 0]  # the same last three ...
    assert rows[0, 3, 1] != rows[1, 3, 1]  # ... and another fourth
    assert rows[0, 4, 0] != rows[2, 4, 0]  # another order
    assert 0 <= int(rows.min()) <= int(rows.max()) < 1000


def test_rows_spread_over_the_table() -> None:
    tokens = torch.randint(0, 65, (64, 64), generator=torch.Generator().manual_seed(1))
    used = ngram_rows(tokens, 65, 512).unique().numel()
    assert used == 512


@pytest.mark.parametrize("settings", [{"token_shift": 3}, {"ngram_rows": 50}, {"token_shift": 2, "ngram_rows": 50}])
def test_no_token_sees_what_comes_after_it(settings: dict[str, object]) -> None:
    model = unsettled_model(**settings)
    tokens = tiny_tokens(1)
    changed = tokens.clone()
    changed[0, 5] = (changed[0, 5] + 1) % VOCABULARY
    before, after = model(tokens)[0], model(changed)[0]
    assert torch.equal(before[:5], after[:5])
    assert not torch.equal(before[6:], after[6:])


@pytest.mark.parametrize("settings", [{"token_shift": 3}, {"ngram_rows": 50}, {"token_shift": 2, "ngram_rows": 50}])
@pytest.mark.parametrize("read_first", [1, 2, 6])
def test_a_cache_remembers_the_tokens_that_the_next_ones_look_back_at(
    settings: dict[str, object], read_first: int
) -> None:
    model = unsettled_model(**settings)
    tokens = tiny_tokens(1)
    cache = model.new_cache()
    for _ in range(2):  # the second time after it was cleared, with nothing left of the first
        pieces = [model(tokens[:, :read_first], cache)]
        pieces += [model(tokens[:, i : i + 1], cache) for i in range(read_first, tokens.shape[1])]
        assert torch.allclose(torch.cat(pieces, dim=1), model(tokens), atol=1e-5)
        cache.clear()


def test_both_start_without_an_effect() -> None:
    plain, with_both = (
        build_model(tiny_config(**settings), VOCABULARY, seed=1)
        for settings in ({"token_shift": 0}, {"token_shift": 3, "ngram_rows": 50})
    )
    with_both.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(with_both(tiny_tokens(2)), plain(tiny_tokens(2)))
