"""All parameters of a model in one contiguous buffer, and all gradients in a second one of the same layout.

A call per matrix costs a small model more in overhead than in arithmetic. With one buffer, zeroing, the gradient norm,
clipping and AdamW are one call each, and neighbours of equal shape are a stack for Muon without a copy. `.data` and
`.grad` of the parameters are views into the buffers; moving the model to another device afterwards breaks that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FlatSlice:
    """A parameter and the half-open range [start, stop) it fills in the buffers."""

    name: str
    parameter: nn.Parameter
    start: int
    stop: int

    def view_in(self, buffer: Tensor) -> Tensor:
        """This parameter's part of `buffer`, in the parameter's shape."""
        return buffer[self.start : self.stop].view(self.parameter.shape)


class FlatParameters:
    """`values` and `gradients`, 1-D fp32, hold the given parameters in the given order."""

    def __init__(self, named: Sequence[tuple[str, nn.Parameter]]) -> None:
        total = sum(parameter.numel() for _, parameter in named)
        like = named[0][1]
        self.values = torch.empty(total, dtype=like.dtype, device=like.device)
        self.gradients = torch.zeros_like(self.values)
        self.slices: list[FlatSlice] = []
        start = 0
        for name, parameter in named:
            part = FlatSlice(name, parameter, start, start + parameter.numel())
            values = part.view_in(self.values)
            values.copy_(parameter.data)
            parameter.data = values
            parameter.grad = part.view_in(self.gradients)
            self.slices.append(part)
            start = part.stop
        self._views = [(part.parameter, part.parameter.grad) for part in self.slices]

    def zero_gradients(self) -> None:
        """Set every gradient to zero, and restore views that were set to None."""
        self.gradients.zero_()
        for parameter, view in self._views:
            parameter.grad = view

    def collect_gradients(self) -> None:
        """Copy into `gradients` what was replaced instead of added to (after `zero_grad` to None)."""
        for parameter, view in self._views:
            if parameter.grad is view:
                continue
            assert view is not None
            if parameter.grad is None:
                view.zero_()
            else:
                view.copy_(parameter.grad)
            parameter.grad = view
