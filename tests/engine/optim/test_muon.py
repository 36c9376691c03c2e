"""Orthogonalisation, and that a stack is updated as its matrices would be one by one."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from babytrain.engine.optim import muon
from babytrain.engine.optim.muon import MUON_MOMENTUM, MuonStack, orthogonalise


def random_stack(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 24), (2, 24, 8), (1, 5, 7)])
def test_singular_values_end_around_one_and_directions_stay(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    stack = random_stack(*shape)
    result = orthogonalise(stack, dtype=dtype).float()
    left, values, right = torch.linalg.svd(stack, full_matrices=False)
    assert result.shape == stack.shape
    aligned = (left.mT @ result @ right.mT).diagonal(dim1=-2, dim2=-1)
    strong = values > 0.05 * values.norm(dim=-1, keepdim=True)
    assert strong.sum() > 0.8 * strong.numel()
    assert aligned[strong].min() > 0.3
    assert torch.linalg.svdvals(result).max() < 2.0


def test_the_scale_of_the_gradient_does_not_matter() -> None:
    stack = random_stack(2, 6, 6)
    torch.testing.assert_close(
        orthogonalise(stack, dtype=torch.float32),
        orthogonalise(stack * torch.tensor([1e-4, 1e4])[:, None, None], dtype=torch.float32),
        atol=1e-3,
        rtol=1e-3,
    )


def test_zero_stays_zero() -> None:
    assert torch.equal(orthogonalise(torch.zeros(1, 3, 3), dtype=torch.float32), torch.zeros(1, 3, 3))


@pytest.mark.parametrize("shape", [(12, 4), (4, 12), (6, 6)])
def test_one_step_is_decay_and_a_scaled_orthogonal_move(shape: tuple[int, int]) -> None:
    values, gradients = random_stack(2, *shape), random_stack(2, *shape, seed=1)
    before = values.clone()
    MuonStack(values, gradients, torch.zeros_like(values), dtype=torch.float32).step(0.1, weight_decay=0.5)
    # From a momentum of zero, Nesterov's look ahead points along the gradient.
    direction = orthogonalise(gradients, dtype=torch.float32)
    scale = math.sqrt(max(1.0, shape[0] / shape[1]))
    torch.testing.assert_close(values, before * (1 - 0.1 * 0.5) - 0.1 * scale * direction, atol=1e-4, rtol=1e-4)


def test_matrices_of_a_stack_do_not_touch_each_other() -> None:
    values, gradients = random_stack(3, 5, 4), random_stack(3, 5, 4, seed=1)
    alone = values[1:2].clone()
    stack, single = (
        MuonStack(values, gradients, torch.zeros_like(values), dtype=torch.float32),
        MuonStack(alone, gradients[1:2], torch.zeros_like(alone), dtype=torch.float32),
    )
    for _ in range(3):
        stack.step(0.1, 0.0)
        single.step(0.1, 0.0)
    torch.testing.assert_close(values[1:2], alone)


def test_momentum_carries_on_when_the_gradient_stops() -> None:
    values, gradients = torch.zeros(1, 4, 4), random_stack(1, 4, 4)
    stack = MuonStack(values, gradients, torch.zeros_like(values), dtype=torch.float32)
    stack.step(0.1, 0.0)
    gradients.zero_()
    before = values.clone()
    stack.step(0.1, 0.0)
    assert ((values - before) * before).sum() > 0


def moved_by_torch(shape: tuple[int, int], gradients: list[torch.Tensor], **settings: float) -> list[torch.Tensor]:
    """The steps that `torch.optim.Muon` makes from one matrix of ones."""
    matrix = torch.nn.Parameter(torch.ones(shape))
    optimizer = torch.optim.Muon([matrix], momentum=MUON_MOMENTUM, nesterov=True, **settings)
    places = [matrix.detach().clone()]
    for gradient in gradients:
        matrix.grad = gradient.clone()
        optimizer.step()
        places.append(matrix.detach().clone())
    return [after - before for before, after in itertools.pairwise(places)]


def moved_by_us(shape: tuple[int, int], gradients: list[torch.Tensor], lr: float, decay: float) -> list[torch.Tensor]:
    values, gradient = torch.ones(1, *shape), torch.zeros(1, *shape)
    stack = MuonStack(values, gradient, torch.zeros_like(values), dtype=torch.bfloat16)
    places = [values[0].clone()]
    for given in gradients:
        gradient[0] = given
        stack.step(lr, decay)
        places.append(values[0].clone())
    return [after - before for before, after in itertools.pairwise(places)]


@pytest.mark.parametrize("shape", [(32, 8), (8, 32), (16, 16)])
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_with_its_polynomial_the_steps_are_those_of_torch(
    shape: tuple[int, int], decay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "_POLYNOMIALS", ((3.4445, -4.7750, 2.0315),) * 5)
    monkeypatch.setattr(muon, "_MARGIN", 1.0)
    gradients = [random_stack(*shape, seed=seed) for seed in range(6)]
    theirs = moved_by_torch(shape, gradients, lr=0.02, weight_decay=decay)
    for ours, other in zip(moved_by_us(shape, gradients, 0.02, decay), theirs, strict=True):
        assert (ours - other).norm() < 0.05 * other.norm()  # five rounds of products in bf16, in another order


@pytest.mark.parametrize("shape", [(32, 8), (8, 32), (16, 16)])
def test_with_our_polynomials_the_steps_point_the_same_way_and_are_as_long(shape: tuple[int, int]) -> None:
    gradients = [random_stack(*shape, seed=seed) for seed in range(6)]
    theirs = moved_by_torch(shape, gradients, lr=0.02, weight_decay=0.0)
    for ours, other in zip(moved_by_us(shape, gradients, 0.02, 0.0), theirs, strict=True):
        assert torch.cosine_similarity(ours.flatten(), other.flatten(), dim=0) > 0.8
        assert 0.9 < ours.norm() / other.norm() < 1.45
