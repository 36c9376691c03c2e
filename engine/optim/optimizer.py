"""The optimizer of a run: AdamW for everything, or Muon for the hidden matrices and AdamW for the rest.

Choices:
- All parameters live in one flat buffer (`flat.py`), so a step is a handful of large operations.
- Matrices decay; embeddings, norms and biases do not. A tied embedding is a matrix too, and with it everything of two
  dimensions decays, which is nanoGPT's rule.
- Hyperparameters are plain floats, set before every step. Nothing here is compiled, so a change costs nothing; a
  compiled step would have to take them as 0-D tensors, or each new value would compile anew.
- The state is saved under the parameters' names and in their shapes, whatever the layout in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor, nn

from babytrain.engine.config.settings import Config
from babytrain.engine.execution.devices import supports_bf16
from babytrain.engine.model.gpt import GPT
from babytrain.engine.model.layers import Linear
from babytrain.engine.optim.adamw import FlatAdamW
from babytrain.engine.optim.flat import FlatParameters, FlatSlice
from babytrain.engine.optim.muon import MuonStack

_NEVER_DECAYED = ("token_shift", "ngram_embedding")
NamedParameters: TypeAlias = list[tuple[str, nn.Parameter]]


def build_optimizer(model: GPT, config: Config) -> Optimizer:
    """The optimizer that `config` names. The model must be on its device and have its precision set by now."""
    return Optimizer(model, config)


@dataclass
class _Groups:
    """The parameters by update rule. Muon's are keyed by the shape of one matrix."""

    decaying: NamedParameters = field(default_factory=list)
    plain: NamedParameters = field(default_factory=list)
    muon: dict[tuple[int, int], NamedParameters] = field(default_factory=dict)


