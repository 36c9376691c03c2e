"""A decoder in numpy with a key-value cache, for small models.

A torch call costs 2 to 5 microseconds before it computes anything and a numpy call a quarter of one, so with some fifty
calls per token numpy is several times faster (`bench/speed/sampling.py`).

- Queries, keys and values of a layer are one table [3 * heads, context, head_size + 1], scaled and stored in one call.
  The last column holds ones, so that the product with the values also sums the weights for the softmax.
- Mean squares of all heads are one product with a matrix of 1 / head_size that is zero for the values, plus the norm's
  epsilon for queries and keys and 1 for values.
- Normalised queries and keys bound the scores by sqrt(head_size), so the softmax needs no maximum.
- Several tokens at once go through the layers as a matrix; the last layer needs only their keys and values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from babytrain.engine.generation.numpy_weights import (
    DecoderLayerWeights,
    Float32Array,
    LinearWeights,
    TokenEmbedder,
    copy_weights,
)
from babytrain.engine.model.cpu.rms_norm import RMS_NORM_EPSILON
from babytrain.engine.model.gpt import GPT

_MOST_AT_ONCE = 128  # tokens; bounds the memory of the scores of a long prompt
_LARGEST_BOUND = 64.0  # exp of it, summed over any context, is far inside fp32
_ZERO, _HALF, _ONE = (np.array(number, dtype=np.float32) for number in (0.0, 0.5, 1.0))


class NumpyDecoder:
    """Reads the tokens of one text and predicts the next. `length` tokens are cached, at most the context."""

    def __init__(self, model: GPT) -> None:
        config = model.config
        self.length = 0
        self._weights = copy_weights(model)
        self._context = config.context
        self._embedder = TokenEmbedder(self._weights, config.context)
        self._width, self._heads, self._size = config.width, config.heads, config.width // config.heads
        self._activation = _ACTIVATIONS[config.mlp]
        self._normalises = config.qk_norm
        self._bounded = config.qk_norm and math.sqrt(self._size) <= _LARGEST_BOUND
        self._square_to_mean, self._added = self._root_parts()
        tables = np.zeros((config.layers, 3 * config.heads, config.context, self._size + 1), dtype=np.float32)
        tables[..., self._size] = 1.0
        self._layers = [_Layer(weights, table) for weights, table in zip(self._weights.layers, tables, strict=True)]
        self._scale = np.empty((), dtype=np.float32)
        self._normed = np.empty(config.width, dtype=np.float32)
        self._qkv = np.empty(3 * config.width, dtype=np.float32)
        self._by_head = self._qkv.reshape(3 * config.heads, self._size)
        self._squares = np.empty(3 * config.width, dtype=np.float32)
        self._root = np.sqrt(self._added)
        self._root_column = self._root[:, None]
        self._mixed = np.empty(config.width, dtype=np.float32)
        self._mixed_by_head = self._mixed.reshape(config.heads, 1, self._size)
        self._sums = np.empty((config.heads, 1, self._size + 1), dtype=np.float32)
        self._weighted, self._total = self._sums[:, :, :-1], self._sums[:, :, -1:]
        # Neighbouring dimensions of queries and keys are rotated as one complex number.
        turning = self._by_head[: 2 * config.heads]
        self._pairs = None if self._weights.rotary is None else turning.view(np.complex64)

    def clear(self) -> None:
        """Forget every token."""
        self.length = 0

    def read(self, tokens: Sequence[int]) -> Float32Array:
        """Logits [vocabulary] of the token after `tokens`, which follow those read before; the caller's to keep.

        Raises ValueError when they do not fit the context or there are none.
        """
        end = self.length + len(tokens)
        if end > self._context:
            raise ValueError(f"{end} tokens do not fit a context of {self._context}.")
        if not tokens:
            raise ValueError("There is nothing to read.")
        with np.errstate(all="ignore"):  # damaged weights show in the logits, which the caller checks
            before = tokens[:-1]
            for start in range(0, len(before), _MOST_AT_ONCE):
                self._remember(before[start : start + _MOST_AT_ONCE])
            return self._read_one(tokens[-1])

    def _read_one(self, token: int) -> Float32Array:
        weights, at = self._weights, self.length
        normed, qkv, root, mixed = self._normed, self._qkv, self._root, self._mixed
        x = self._embedder.embed_one(token, at)
        angle = None if weights.rotary is None else weights.rotary[at]
        end = self.length = at + 1
        for layer in self._layers:
            self._normalise(x)
            matrix, bias = layer.qkv
            normed.dot(matrix, out=qkv)
            if bias is not None:
                np.add(qkv, bias, qkv)
            if self._normalises:
                np.square(qkv, self._squares)
                self._squares.dot(self._square_to_mean, out=root)
                np.add(root, self._added, root)
                np.sqrt(root, root)
            if angle is not None and self._pairs is not None:
                np.multiply(self._pairs, angle, self._pairs)
            np.divide(self._by_head, self._root_column, layer.table[:, at])
            scores = np.matmul(layer.queries[:, at:end], layer.keys[:, :, :end])
            if not self._bounded:
                scores -= scores.max(-1, keepdims=True)
            np.exp(scores, scores)
            np.matmul(scores, layer.values[:, :end], self._sums)
            np.divide(self._weighted, self._total, self._mixed_by_head)
            matrix, bias = layer.projection
            np.add(x, mixed.dot(matrix), x)
            if bias is not None:
                np.add(x, bias, x)
            self._normalise(x)
            hidden = _apply(normed, layer.up)
            matrix, bias = layer.down
            np.add(x, self._activation(hidden).dot(matrix), x)
            if bias is not None:
                np.add(x, bias, x)
        self._normalise(x)
        return _apply(normed, weights.head)

    def _normalise(self, x: Float32Array) -> None:
        """Write the normalised `x` [width] into `_normed`."""
        self._scale[()] = 1.0 / math.sqrt(float(x.dot(x)) / self._width + self._weights.epsilon)
        np.multiply(x, self._scale, self._normed)

    def _remember(self, tokens: Sequence[int]) -> None:
        """Read `tokens` for their keys and values only."""
        weights, start = self._weights, self.length
        end = self.length = start + len(tokens)
        x = self._embedder.embed(tokens, start)
        later = np.triu(np.full((len(tokens), end), -np.inf, dtype=np.float32), start + 1)
        for layer in self._layers:
            qkv = _apply(_normalised(x, weights.epsilon), layer.qkv)
            self._store(qkv, layer, start, end)
            if layer is self._layers[-1]:
                return
            scores = np.matmul(layer.queries[:, start:end], layer.keys[:, :, :end])
            scores += later
            if not self._bounded:
                scores -= scores.max(-1, keepdims=True)
            sums = np.matmul(np.exp(scores, scores), layer.values[:, :end])
            mixed = (sums[..., :-1] / sums[..., -1:]).transpose(1, 0, 2).reshape(x.shape)
            x += _apply(mixed, layer.projection)
            x += _apply(self._activation(_apply(_normalised(x, weights.epsilon), layer.up)), layer.down)

    def _store(self, qkv: Float32Array, layer: _Layer, start: int, end: int) -> None:
        """Normalise, rotate and store queries, keys and values [T, 3 * width] of positions `start` to `end`."""
        root = self._root
        if self._normalises:
            root = np.sqrt(np.square(qkv) @ self._square_to_mean + self._added)
        by_head = qkv.reshape(len(qkv), 3 * self._heads, self._size)
        if self._weights.rotary is not None:
            by_head[:, : 2 * self._heads].view(np.complex64)[...] *= self._weights.rotary[start:end, None]
        layer.table[:, start:end] = (by_head / root[..., None]).swapaxes(0, 1)

    def _root_parts(self) -> tuple[Float32Array, Float32Array]:
        """(matrix [3 * width, 3 * heads], row): queries, keys and values are divided by sqrt(squares @ matrix + row).

        For queries that includes the division of the scores by sqrt(head_size).
        """
        heads, size = self._heads, self._size
        factor = np.repeat(np.array([size, 1, 1], dtype=np.float32), heads)
        if not self._normalises:
            return np.zeros((3 * self._width, 3 * heads), dtype=np.float32), factor
        normalised = np.repeat(np.array([1, 1, 0], dtype=np.float32), heads)
        to_mean = np.repeat(np.diag(normalised * factor / size), size, axis=0).astype(np.float32)
        return to_mean, np.where(normalised > 0, factor * RMS_NORM_EPSILON, 1.0).astype(np.float32)


class _Layer:
    """Weights and cache of one layer; views of the table are made once, because slicing is slow."""

    def __init__(self, weights: DecoderLayerWeights, table: Float32Array) -> None:
        heads = len(table) // 3
        self.table = table[:, :, :-1]
        self.queries = self.table[:heads]
        self.keys = self.table[heads : 2 * heads].swapaxes(1, 2)  # [heads, head_size, context]
        self.values = table[2 * heads :]  # with the column of ones
        self.qkv, self.projection, self.up, self.down = weights


def _apply(x: Float32Array, linear: LinearWeights) -> Float32Array:
    y: Float32Array = x.dot(linear.matrix)
    if linear.bias is not None:
        y += linear.bias
    return y


def _normalised(x: Float32Array, epsilon: float) -> Float32Array:
    """The rows of `x` divided by the root of their mean square."""
    y: Float32Array = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + np.float32(epsilon))
    return y


# The activations of `engine.model.mlp` on [..., outputs of up]; the argument's memory may be used for the result.


def _relu2(x: Float32Array) -> Float32Array:
    np.maximum(x, _ZERO, out=x)
    return np.multiply(x, x, out=x)


def _gelu(x: Float32Array) -> Float32Array:
    y: Float32Array = F.gelu(torch.from_numpy(x)).numpy()  # numpy has no erf
    return y


def _swiglu(x: Float32Array) -> Float32Array:
    gate, value = np.split(x, 2, axis=-1)
    return gate * _sigmoid(gate) * value


def _fmn(x: Float32Array) -> Float32Array:
    signal, gate = np.split(x, 2, axis=-1)
    return np.tanh(signal) * _sigmoid(gate)


def _sigmoid(x: Float32Array) -> Float32Array:
    y: Float32Array = _HALF * (_ONE + np.tanh(_HALF * x))  # exp(-x) would overflow
    return y


_ACTIVATIONS: Mapping[str, Callable[[Float32Array], Float32Array]] = {
    "relu2": _relu2,
    "gelu": _gelu,
    "swiglu": _swiglu,
    "fmn": _fmn,
}
