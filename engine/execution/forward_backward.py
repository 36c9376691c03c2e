"""One forward and backward pass of training: eager, compiled, or compiled and captured as a CUDA graph.

torch.compile is not thread-safe, so a pass belongs to the thread that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from babytrain.engine.execution.cuda_graphs import CudaGraphCapture, GraphedPass
from babytrain.engine.model.gpt import GPT

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Pass(Protocol):
    """Makes one forward and backward pass."""

    def __call__(self, inputs: Tensor, targets: Tensor, *, accumulate: int, seed: int | None) -> Tensor:
        """Add the gradients of the mean loss of `inputs` and `targets` [batch, context] int64, divided by `accumulate`.

        Returns the undivided loss, 0-D on the device, which is not overwritten later. `seed` is that of the dropout
        noise; None leaves the random state unchanged.
        """


class DirectPass:
    """Calls the loss and autograd: eager with the loss of a model, compiled with a compiled one."""

    def __init__(self, loss: LossFunction) -> None:
        self._loss = loss

    def __call__(self, inputs: Tensor, targets: Tensor, *, accumulate: int, seed: int | None) -> Tensor:
        """See `Pass`. The division is outside the compiled loss, so a new `accumulate` does not compile again."""
        if seed is not None:
            torch.manual_seed(seed)
        loss = self._loss(inputs, targets)
        (loss if accumulate == 1 else loss / accumulate).backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def compile_loss(model: GPT, *, backend: str | Callable[..., Any] = "inductor") -> LossFunction:
    """The model's loss, compiled at its first call; moves the model's dials into tensors."""
    model.keep_dials_in_tensors()
    compiled: LossFunction = torch.compile(model.loss, dynamic=False, backend=backend)
    return compiled


def build_pass(model: GPT, *, compiled: bool, note: Callable[[str], None]) -> Pass:
    """The pass of a run: eager, or compiled and on CUDA captured. `note` is called with what did not work."""
    if not compiled:
        return DirectPass(model.loss)
    loss = compile_loss(model)
    if model.token_embedding.device.type != "cuda":
        return DirectPass(loss)
    return GraphedPass(loss, list(model.parameters()), CudaGraphCapture(), DirectPass(loss), note)