class Optimizer:
    """Updates the parameters of one model in place.

    A step is `zero_grad()`, any number of backward passes, `clip_gradient_norm(clip)`, `set_learning_rates`, `step()`.
    """

    def __init__(self, model: GPT, config: Config) -> None:
        groups = _sort_parameters(model, config)
        self._flat = FlatParameters([*groups.decaying, *groups.plain, *(p for ps in groups.muon.values() for p in ps)])
        places = {place.name: place for place in self._flat.placed}
        self._adamw_places = [places[name] for name, _ in (*groups.decaying, *groups.plain)]
        self._muon_places = [places[name] for named in groups.muon.values() for name, _ in named]
        self._adamw = FlatAdamW(
            self._part([places[name] for name, _ in groups.decaying]),
            self._part([places[name] for name, _ in groups.plain]),
            betas=(config.beta1, config.beta2),
            weight_decay=config.weight_decay,
        )
        device = self._flat.values.device.type
        dtype = torch.bfloat16 if model.precision == "bf16" or supports_bf16(device) else torch.float32
        self._muon = []
        for shape, named in groups.muon.items():
            values, gradients = self._part([places[name] for name, _ in named])
            self._muon.append(MuonStack(values.view(-1, *shape), gradients.view(-1, *shape), dtype=dtype))
        self._betas = (config.beta1, config.beta2)
        self._weight_decay = config.weight_decay
        self._adamw_learning_rate = self._muon_learning_rate = 0.0

    # -- a step ------------------------------------------------------------------------------------------------

    def set_learning_rates(self, adamw: float, muon: float) -> None:
        """The learning rates of the next steps; Muon's applies to what Muon updates, if anything."""
        self._adamw_learning_rate, self._muon_learning_rate = adamw, muon

    def zero_grad(self) -> None:
        """Start a new sum of gradients."""
        self._flat.zero_gradients()

    @torch.no_grad()
    def clip_gradient_norm(self, clip: float) -> Tensor:
        """The norm of all gradients together, a scalar on the device, before clipping.

        With `clip` > 0 the gradients are scaled in place so that their norm is at most `clip`. Never waits for the
        device.
        """
        self._flat.collect_gradients()
        gradients = self._flat.gradients
        # Twice as fast as vector_norm on a CPU, where a reduction to one number runs on one thread.
        norm = torch.dot(gradients, gradients).sqrt()
        if clip > 0.0:
            gradients.mul_((clip / (norm + 1e-6)).clamp_(max=1.0))
        return norm

    def step(self, only_if: Tensor | None = None) -> None:
        """Update every parameter with the gradients as they stand.

        With `only_if`, a 0-D bool on the device, nothing is updated where it is false: no weight, no average, no
        momentum, no count. Never waits for the device.
        """
        self._flat.collect_gradients()
        self._adamw.step(self._adamw_learning_rate, only_if)
        for stack in self._muon:
            stack.step(self._muon_learning_rate, self._weight_decay, only_if)

    # -- dials -------------------------------------------------------------------------------------------------

    @property
    def weight_decay(self) -> float:
        """Decoupled weight decay of the matrices; may be set between steps."""
        return self._weight_decay

    @weight_decay.setter
    def weight_decay(self, weight_decay: float) -> None:
        self._weight_decay = weight_decay
        self._adamw.set_weight_decay(weight_decay)

    @property
    def betas(self) -> tuple[float, float]:
        """AdamW's decay of the gradient average and of the squared-gradient average; may be set between steps."""
        return self._betas

    @betas.setter
    def betas(self, betas: tuple[float, float]) -> None:
        self._betas = betas
        self._adamw.set_betas(*betas)

    # -- state -------------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """The state as views, by name, in the shapes of the parameters: copy or save them before the next step."""
        state = {}
        for place in self._adamw_places:
            state[f"adamw.average.{place.name}"] = place.view_in(self._adamw.average)
            state[f"adamw.squared_average.{place.name}"] = place.view_in(self._adamw.squared_average)
        momenta = [stack.momentum for stack in self._muon]
        for place in self._muon_places:
            state[f"muon.momentum.{place.name}"] = self._momentum_of(place, momenta)
        return state

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state from `tensors()`. Raises ValueError with one sentence when it is not this model's."""
        own = self.tensors()
        problems = _differences(own, tensors)
        if problems:
            raise ValueError(f"The optimizer state does not fit this model: {'; '.join(problems)}.")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])

    def scalars(self) -> dict[str, float | int]:
        """The rest of the state: how many updates AdamW has made."""
        return {"adamw_steps": self._adamw.steps}

    def load_scalars(self, scalars: Mapping[str, float | int]) -> None:
        """Take over a state from `scalars()`. Raises ValueError with one sentence when it is not one."""
        steps = scalars.get("adamw_steps")
        if set(scalars) != {"adamw_steps"} or not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
            raise ValueError(
                f"The optimizer's numbers should be a whole adamw_steps and nothing else, not {scalars!r}."
            )
        self._adamw.steps = steps

    # -- layout ------------------------------------------------------------------------------------------------

    def _part(self, places: Sequence[FlatSlice]) -> tuple[Tensor, Tensor]:
        """Values and gradients of neighbouring parameters, 1-D."""
        start, stop = (places[0].start, places[-1].stop) if places else (0, 0)
        return self._flat.values[start:stop], self._flat.gradients[start:stop]

    def _momentum_of(self, place: FlatSlice, momenta: Sequence[Tensor]) -> Tensor:
        start = place.start - self._muon_places[0].start
        for momentum in momenta:
            if start < momentum.numel():
                return momentum.view(-1)[start : start + place.stop - place.start].view(place.parameter.shape)
            start -= momentum.numel()
        raise AssertionError(f"{place.name} is in no stack")


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


def _differences(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """What `given` lacks, has too much, or has in another shape."""
    problems = []
    if missing := sorted(own.keys() - given.keys()):
        problems.append(f"{_some(missing)} missing")
    if extra := sorted(given.keys() - own.keys()):
        problems.append(f"{_some(extra)} unknown")
    problems.extend(
        f"{name} has shape {list(given[name].shape)} instead of {list(own[name].shape)}"
        for name in sorted(own.keys() & given.keys())
        if own[name].shape != given[name].shape
    )
    return problems[:4]


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
