"""A copy of a model's weights for the numpy decoder: on the CPU in fp32, with constants folded in.

- Matrices are stored [inputs, outputs], the fastest order for one row times a matrix.
- A LayerNorm becomes an RMSNorm: its gain and bias go into the matrix that reads it, and embeddings and matrices that
  write into the residual stream are centred, so that the mean to subtract is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from babytrain.engine.model.cpu.rms_norm import RMS_NORM_EPSILON
from babytrain.engine.model.gpt import GPT, Block
from babytrain.engine.model.layers import LayerNorm, Linear, RMSNorm
from babytrain.engine.model.token_embedding import lookback_tokens, ngram_rows

Float32Array = NDArray[np.float32]
_LAYER_NORM_EPSILON = 1e-5  # what `LayerNorm` adds to the variance


class LinearWeights(NamedTuple):
    """x -> x @ matrix (+ bias), matrix [inputs, outputs]."""

    matrix: Float32Array
    bias: Float32Array | None


class DecoderLayerWeights(NamedTuple):
    """One block: four products with a norm before `qkv` and before `up`."""

    qkv: LinearWeights
    projection: LinearWeights
    up: LinearWeights
    down: LinearWeights


@dataclass(frozen=True)
class DecoderWeights:
    """All weights of a model; None for parts it does not have.

    `embedding` [vocabulary, width], `positions` [context, width], `token_shift` [taps, width], `ngrams` [rows, width]
    and `rotary` [context, head_size / 2] complex; `epsilon` is what the norms add to the mean square; with
    `centred` embeddings are centred at each lookup.
    """

    embedding: Float32Array
    positions: Float32Array | None
    token_shift: Float32Array | None
    ngrams: Float32Array | None
    rotary: NDArray[np.complex64] | None
    layers: tuple[DecoderLayerWeights, ...]
    head: LinearWeights
    epsilon: float
    centred: bool


def copy_weights(model: GPT) -> DecoderWeights:
    """A copy of the weights of `model`."""
    blocks = [block for block in model.blocks if isinstance(block, Block)]
    centre = isinstance(model.final_norm, LayerNorm)
    head = model.token_embedding if model.head is None else model.head.weight
    return DecoderWeights(
        embedding=_array(_on_cpu(model.token_embedding)),
        positions=_optional_array(model.position_embedding),
        token_shift=_optional_array(model.token_shift),
        ngrams=_optional_array(model.ngram_embedding),
        rotary=None if (angles := _optional_array(model.rotary)) is None else angles.view(np.complex64)[..., 0],
        layers=tuple(_copy_layer(block, centre) for block in blocks),
        head=_read_weights(head, None, model.final_norm),
        epsilon=_LAYER_NORM_EPSILON if centre else RMS_NORM_EPSILON,
        centred=centre,
    )


def _copy_layer(block: Block, centre: bool) -> DecoderLayerWeights:
    attention, mlp = block.attention, block.mlp
    return DecoderLayerWeights(
        qkv=_read_weights(attention.qkv.weight, attention.qkv.bias, block.attention_norm),
        projection=_write_weights(attention.projection, centre),
        up=_read_weights(mlp.up.weight, mlp.up.bias, block.mlp_norm),
        down=_write_weights(mlp.down, centre),
    )


def _read_weights(weight: Tensor, bias: Tensor | None, norm: RMSNorm | LayerNorm) -> LinearWeights:
    """The product that reads the output of `norm`, with the norm's gain and bias folded in."""
    matrix, offset = _on_cpu(weight).t(), None if bias is None else _on_cpu(bias)
    if isinstance(norm, LayerNorm):
        if norm.bias is not None:
            added = _on_cpu(norm.bias) @ matrix
            offset = added if offset is None else offset + added
        matrix = matrix * _on_cpu(norm.weight)[:, None]
    return LinearWeights(_array(matrix), None if offset is None else _array(offset))


def _write_weights(linear: Linear, centre: bool) -> LinearWeights:
    """The product that is added to the residual stream; with `centre` its output has mean zero."""
    matrix = _centred(_on_cpu(linear.weight).t(), centre)
    return LinearWeights(
        _array(matrix), None if linear.bias is None else _array(_centred(_on_cpu(linear.bias), centre))
    )


def _centred(x: Tensor, centre: bool) -> Tensor:
    return x - x.mean(-1, keepdim=True) if centre else x


def _optional_array(x: Tensor | None) -> Float32Array | None:
    return None if x is None else _array(_on_cpu(x))


def _on_cpu(x: Tensor) -> Tensor:
    return x.detach().to("cpu", torch.float32)


def _array(x: Tensor) -> Float32Array:
    # clone(): on the CPU nothing may have been copied so far.
    copy: Float32Array = x.clone(memory_format=torch.contiguous_format).numpy()
    return copy


class TokenEmbedder:
    """Embeds the tokens of one text and keeps them for the tokens after; `at` is the position of the first token."""

    def __init__(self, weights: DecoderWeights, context: int) -> None:
        self._weights = weights
        self._taps = 0 if weights.token_shift is None else len(weights.token_shift)
        vocabulary_size, width = weights.embedding.shape
        self._vocabulary_size = vocabulary_size
        # The oldest neighbour first, and the token itself last with share 1.
        own = np.ones((1, width), dtype=np.float32)
        self._shares = own if weights.token_shift is None else np.concatenate((weights.token_shift[::-1], own))
        # Row `taps` + p is position p; the rows before the first position stay zero.
        self._embedded = np.zeros((self._taps + context, width), dtype=np.float32)
        self._tokens = np.zeros(context, dtype=np.int64)
        self._ngram_reach = 0 if weights.ngrams is None else lookback_tokens(0, len(weights.ngrams))

    def embed_one(self, token: int, at: int) -> Float32Array:
        """[width], a copy."""
        weights, taps = self._weights, self._taps
        if weights.ngrams is not None:
            row = self._lookup(np.array([token]), at)[0]
        else:
            row = weights.embedding[token]
        if taps:
            self._embedded[taps + at] = row
            x: Float32Array = np.add.reduce(self._embedded[at : at + taps + 1] * self._shares, 0)
        else:
            x = row.copy()
        if weights.positions is not None:
            x += weights.positions[at]
        if weights.centred:
            x -= x.sum() / x.dtype.type(x.size)
        return x

    def embed(self, tokens: Sequence[int], at: int) -> Float32Array:
        """[T, width], a copy."""
        weights, taps, end = self._weights, self._taps, at + len(tokens)
        rows = self._lookup(np.array(tokens), at)
        self._embedded[taps + at : taps + end] = rows
        x = rows
        for back in range(1, taps + 1):
            x = x + self._embedded[taps + at - back : taps + end - back] * self._shares[taps - back]
        if weights.positions is not None:
            x = x + weights.positions[at:end]
        return x - x.mean(-1, keepdims=True) if weights.centred else x

    def _lookup(self, tokens: np.ndarray[tuple[int], np.dtype[np.int64]], at: int) -> Float32Array:
        """Embeddings [T, width] of `tokens` with those of the n-grams that end there."""
        rows: Float32Array = self._weights.embedding[tokens]
        if self._weights.ngrams is None:
            return rows
        end = at + len(tokens)
        self._tokens[at:end] = tokens
        start = max(0, at - self._ngram_reach)
        recent = torch.from_numpy(self._tokens[start:end])[None]
        # The model's hash in torch, so that there is only one.
        found = ngram_rows(recent, self._vocabulary_size, len(self._weights.ngrams))[0, at - start :].numpy()
        summed: Float32Array = rows + self._weights.ngrams[found].sum(-2)
        return summed
