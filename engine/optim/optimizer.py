"""The optimizer of a run: AdamW for everything, or Muon for the hidden matrices and AdamW for the rest.

Choices:
- Matrices decay; embeddings, norms and biases do not. With a tied embedding everything of two dimensions decays, which
  is nanoGPT's rule.
- Hyperparameters are plain floats, because nothing here is compiled.
- The state is saved under the parameters' names and in their shapes, independent of the layout in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

import torch
from torch import Tensor, nn

from babytrain.engine.config.settings import Config
from babytrain.engine.execution.devices import supports_bf16
from babytrain.engine.model.gpt import GPT
from babytrain.engine.model.layers import Linear
from babytrain.engine.optim.adamw import FlatAdamW
from babytrain.engine.optim.flat_buffers import FlatParameters, FlatSlice
from babytrain.engine.optim.muon import MuonStack
from babytrain.engine.optim.update_alignment import UpdateAlignment

_NEVER_DECAYED = ("token_shift", "ngram_embedding")
NamedParameters: TypeAlias = list[tuple[str, nn.Parameter]]


@dataclass
class _Groups:
    """The parameters by update rule. Muon's are keyed by the shape of one matrix."""

    decaying: NamedParameters = field(default_factory=list)
    plain: NamedParameters = field(default_factory=list)
    muon: dict[tuple[int, int], NamedParameters] = field(default_factory=dict)


class Optimizer:
    """Updates the parameters of one model in place. The model must be on its device and have its precision set.

    A step is `zero_grad()`, any number of backward passes, `clip_gradient_norm(clip)`, `set_learning_rates`, `step()`.
    """

    def __init__(self, model: GPT, config: Config) -> None:
        groups = _sort_parameters(model, config)
        self._flat = FlatParameters([*groups.decaying, *groups.plain, *(p for ps in groups.muon.values() for p in ps)])
        slices = iter(self._flat.slices)
        decaying, plain = (list(islice(slices, len(named))) for named in (groups.decaying, groups.plain))
        self._adamw = FlatAdamW(
            self._part(decaying),
            self._part(plain),
            betas=(config.beta1, config.beta2),
            weight_decay=config.weight_decay,
        )
        self._adamw_slices = decaying + plain
        self._muon_slices = self._flat.slices[len(self._adamw_slices) :]
        self._momentum = self._flat.values.new_zeros(sum(part.stop - part.start for part in self._muon_slices))
        device = self._flat.values.device.type
        dtype = torch.bfloat16 if model.precision == "bf16" or supports_bf16(device) else torch.float32
        self._muon = []
        for shape, named in groups.muon.items():
            parts = list(islice(slices, len(named)))
            flat = (*self._part(parts), self._momentum_of(parts[0].start, parts[-1].stop))
            self._muon.append(MuonStack(*(tensor.view(-1, *shape) for tensor in flat), dtype=dtype))
        split = self._muon_slices[0].start if self._muon_slices else len(self._flat.values)
        whole = (slice(0, split), slice(split, len(self._flat.values)))
        # For AdamW's parameters and for Muon's, if it has any.
        self.alignment = UpdateAlignment(self._flat.values, self._flat.gradients, whole[: 1 + bool(self._muon)])
        self._weight_decay = config.weight_decay
        self._adamw_learning_rate = self._muon_learning_rate = 0.0

    def set_learning_rates(self, adamw: float, muon: float) -> None:
        """Set the learning rates of the next steps."""
        self._adamw_learning_rate, self._muon_learning_rate = adamw, muon

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        self._flat.zero_gradients()

    @torch.no_grad()
    def clip_gradient_norm(self, clip: float) -> Tensor:
        """Scale the gradients in place to a norm of at most `clip`, if > 0. Returns the norm before clipping.

        It is 0-D on the device: this never waits for the device.
        """
        self._flat.collect_gradients()
        gradients = self._flat.gradients
        # Twice as fast as vector_norm on a CPU, where a reduction to one number runs on one thread.
        norm = torch.dot(gradients, gradients).sqrt()
        if clip > 0.0:
            gradients.mul_((clip / (norm + 1e-6)).clamp_(max=1.0))
        return norm

    def step(self, only_if: Tensor | None = None) -> None:
        """Update every parameter with the current gradients, without waiting for the device.

        If `only_if`, a 0-D bool on the device, is false, neither weights nor optimizer state change.
        """
        self._flat.collect_gradients()
        self._adamw.step(self._adamw_learning_rate, only_if)
        for stack in self._muon:
            stack.step(self._muon_learning_rate, self._weight_decay, only_if)

    def set_weight_decay(self, weight_decay: float) -> None:
        """Change the decoupled weight decay of the matrices from the next step on."""
        self._weight_decay = weight_decay
        self._adamw.set_weight_decay(weight_decay)

    def set_betas(self, beta1: float, beta2: float) -> None:
        """Change AdamW's decay of the gradient average and of the squared-gradient average from the next step on."""
        self._adamw.set_betas(beta1, beta2)

    def tensors(self) -> dict[str, Tensor]:
        """The state as views, by name, in the shapes of the parameters: copy or save them before the next step."""
        state = {}
        for part in self._adamw_slices:
            state[f"adamw.average.{part.name}"] = part.view_in(self._adamw.average)
            state[f"adamw.squared_average.{part.name}"] = part.view_in(self._adamw.squared_average)
        for part in self._muon_slices:
            momentum = self._momentum_of(part.start, part.stop)
            state[f"muon.momentum.{part.name}"] = momentum.view(part.parameter.shape)
        return state

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Load a state from `tensors()`, of the same names and shapes."""
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])

    def scalars(self) -> dict[str, float | int]:
        """The rest of the state: how many updates AdamW has made."""
        return {"adamw_steps": self._adamw.steps}

    def load_scalars(self, scalars: Mapping[str, float | int]) -> None:
        """Load a state from `scalars()`. Raises ValueError with one sentence when it is not one."""
        steps = scalars.get("adamw_steps")
        if set(scalars) != {"adamw_steps"} or not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
            raise ValueError(
                f"The optimizer's numbers should be a whole adamw_steps and nothing else, not {scalars!r}."
            )
        self._adamw.steps = steps

    def _part(self, slices: Sequence[FlatSlice]) -> tuple[Tensor, Tensor]:
        """Values and gradients of neighbouring parameters, 1-D."""
        start, stop = (slices[0].start, slices[-1].stop) if slices else (0, 0)
        return self._flat.values[start:stop], self._flat.gradients[start:stop]

    def _momentum_of(self, start: int, stop: int) -> Tensor:
        """The momentum of the parameters in [start, stop) of the flat buffer, 1-D."""
        first = self._muon_slices[0].start
        return self._momentum[start - first : stop - first]


def _sort_parameters(model: GPT, config: Config) -> _Groups:
    """Every parameter in exactly one group, neighbours in a group next to each other in the flat buffer."""
    groups = _Groups()
    matrices = {f"{name}.weight": module for name, module in model.named_modules() if isinstance(module, Linear)}
    for name, parameter in model.named_parameters():
        matrix = matrices.get(name)
        if matrix is not None and name != "head.weight" and config.optimizer == "muon":
            rows, columns = parameter.shape
            groups.muon.setdefault((rows // matrix.parts, columns), []).append((name, parameter))
        elif matrix is not None or (config.tied and parameter.dim() >= 2 and name not in _NEVER_DECAYED):
            groups.decaying.append((name, parameter))
        else:
            groups.plain.append((name, parameter))
    return groups
