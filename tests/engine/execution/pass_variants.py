"""The ways to make a pass, each without a C++ compiler or a GPU, and a stand-in for CUDA graphs that bakes in as much.

`TapeCapture` writes down every operation with the very tensors it read and wrote, and replays by doing the operations
again on the same memory. Plain Python numbers stand on the tape as they were, which is what a CUDA graph does to them:
a dial that is not read from a tensor has no effect on a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._dynamo import lookup_backend
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from babytrain.engine.execution.cuda_graphs import GraphedPass
from babytrain.engine.execution.forward_backward import DirectPass, Pass, compile_loss
from babytrain.engine.model.gpt import GPT

PATHS = ("eager", "compiled", "graphed")


class CountingBackend:
    """Compiles without a compiler and counts how often it was asked to."""

    def __init__(self) -> None:
        self.compilations = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: Sequence[Any]) -> Callable[..., Any]:
        self.compilations += 1
        compiled: Callable[..., Any] = lookup_backend("aot_eager")(graph, inputs)
        return compiled


BACKEND = CountingBackend()  # one for all, so that a second model of the same shape is not compiled again


class Tape(TorchDispatchMode):
    """What was done while it ran; a `Graph`."""

    def __init__(self) -> None:
        super().__init__()
        self._operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self._operations.append((function, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        for function, args, kwargs, results in self._operations:
            again = function(*args, **kwargs)
            for kept, new in zip(tree_leaves(results), tree_leaves(again), strict=True):
                if isinstance(kept, Tensor) and kept.data_ptr() != new.data_ptr():
                    kept.copy_(new)


class TapeCapture:
    """Captures on a tape, and counts."""

    def __init__(self) -> None:
        self.warm_ups = self.captures = 0

    def warm_up(self, work: Callable[[], None]) -> None:
        self.warm_ups += 1
        work()

    def capture(self, work: Callable[[], None]) -> Any:
        self.captures += 1
        tape = Tape()
        with tape:
            work()
        return tape


def halves(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and targets of rows [batch, context + 1]."""
    return rows[:, :-1], rows[:, 1:]


def graphed_pass(model: GPT, capture: Any = None, notes: list[str] | None = None) -> GraphedPass:
    """A graphed pass of the plain loss, on the stand-in."""
    model.keep_dials_in_tensors()
    return GraphedPass(
        model.loss,
        list(model.parameters()),
        capture or TapeCapture(),
        DirectPass(model.loss),
        ([] if notes is None else notes).append,
    )


def build(path: str, model: GPT, backend: CountingBackend | None = None) -> Pass:
    """The pass named `path`."""
    if path == "eager":
        return DirectPass(model.loss)
    if path == "compiled":
        return DirectPass(compile_loss(model, backend=backend or BACKEND))
    return graphed_pass(model)


def gradients_of(model: GPT) -> Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])
