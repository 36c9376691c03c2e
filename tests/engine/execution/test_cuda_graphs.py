"""What a pass on graphs has to take care of, on a stand-in that replays operations on the same memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from babytrain.engine.execution.cuda_graphs import GraphedPass
from babytrain.engine.execution.forward_backward import DirectPass
from babytrain.engine.model.gpt import GPT
from babytrain.engine.optim.optimizer import Optimizer
from tests.engine.execution.pass_variants import TapeCapture, gradients_of, graphed_pass, halves
from tests.engine.model.tiny_models import tiny_config, tiny_model, tiny_tokens

ROWS, OTHER = tiny_tokens(4, 9), tiny_tokens(4, 9, seed=1)


@pytest.fixture
def model() -> GPT:
    model = tiny_model()
    model.train()
    Optimizer(model, tiny_config()).zero_grad()
    return model


def test_new_rows_are_read_and_old_losses_stay(model: GPT) -> None:
    make_pass, direct = graphed_pass(model), DirectPass(model.loss)
    losses = [make_pass(*halves(rows), accumulate=1, seed=None) for rows in (ROWS, OTHER, ROWS)]
    wanted = [direct(*halves(rows), accumulate=1, seed=None) for rows in (ROWS, OTHER, ROWS)]
    torch.testing.assert_close(losses, wanted)
    assert losses[0] != losses[1]


def test_each_shape_is_captured_once(model: GPT) -> None:
    capture = TapeCapture()
    make_pass, direct = graphed_pass(model, capture), DirectPass(model.loss)
    for rows in (ROWS, ROWS[:2], OTHER, OTHER[:2], ROWS):
        loss = make_pass(*halves(rows), accumulate=1, seed=None)
        torch.testing.assert_close(loss, direct(*halves(rows), accumulate=1, seed=None))
    assert capture.captures == 2


def test_capturing_in_the_middle_of_a_step_keeps_the_gradients_so_far(model: GPT) -> None:
    direct, make_pass = DirectPass(model.loss), graphed_pass(model)
    for rows in (ROWS, OTHER):
        direct(*halves(rows), accumulate=2, seed=None)
    wanted = gradients_of(model).clone()
    buffers = [parameter.grad for parameter in model.parameters()]
    for buffer in buffers:
        buffer.zero_()
    direct(*halves(ROWS), accumulate=2, seed=None)
    make_pass(*halves(OTHER), accumulate=2, seed=None)
    torch.testing.assert_close(gradients_of(model), wanted)
    assert all(parameter.grad is buffer for parameter, buffer in zip(model.parameters(), buffers, strict=True))


def test_the_stand_in_bakes_in_what_is_not_a_tensor(model: GPT) -> None:
    """Otherwise the tests of the dials could not fail."""
    direct = DirectPass(model.loss)
    make_pass = GraphedPass(model.loss, list(model.parameters()), TapeCapture(), direct, print)
    before = make_pass(*halves(ROWS), accumulate=1, seed=1)
    model.set_label_smoothing(0.3)
    assert torch.equal(make_pass(*halves(ROWS), accumulate=1, seed=1), before)
    assert not torch.equal(direct(*halves(ROWS), accumulate=1, seed=1), before)


class Refusing(TapeCapture):
    def capture(self, work: Callable[[], None]) -> Any:
        work()
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore lines")


class Idle(TapeCapture):
    """Its graph forgets everything, as if the work had been done on another stream."""

    def capture(self, work: Callable[[], None]) -> Any:
        super().capture(work)

        class Nothing:
            def replay(self) -> None:
                pass

        return Nothing()


@pytest.mark.parametrize("capture", [Refusing(), Idle()])
def test_where_graphs_do_not_work_the_run_goes_on_without_and_says_so_once(model: GPT, capture: TapeCapture) -> None:
    direct = DirectPass(model.loss)
    wanted = [direct(*halves(rows), accumulate=2, seed=3) for rows in (ROWS, OTHER)]
    gradients = gradients_of(model).clone()
    for parameter in model.parameters():
        parameter.grad.zero_()
    notes: list[str] = []
    make_pass = graphed_pass(model, capture, notes)
    torch.testing.assert_close([make_pass(*halves(rows), accumulate=2, seed=3) for rows in (ROWS, OTHER)], wanted)
    torch.testing.assert_close(gradients_of(model), gradients)
    (note,) = notes
    assert "one by one" in note
    assert "\n" not in note


def test_gradients_without_memory_of_their_own_are_not_captured() -> None:
    model, notes = tiny_model(), []
    model.train()
    make_pass = graphed_pass(model, notes=notes)
    make_pass(*halves(ROWS), accumulate=1, seed=None)
    assert not make_pass.works
    assert len(notes) == 1
    assert gradients_of(model).norm() > 0


def test_a_mistake_in_the_model_is_not_hidden(model: GPT, monkeypatch) -> None:
    def broken(*_: object) -> torch.Tensor:
        raise RuntimeError("cogs everywhere")

    monkeypatch.setattr(model, "loss", broken)
    with pytest.raises(RuntimeError, match="cogs"):
        graphed_pass(model)(*halves(ROWS), accumulate=1, seed=None)
