"""A forward and backward pass as a CUDA graph: hundreds of kernels launched by one call.

At these sizes a GPU waits for Python between kernels. A graph is captured once per batch shape and replayed; it reads
from and writes to the same memory every time, which decides the rest:

- Inputs and targets are copied into buffers, the share of an accumulated step is a tensor, the loss is copied out:
  losses wait on the device to be read and the next replay overwrites the graph's own.
- Gradients are added in place to the buffers they are in, so a parameter's `.grad` must never be set to None.
- The seed is set before each replay. A generator that was captured reads its seed and offset then, so the noise stays
  a function of the seed. (Seeding during a capture is an error.)
- Warm-up and capture share one side stream: libraries set themselves up per stream, and autograd ties gradients to the
  stream they were first computed on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

WARM_UP_PASSES = 3  # as torch's documentation asks for: kernels are chosen and workspaces made in the first ones
# Of the loss, and of the norm of all gradients; sums in bf16 come out a little differently each time.
REPLAY_TOLERANCE = 0.02


class CudaGraphCapture:
    """How work becomes a graph; tests put a fake in its place where there is no GPU."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work on the side stream, after all that was queued before and before all that is queued next."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            work()
        torch.cuda.current_stream().wait_stream(self._stream)

    def capture(self, work: Callable[[], None]) -> torch.cuda.CUDAGraph:
        """Record the work on the side stream without doing it. Raises RuntimeError where that is not possible."""
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
    """A `Pass` that replays a graph of `loss` and its gradients; `fallback` makes the passes if graphs do not work."""

    def __init__(
        self,
        loss: Callable[[Tensor, Tensor], Tensor],
        parameters: Sequence[nn.Parameter],
        capture: CudaGraphCapture,
        fallback: Callable[..., Tensor],
        note: Callable[[str], None],
    ) -> None:
        self._loss = loss
        self._parameters = parameters
        self._capture = capture
        self._fallback = fallback
        self._note = note
        self._by_shape: dict[torch.Size, _Captured] = {}
        self.works = True  # so far

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
        """Capture this shape; the gradients summed up so far survive. On failure turn graphs off and say why."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        kept = [gradient.clone() for gradient in gradients]
        try:
            self._by_shape[inputs.shape] = self._captured(inputs, targets, seed)
        except RuntimeError as error:  # what CUDA raises, running out of memory included
            self.works = False
            self._by_shape.clear()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._note(f"CUDA graphs do not work here, so every step launches its kernels one by one: {reason}")
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
            """The loss, and all gradients one behind the other."""
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
