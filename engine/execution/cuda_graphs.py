"""A forward and backward pass as a CUDA graph: hundreds of kernels launched by one call.

A graph is captured once per batch shape. A replay reads from and writes to the same memory every time, therefore:

- Inputs and targets are copied into buffers, the share of an accumulated step is a tensor, and the loss is copied out,
  because the next replay overwrites it.
- Gradients are added in place, so a parameter's `.grad` must never be set to None.
- The seed is set before each replay, when a captured generator reads its seed and offset. (Seeding during a capture is
  an error.)
- Warm-up and capture share one side stream: libraries set themselves up per stream, and autograd ties gradients to the
  stream they were first computed on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from babytrain.runs.errors import error_reason

WARM_UP_PASSES = 3  # as torch's documentation asks for: the first ones choose kernels and allocate workspaces
# Relative, of the loss and of the norm of all gradients; sums in bf16 vary a little.
REPLAY_TOLERANCE = 0.02


class CudaGraphCapture:
    """Captures work as a graph. Tests without a GPU use a fake."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work on the side stream, in order with the work queued before and after."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            work()
        torch.cuda.current_stream().wait_stream(self._stream)

    def capture(self, work: Callable[[], None]) -> torch.cuda.CUDAGraph:
        """Record the work on the side stream without doing it. Raises RuntimeError if that fails."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            work()
        return graph


@dataclass(frozen=True)
class _Captured:
    """A graph and the memory it works on."""

    graph: torch.cuda.CUDAGraph
    inputs: Tensor  # [batch, context] int64, as are the targets
    targets: Tensor
    share: Tensor  # 0-D, what the gradients are multiplied by
    loss: Tensor  # 0-D, before that


class GraphedPass:
    """A `Pass` that replays a graph of `loss` and its gradients, or calls `fallback` if graphs do not work."""

    def __init__(
        self,
        loss: Callable[[Tensor, Tensor], Tensor],
        parameters: Sequence[nn.Parameter],
        capture: CudaGraphCapture,
        fallback: Callable[..., Tensor],
        note: Callable[[str], None],
    ) -> None:
        self._loss, self._parameters, self._capture = loss, parameters, capture
        self._fallback, self._note = fallback, note
        self._by_shape: dict[torch.Size, _Captured] = {}
        self.works = True

    def __call__(self, inputs: Tensor, targets: Tensor, *, accumulate: int, seed: int | None) -> Tensor:
        """See `Pass`. The first call with a shape captures it."""
        if self.works and inputs.shape not in self._by_shape:
            self._try_capture(inputs, targets, seed)
        if not self.works:
            return self._fallback(inputs, targets, accumulate=accumulate, seed=seed)
        captured = self._by_shape[inputs.shape]
        captured.inputs.copy_(inputs)
        captured.targets.copy_(targets)
        captured.share.fill_(1.0 / accumulate)
        if seed is not None:
            torch.manual_seed(seed)
        captured.graph.replay()
        return captured.loss.clone()

    def _try_capture(self, inputs: Tensor, targets: Tensor, seed: int | None) -> None:
        """Capture this shape and keep the gradients summed so far. On failure turn graphs off and report why."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        kept = [gradient.clone() for gradient in gradients]
        try:
            self._by_shape[inputs.shape] = self._captured(inputs, targets, seed)
        except RuntimeError as error:  # what CUDA raises, running out of memory included
            self.works = False
            self._by_shape.clear()
            self._note(
                f"CUDA graphs do not work here, so every step launches its kernels one by one: {error_reason(error)}"
            )
        if gradients:
            torch._foreach_copy_(gradients, kept)

    def _captured(self, inputs: Tensor, targets: Tensor, seed: int | None) -> _Captured:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        if len(gradients) < len(self._parameters):
            raise RuntimeError("the gradients have no memory of their own")
        inputs, targets = (rows.clone(memory_format=torch.contiguous_format) for rows in (inputs, targets))
        share, loss = torch.ones((), device=inputs.device), torch.zeros((), device=inputs.device)

        def work() -> None:
            computed = self._loss(inputs, targets)
            computed.backward(share)  # type: ignore[no-untyped-call]
            loss.copy_(computed.detach())

        def result_of(run: Callable[[], None]) -> tuple[Tensor, Tensor]:
            """The loss, and all gradients concatenated."""
            torch._foreach_zero_(gradients)
            loss.zero_()
            if seed is not None:
                torch.manual_seed(seed)
            run()
            return loss.clone(), torch.cat([gradient.flatten() for gradient in gradients])

        for _ in range(WARM_UP_PASSES):
            expected = result_of(lambda: self._capture.warm_up(work))
        graph = self._capture.capture(work)
        pairs = zip(result_of(graph.replay), expected, strict=True)
        if not all((repeated - first).norm() <= REPLAY_TOLERANCE * first.norm() for repeated, first in pairs):
            raise RuntimeError("a replay did not repeat the pass it was captured from")
        return _Captured(graph, inputs, targets, share, loss)
