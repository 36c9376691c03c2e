"""The optimizer as the trainer sees it: updates, clipping, live dials, and a state that comes back to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from babytrain.engine.model.gpt import GPT, build_model
from babytrain.engine.optim.optimizer import Optimizer
from tests.engine.model.tiny_models import VOCABULARY, tiny_config, tiny_model, tiny_tokens

OPTIMIZERS = ("adamw", "muon")


def start(seed: int = 1, precision: str = "fp32", **settings: Any) -> tuple[GPT, Optimizer]:
    config = tiny_config(**settings)
    model = build_model(config, VOCABULARY, seed=seed)
    model.precision = precision
    return model, Optimizer(model, config)


def train(model: GPT, optimizer: Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        optimizer.zero_grad()
        model.loss(tiny_tokens(seed=step), tiny_tokens(seed=step + 1)).backward()
        optimizer.clip_gradient_norm(1.0)
        optimizer.set_learning_rates(1e-2 / (step + 1), 2e-2 / (step + 1))
        optimizer.step()


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_adamw_is_the_textbooks(weight_decay: float) -> None:
    model, optimizer = start(optimizer="adamw", weight_decay=weight_decay, beta1=0.8, beta2=0.95)
    name = "blocks.1.mlp.up.weight"
    weight = dict(model.named_parameters())[name]
    expected, average, squared = weight.detach().clone().double(), 0.0, 0.0
    for step in range(1, 4):
        optimizer.zero_grad()
        model.loss(tiny_tokens(seed=step), tiny_tokens(seed=step + 1)).backward()
        assert weight.grad is not None
        gradient = weight.grad.double()
        average = 0.8 * average + 0.2 * gradient
        squared = 0.95 * squared + 0.05 * gradient**2
        expected = expected - 0.01 * weight_decay * expected
        expected = expected - 0.01 * (average / (1 - 0.8**step)) / ((squared / (1 - 0.95**step)).sqrt() + 1e-8)
        optimizer.set_learning_rates(0.01, 0.5)
        optimizer.step()
        torch.testing.assert_close(weight.detach().double(), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_each_rule_moves_its_own_parameters_with_its_own_rate(optimizer_name: str) -> None:
    for rates, hidden_moves, rest_moves in [
        ((0.1, 0.0), optimizer_name == "adamw", True),
        ((0.0, 0.1), optimizer_name == "muon", False),
    ]:
        model, optimizer = start(optimizer=optimizer_name)
        train(model, optimizer, 0, 2)  # so that no gradient is zero
        before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        optimizer.set_learning_rates(*rates)
        optimizer.step()
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter, before[name]) != (hidden_moves if "blocks" in name else rest_moves), name


@pytest.mark.parametrize(
    ("settings", "decaying"),
    [
        ({"norm": "layer", "bias": True, "position": "learned"}, {"qkv", "projection", "up", "down", "head"}),
        (
            {"norm": "layer", "bias": True, "position": "learned", "tied": True},
            {"qkv", "projection", "up", "down", "token_embedding", "position_embedding"},
        ),
    ],
)
def test_what_decays(settings: dict[str, Any], decaying: set[str]) -> None:
    model, optimizer = start(**settings)
    for parameter in model.parameters():
        parameter.data.fill_(1.0)
    optimizer.set_weight_decay(0.5)
    optimizer.zero_grad()
    optimizer.set_learning_rates(0.1, 0.1)
    optimizer.step()
    for name, parameter in model.named_parameters():
        matrix = name.removesuffix(".weight").split(".")[-1]
        expected = 0.95 if matrix in decaying and "bias" not in name else 1.0
        torch.testing.assert_close(parameter.detach(), torch.full_like(parameter, expected), msg=name)


def test_muon_takes_fused_matrices_apart() -> None:
    """Queries, keys and values are orthogonalised each on its own, so each moves by the same spectral norm."""
    model, optimizer = start(optimizer="muon", mlp="swiglu")
    train(model, optimizer, 0, 3)
    qkv, up = model.blocks[0].attention.qkv.weight, model.blocks[0].mlp.up.weight
    before = qkv.detach().clone(), up.detach().clone()
    optimizer.set_weight_decay(0.0)
    optimizer.set_learning_rates(0.0, 0.1)
    optimizer.step()
    for weight, old, parts in ((qkv, before[0], 3), (up, before[1], 2)):
        norms = torch.stack([torch.linalg.matrix_norm(part, 2) for part in (weight - old).detach().chunk(parts)])
        scale = max(1.0, weight.shape[0] / parts / weight.shape[1]) ** 0.5
        assert norms.min() > 0.5 * 0.1 * scale
        assert norms.max() < 2.0 * 0.1 * scale


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_gradient_norm_is_the_norm_of_everything_and_clips_in_place(optimizer_name: str) -> None:
    model, optimizer = start(optimizer=optimizer_name)
    train(model, optimizer, 0, 1)
    optimizer.zero_grad()
    model.loss(tiny_tokens(), tiny_tokens(seed=1)).backward()
    every = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).clone()
    torch.testing.assert_close(optimizer.clip_gradient_norm(0.0), every.norm())
    torch.testing.assert_close(optimizer.clip_gradient_norm(1e6), every.norm())
    torch.testing.assert_close(torch.cat([p.grad.flatten() for p in model.parameters()]), every)
    torch.testing.assert_close(optimizer.clip_gradient_norm(0.01), every.norm())
    clipped = torch.cat([p.grad.flatten() for p in model.parameters()])
    torch.testing.assert_close(clipped, every * 0.01 / every.norm(), atol=1e-7, rtol=1e-3)


def test_two_backward_passes_add_up() -> None:
    model, optimizer = start(zero_init=False)
    first, second = tiny_tokens(seed=1), tiny_tokens(seed=2)
    optimizer.zero_grad()
    model.loss(first, second).backward()
    model.loss(second, first).backward()
    both = optimizer.clip_gradient_norm(0.0)
    optimizer.zero_grad()
    (model.loss(first, second) + model.loss(second, first)).backward()
    torch.testing.assert_close(optimizer.clip_gradient_norm(0.0), both)
    optimizer.zero_grad()
    assert optimizer.clip_gradient_norm(0.0) == 0.0


def test_a_gradient_that_somebody_reset_to_none_is_not_mistaken_for_the_old_one() -> None:
    model, optimizer = start()
    train(model, optimizer, 0, 2)
    model.zero_grad(set_to_none=True)
    assert optimizer.clip_gradient_norm(0.0) == 0.0
    model.zero_grad(set_to_none=True)
    loss = model.loss(tiny_tokens(), tiny_tokens(seed=1))
    expected = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
    loss.backward()
    torch.testing.assert_close(optimizer.clip_gradient_norm(0.0), torch.cat([g.flatten() for g in expected]).norm())


@pytest.mark.parametrize("settings", [{}, {"optimizer": "muon"}, {"optimizer": "muon", "bias": True, "mlp": "fmn"}])
def test_ten_steps_are_five_steps_a_save_a_load_and_five_more(settings: dict[str, Any], tmp_path: Path) -> None:
    straight, optimizer = start(precision="bf16", **settings)
    train(straight, optimizer, 0, 10)

    first_half, optimizer = start(precision="bf16", **settings)
    train(first_half, optimizer, 0, 5)
    save_file(first_half.state_dict(), tmp_path / "model.safetensors")
    save_file(optimizer.tensors(), tmp_path / "optimizer.safetensors")
    scalars = optimizer.scalars()

    second_half, optimizer = start(seed=99, precision="bf16", **settings)
    second_half.load_state_dict(load_file(tmp_path / "model.safetensors"))
    optimizer.load_tensors(load_file(tmp_path / "optimizer.safetensors"))
    optimizer.load_scalars(scalars)
    train(second_half, optimizer, 5, 10)
    for name, parameter in straight.state_dict().items():
        assert torch.equal(parameter, second_half.state_dict()[name]), name


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_loading_weights_before_or_after_building_the_optimizer_is_the_same(optimizer_name: str) -> None:
    config = tiny_config(optimizer=optimizer_name)
    weights = {name: tensor.clone() for name, tensor in tiny_model(optimizer=optimizer_name).state_dict().items()}
    trained = []
    for load_first in (True, False):
        model = build_model(config, VOCABULARY, seed=1)
        if load_first:
            model.load_state_dict(weights)
        optimizer = Optimizer(model, config)
        if not load_first:
            model.load_state_dict(weights)
        train(model, optimizer, 0, 2)
        trained.append(model.state_dict())
    assert all(torch.equal(trained[0][name], trained[1][name]) for name in weights)


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_the_state_has_a_tensor_for_every_parameter_in_its_shape(optimizer_name: str) -> None:
    model, optimizer = start(optimizer=optimizer_name)
    train(model, optimizer, 0, 4)
    state = optimizer.tensors()
    for name, parameter in model.named_parameters():
        kinds = [kind.removesuffix(f".{name}") for kind in state if kind.endswith(f".{name}")]
        hidden = optimizer_name == "muon" and "blocks" in name
        assert kinds == (["muon.momentum"] if hidden else ["adamw.average", "adamw.squared_average"])
        for kind in kinds:
            assert state[f"{kind}.{name}"].shape == parameter.shape
            assert state[f"{kind}.{name}"].abs().max() > 0


def test_numbers_that_are_not_an_optimizers_are_refused_and_change_nothing() -> None:
    model, optimizer = start()
    train(model, optimizer, 0, 1)
    for scalars in ({}, {"adamw_steps": -1}, {"adamw_steps": 1.5}, {"adamw_steps": 1, "nose": 2}):
        with pytest.raises(ValueError, match="adamw_steps"):
            optimizer.load_scalars(scalars)
    assert optimizer.scalars() == {"adamw_steps": 1}


def test_betas_can_be_changed_live() -> None:
    runs = []
    for betas in (None, (0.5, 0.6)):
        model, optimizer = start()
        train(model, optimizer, 0, 2)
        if betas:
            optimizer.set_betas(*betas)
        train(model, optimizer, 2, 4)
        runs.append(model.state_dict()["head.weight"].clone())
    assert not torch.equal(*runs)


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_weight_decay_can_be_changed_live(optimizer_name: str) -> None:
    model, optimizer = start(optimizer=optimizer_name, weight_decay=0.0)
    train(model, optimizer, 0, 2)
    weight = model.blocks[0].mlp.up.weight
    optimizer.zero_grad()
    sizes = []
    for weight_decay in (0.0, 0.9):
        optimizer.load_tensors({name: torch.zeros_like(tensor) for name, tensor in optimizer.tensors().items()})
        optimizer.set_weight_decay(weight_decay)
        before = weight.detach().clone()
        optimizer.set_learning_rates(0.1, 0.1)
        optimizer.step()
        sizes.append((weight.norm() / before.norm()).item())
    assert sizes == pytest.approx([1.0, 0.91], abs=1e-4)
