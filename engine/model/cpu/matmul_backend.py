"""Matrix products in fp32 on a CPU: by the library torch calls, or by oneDNN.

torch's x86 builds use MKL for fp32, which can be slow on processors of other makers (AMD EPYC with AVX-512, 768 x 128 x
512, one thread: 114 GFLOP/s against 252 by oneDNN, which comes with torch; bf16 uses it anyway). A trial
(`sessions/thread_and_precision_trial.py`) chooses for the process. The two round differently in the last bit.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

MatmulBackend = Literal["torch", "onednn"]

_onednn_in_use = False


def onednn_available() -> bool:
    """Whether this torch has the oneDNN operator."""
    return hasattr(torch.ops.mkldnn, "_linear_pointwise") and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def use_matmul_backend(backend: MatmulBackend) -> None:
    """Choose the library for the fp32 products of this process; torch's default if oneDNN is missing."""
    global _onednn_in_use
    _onednn_in_use = backend == "onednn" and onednn_available()


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """left @ right for two matrices, outside of autograd."""
    if _uses_onednn(left):
        return _onednn_matmul(left, right)
    return torch.mm(left, right)


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """x W^T, differentiable; `x` [..., inputs], `weight` [outputs, inputs], the same number format."""
    if not _uses_onednn(x):
        return F.linear(x, weight)
    y: Tensor = _Linear.apply(x, weight)  # type: ignore[no-untyped-call]
    return y


def _uses_onednn(x: Tensor) -> bool:
    return _onednn_in_use and x.dtype == torch.float32 and x.device.type == "cpu" and not torch.compiler.is_compiling()


def _onednn_matmul(left: Tensor, right: Tensor) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right.t(), None, "none", [], "")
    return product


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn_matmul(x.reshape(-1, x.shape[-1]), weight.t()).view(*x.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        rows = gradient.reshape(-1, gradient.shape[-1])
        return _onednn_matmul(rows, weight).view_as(x), _onednn_matmul(rows.t(), x.reshape(-1, x.shape[-1]))
