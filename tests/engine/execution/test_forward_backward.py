"""Every way of making a pass gives the same gradients, and every dial turns on every one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from babytrain.engine.execution.forward_backward import DirectPass
from babytrain.engine.model.gpt import GPT
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.sessions.start_and_resume import RunResult
from babytrain.engine.training import trainer
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.execution.pass_variants import PATHS, CountingBackend, build, gradients_of, halves
from tests.engine.model.tiny_models import tiny_config, tiny_model, tiny_tokens
from tests.engine.tiny_runs import final_weights, same_bits, train

ROWS = tiny_tokens(4, 9)


@pytest.fixture(autouse=True)
def nothing_compiled_yet() -> None:
    torch.compiler.reset()


def ready(**settings: object) -> tuple[GPT, Optimizer]:
    """A model in training whose gradients lie in the flat buffer, at zero."""
    model = tiny_model(**settings)
    model.train()
    optimizer = Optimizer(model, tiny_config(**settings))
    optimizer.zero_grad()
    return model, optimizer


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_eager_pass_is_the_plain_one_to_the_bit(dropout: float) -> None:
    model, optimizer = ready(dropout=dropout)
    torch.manual_seed(11)
    wanted = model.loss(ROWS[:, :-1], ROWS[:, 1:])
    wanted.backward()
    gradients = gradients_of(model).clone()
    optimizer.zero_grad()
    loss = DirectPass(model.loss)(*halves(ROWS), accumulate=1, seed=11)
    assert torch.equal(loss, wanted)
    assert not loss.requires_grad
    assert torch.equal(gradients_of(model), gradients)


@pytest.mark.parametrize("settings", [{}, {"ngram_rows": 64, "mlp": "swiglu", "norm": "layer", "tied": True}])
@pytest.mark.parametrize("path", PATHS)
def test_every_path_computes_the_same_while_nothing_drops(path: str, settings: dict[str, object]) -> None:
    model, optimizer = ready(**settings)
    wanted = DirectPass(model.loss)(*halves(ROWS), accumulate=1, seed=None)
    gradients = gradients_of(model).clone()
    optimizer.zero_grad()
    make_pass = build(path, model)
    for _ in range(2):
        optimizer.zero_grad()
        torch.testing.assert_close(make_pass(*halves(ROWS), accumulate=1, seed=None), wanted)
        torch.testing.assert_close(gradients_of(model), gradients)


@pytest.mark.parametrize("path", PATHS)
def test_accumulated_batches_equal_a_large_one(path: str) -> None:
    model, optimizer = ready()
    DirectPass(model.loss)(*halves(ROWS), accumulate=1, seed=None)
    wanted = gradients_of(model).clone()
    make_pass = build(path, model)
    optimizer.zero_grad()
    make_pass(*halves(ROWS[:2]), accumulate=1, seed=None)  # so that a share baked in by the first pass would show
    optimizer.zero_grad()
    for rows in ROWS.split(2):
        make_pass(*halves(rows), accumulate=2, seed=None)
    torch.testing.assert_close(gradients_of(model), wanted)


@pytest.mark.parametrize("path", PATHS)
def test_noise_is_a_function_of_the_seed(path: str) -> None:
    model, optimizer = ready(dropout=0.3)
    make_pass = build(path, model)

    def outcome(seed: int) -> tuple[Tensor, Tensor]:
        optimizer.zero_grad()
        loss = make_pass(*halves(ROWS), accumulate=1, seed=seed)
        return loss, gradients_of(model).clone()

    first, other, again = outcome(1), outcome(2), outcome(1)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


Turn = Callable[[GPT, Optimizer], None]


def turn_weight_decay(model: GPT, optimizer: Optimizer) -> None:
    optimizer.set_weight_decay(5.0)


def turn_betas(model: GPT, optimizer: Optimizer) -> None:
    optimizer.set_betas(0.5, 0.6)


TURNS: dict[str, Turn] = {
    "lr": lambda model, optimizer: optimizer.set_learning_rates(0.02, 0.01),
    "muon_lr": lambda model, optimizer: optimizer.set_learning_rates(0.01, 0.02),
    "weight_decay": turn_weight_decay,
    "betas": turn_betas,
    "dropout": lambda model, optimizer: model.set_dropout(0.3),
    "label_smoothing": lambda model, optimizer: model.set_label_smoothing(0.2),
}


@pytest.mark.parametrize("path", PATHS)
def test_every_dial_turns_on_every_path(path: str) -> None:
    """Four steps from the same weights, a dial turned after two of them, all with one and the same pass."""
    model, optimizer = ready(optimizer="muon", layers=1)
    make_pass = build(path, model)
    weights, state, scalars = (
        {name: tensor.clone() for name, tensor in model.state_dict().items()},
        {name: tensor.clone() for name, tensor in optimizer.tensors().items()},
        optimizer.scalars(),
    )

    def trained(turn: Turn | None = None, later_clip: float = 1.0) -> Tensor:
        model.load_state_dict(weights)
        optimizer.load_tensors(state)
        optimizer.load_scalars(scalars)
        optimizer.set_learning_rates(0.01, 0.01)
        optimizer.set_weight_decay(0.1)
        optimizer.set_betas(0.9, 0.99)
        model.set_dropout(0.0)
        model.set_label_smoothing(0.0)
        for step in range(4):
            if step == 2 and turn is not None:
                turn(model, optimizer)
            optimizer.zero_grad()
            make_pass(*halves(ROWS), accumulate=1, seed=step)
            optimizer.clip_gradient_norm(1.0 if step < 2 else later_clip)
            optimizer.step()
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    unturned = trained()
    assert torch.equal(trained(), unturned)
    assert [name for name, turn in TURNS.items() if torch.allclose(trained(turn), unturned, atol=1e-5)] == []
    assert not torch.allclose(trained(later_clip=0.01), unturned, atol=1e-5)


@pytest.mark.parametrize("path", PATHS)
def test_the_dials_of_a_run_turn_on_every_path(path: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(trainer, "build_pass", lambda model, **_: build(path, model))

    def run(action: str, value: float | None = None) -> RunResult:
        feed = LiveFeed()
        feed.ask(action, value)
        return train(tmp_path, feed, action, steps=5, eval_every=5, sample_every=0, accumulate=2)

    unturned = final_weights(run("note"))
    assert same_bits(final_weights(run("sample")), unturned)
    assert not same_bits(final_weights(run("lr_scale", 0.5)), unturned)
    assert not same_bits(final_weights(run("lr_hold", 1e-3)), unturned)
    assert run("total_steps", 4.0).steps == 4


def test_turning_dials_compiles_nothing_anew() -> None:
    model, _ = ready()
    backend = CountingBackend()
    make_pass = build("compiled", model, backend)
    losses = [float(make_pass(*halves(ROWS), accumulate=1, seed=1))]
    compiled_once = backend.compilations
    assert compiled_once > 0
    for probability in (0.2, 0.5):
        model.set_dropout(probability)
        losses.append(float(make_pass(*halves(ROWS), accumulate=1, seed=1)))
    model.set_dropout(0.0)
    for smoothing in (0.1, 0.3):
        model.set_label_smoothing(smoothing)
        losses.append(float(make_pass(*halves(ROWS), accumulate=1, seed=1)))
    model.set_label_smoothing(0.0)
    for accumulate in (2, 3):
        make_pass(*halves(ROWS), accumulate=accumulate, seed=1)
    assert float(make_pass(*halves(ROWS), accumulate=1, seed=1)) == losses[0]
    assert len(set(losses)) == len(losses)
    assert backend.compilations == compiled_once


def test_reading_and_evaluating_between_compiled_steps_compile_nothing_and_draw_nothing() -> None:
    model, _ = ready(dropout=0.3, label_smoothing=0.1)
    backend = CountingBackend()
    make_pass = build("compiled", model, backend)
    make_pass(*halves(ROWS), accumulate=1, seed=1)
    compiled_once, state = backend.compilations, torch.get_rng_state()
    with torch.inference_mode(), model.fp32_inference():
        model(ROWS[:1, :4], model.new_cache())
    model.eval()
    with torch.inference_mode():
        model.loss(ROWS[:, :-1], ROWS[:, 1:])
    model.train()
    assert torch.equal(torch.get_rng_state(), state)
    make_pass(*halves(ROWS), accumulate=1, seed=1)
    assert backend.compilations == compiled_once
