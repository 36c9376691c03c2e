"""A model's weights arranged for writing: copied to the CPU in fp32, with everything that does not move folded in.

Choices:

- Matrices are stored [inputs, outputs], in which order one row times a matrix is fastest.
- A LayerNorm becomes a bare RMSNorm. Its gain and bias go into the matrix that reads it. Its subtraction of the mean
  needs no doing when everything that is added to the residual stream has mean zero: the embedding is made so when it
  is looked up, and the matrices that write into the stream are here.
- The copy is the writer's own: training may go on while a text is written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from babytrain.engine.model.gpt import GPT, Block
from babytrain.engine.model.linear import Linear
from babytrain.engine.model.norm import EPSILON, LayerNorm, RMSNorm

Floats = NDArray[np.float32]

_LAYER_NORM_EPSILON = 1e-5  # what `LayerNorm` adds to the variance


@dataclass(frozen=True)
class Product:
    """x -> x @ matrix (+ bias), matrix [inputs, outputs]."""

    matrix: Floats
    bias: Floats | None


@dataclass(frozen=True)
class LayerWeights:
    """One block: four products with a norm before `qkv` and before `up`."""

    qkv: Product
    projection: Product
    up: Product
    down: Product


@dataclass(frozen=True)
class Weights:
    """All of a model; without a part that is None.

    `embedding` [vocabulary, width], `positions` [context, width], `token_shift` [taps, width], `ngrams` [rows, width]
    and `rotary` [context, head_size / 2] complex; `epsilon` is what the norms add to the mean square, and with
    `centred` embeddings have to have mean zero.
    """

    embedding: Floats
    positions: Floats | None
    token_shift: Floats | None
    ngrams: Floats | None
    rotary: NDArray[np.complex64] | None
    layers: tuple[LayerWeights, ...]
    head: Product
    epsilon: float
    centred: bool


def copy_weights(model: GPT) -> Weights:
    """The weights of `model` as they are now."""
    blocks = [block for block in model.blocks if isinstance(block, Block)]
    centre = isinstance(model.final_norm, LayerNorm)
    head = model.token_embedding if model.head is None else model.head.weight
    return Weights(
        embedding=_floats(_fetch(model.token_embedding)),
        positions=_optional(model.position_embedding),
        token_shift=_optional(model.token_shift),
        ngrams=_optional(model.ngram_embedding),
        rotary=None if (angles := _optional(model.rotary)) is None else angles.view(np.complex64)[..., 0],
        layers=tuple(_copy_layer(block, centre) for block in blocks),
        head=_reading(head, None, model.final_norm),
        epsilon=_LAYER_NORM_EPSILON if centre else EPSILON,
        centred=centre,
    )


def _copy_layer(block: Block, centre: bool) -> LayerWeights:
    attention, mlp = block.attention, block.mlp
    return LayerWeights(
        qkv=_reading(attention.qkv.weight, attention.qkv.bias, block.attention_norm),
        projection=_writing(attention.projection, centre),
        up=_reading(mlp.up.weight, mlp.up.bias, block.mlp_norm),
        down=_writing(mlp.down, centre),
    )


def _reading(weight: Tensor, bias: Tensor | None, norm: RMSNorm | LayerNorm) -> Product:
    """The product that reads the output of `norm`, with the norm's gain and bias in it."""
    matrix, offset = _fetch(weight).t(), None if bias is None else _fetch(bias)
    if isinstance(norm, LayerNorm):
        if norm.bias is not None:
            added = _fetch(norm.bias) @ matrix
            offset = added if offset is None else offset + added
        matrix = matrix * _fetch(norm.weight)[:, None]
    return Product(_floats(matrix), None if offset is None else _floats(offset))


def _writing(linear: Linear, centre: bool) -> Product:
    """The product that is added to the residual stream; with `centre` what it adds has mean zero."""
    matrix = _centred(_fetch(linear.weight).t(), centre)
    return Product(_floats(matrix), None if linear.bias is None else _floats(_centred(_fetch(linear.bias), centre)))


def _centred(x: Tensor, centre: bool) -> Tensor:
    return x - x.mean(-1, keepdim=True) if centre else x


def _optional(x: Tensor | None) -> Floats | None:
    return None if x is None else _floats(_fetch(x))


def _fetch(x: Tensor) -> Tensor:
    return x.detach().to("cpu", torch.float32)


def _floats(x: Tensor) -> Floats:
    # clone(): on the CPU nothing before this need have copied anything.
    copy: Floats = x.clone(memory_format=torch.contiguous_format).numpy()
    return copy
