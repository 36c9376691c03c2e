"""How many floating-point operations a training step needs, and how many this machine can do.

Operations of a model, per token of a training step: 6 for every parameter of a matrix that multiplies activations
(2 forward, 4 backward; embeddings that are looked up, norms and positions count nothing), and 6 (T + 1) width for the
attention of every layer: a query meets on average (T + 1) / 2 keys and as many values, 2 operations an element each,
times 3 for forward and backward. Only the triangle that causal attention needs is counted, and nothing of the
optimizer: what is spent beyond that is overhead, not achievement.

The ceiling is the best rate of plain matrix products, in two kinds: one large product, 2048 x 2048 x 2048, which is
about what the machine can do at all; and the products of one step of the model itself (every matrix forward, for the
gradient of its input and for its own), one after the other with nothing between, which is what a step that is nothing
but products could do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from babytrain.engine.model.gpt import GPT
from babytrain.engine.model.layers import Linear

LARGE = 2048
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class StepArithmetic:
    """The products of a step: matrices as (outputs, inputs), each multiplying `rows` activations of `context`."""

    matrices: tuple[tuple[int, int], ...]
    rows: int
    layers: int
    width: int
    context: int

    @property
    def operations_per_token(self) -> int:
        """Of a training step, by the formula above."""
        weights = sum(outputs * inputs for outputs, inputs in self.matrices)
        return 6 * weights + 6 * (self.context + 1) * self.width * self.layers


def of_ours(model: GPT, batch: int) -> StepArithmetic:
    """The arithmetic of one of our models at `batch` windows a step."""
    matrices = [_shape(module.weight) for module in model.modules() if isinstance(module, Linear)]
    if model.head is None:
        matrices.append(_shape(model.token_embedding))
    config = model.config
    return StepArithmetic(tuple(matrices), batch * config.context, config.layers, config.width, config.context)


def of_peer(model: nn.Module, *, batch: int, layers: int, width: int, context: int) -> StepArithmetic:
    """The arithmetic of the peer's model."""
    matrices = tuple(_shape(module.weight) for module in model.modules() if isinstance(module, nn.Linear))
    return StepArithmetic(matrices, batch * context, layers, width, context)


def _shape(weight: torch.Tensor) -> tuple[int, int]:
    outputs, inputs = weight.shape
    return outputs, inputs


def large_ceiling(precision: str, repeats: int = 20) -> float:
    """Floating-point operations per second of the large product, best of `repeats`."""
    left, right = (torch.randn(LARGE, LARGE).to(DTYPES[precision]) for _ in range(2))
    return 2 * LARGE**3 / best_seconds(lambda: left @ right, repeats)


def model_ceiling(step: StepArithmetic, precision: str, repeats: int = 60) -> float:
    """Floating-point operations per second of a step's products and nothing else, best of `repeats`."""
    dtype = DTYPES[precision]
    operands = [
        (
            torch.randn(step.rows, inputs).to(dtype),
            torch.randn(outputs, inputs).to(dtype),
            torch.randn(step.rows, outputs).to(dtype),
        )
        for outputs, inputs in step.matrices
    ]

    def products() -> None:
        for activations, weight, gradient in operands:
            F.linear(activations, weight)
            gradient @ weight
            gradient.mT @ activations

    operations = 6 * step.rows * sum(outputs * inputs for outputs, inputs in step.matrices)
    return operations / best_seconds(products, repeats)


@torch.inference_mode()
def best_seconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest of `repeats` timings after a warm-up."""
    for _ in range(3):
        work()
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best
