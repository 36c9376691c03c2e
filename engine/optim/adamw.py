"""AdamW over the flat parameter buffer: torch's fused kernel, one tensor per weight decay."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ADAMW_EPSILON = 1e-8
_FUSED_DEVICES = ("cpu", "cuda", "mps")
MASKING_DEVICES = ("cpu", "cuda")  # where the fused kernel supports `found_inf`


class FlatAdamW:
    """Two 1-D parts of the flat buffer, of which the first decays (Loshchilov & Hutter 2017, arXiv 1711.05101).

    `average` and `squared_average` hold the state, laid out like the two parts one after the other.
    """

    def __init__(
        self,
        decaying: tuple[Tensor, Tensor],
        plain: tuple[Tensor, Tensor],
        *,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        """`decaying` and `plain` are (values, gradients), views of the flat buffers; either may be empty."""
        parts = [(*decaying, weight_decay), (*plain, 0.0)]
        like = decaying[0]
        total = sum(values.numel() for values, _, _ in parts)
        self.average = like.new_zeros(total)
        self.squared_average = like.new_zeros(total)
        groups, states, start = [], [], 0
        for values, gradients, decay in parts:
            if not values.numel():
                continue
            stop = start + values.numel()
            parameter = nn.Parameter(values)
            parameter.grad = gradients
            groups.append({"params": [parameter], "weight_decay": decay, "decays": values is decaying[0]})
            states.append((parameter, self.average[start:stop], self.squared_average[start:stop]))
            start = stop
        self._adamw = torch.optim.AdamW(
            groups, lr=0.0, betas=betas, eps=ADAMW_EPSILON, fused=like.device.type in _FUSED_DEVICES or None
        )
        self._counters: list[Tensor] = []
        for parameter, average, squared_average in states:
            # AdamW makes these at its first step; made here so that a checkpoint can be loaded before it.
            counter = torch.zeros((), dtype=torch.float32, device=parameter.device)
            self._adamw.state[parameter] = {"step": counter, "exp_avg": average, "exp_avg_sq": squared_average}
            self._counters.append(counter)

    def step(self, learning_rate: float, only_if: Tensor | None = None) -> None:
        """One update with the current gradients; void if `only_if` (0-D bool, on the device) is false."""
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate
        # The fused kernel skips the update if `found_inf`, as gradient scalers use it.
        self._adamw.found_inf = None if only_if is None else (~only_if).float()  # type: ignore[attr-defined]
        self._adamw.step()

    def set_betas(self, beta1: float, beta2: float) -> None:
        """Change the decay of the two averages from the next step on."""
        for group in self._adamw.param_groups:
            group["betas"] = (beta1, beta2)

    def set_weight_decay(self, weight_decay: float) -> None:
        """Change the weight decay of the decaying part from the next step on."""
        for group in self._adamw.param_groups:
            if group["decays"]:
                group["weight_decay"] = weight_decay

    @property
    def steps(self) -> int:
        """Updates so far, for the bias correction."""
        return int(self._counters[0])

    @steps.setter
    def steps(self, steps: int) -> None:
        for counter in self._counters:
            counter.fill_(steps)
