"""Generates text with a trained model, one token at a time.

- Each token takes one random number from a separate generator on the CPU: the same seed gives the same text on every
  device as far as the logits agree.
- Products are in fp32: bf16 gains nothing at one token at a time, and the likeliest token is then the same with and
  without the cache.
- When the context is full, its newer half is read again from position 0 (`context_start`), so the work per token stays
  constant for rotary and learned positions.
- Small models run in numpy (`numpy_decoder.py`), with a copy of the weights made at the first token; large ones in
  torch, on their device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from babytrain.engine.generation.numpy_decoder import NumpyDecoder
from babytrain.engine.generation.sampling import REPETITION_WINDOW, DamagedWeightsError, SamplingSettings, sample_token
from babytrain.engine.model.gpt import GPT

# On one thread numpy is 11 times faster at 0.8M parameters (width 128), 4 at 3M (224), 2.8 at 7M (256) and 2.2 at 10.7M
# (384). Beyond, arithmetic dominates, and torch may use more threads or a GPU.
_MOST_NUMPY_DECODER_PARAMETERS = 12_000_000


class TorchDecoder:
    """`NumpyDecoder` with the model itself, whose mode and precision are unchanged when `read` returns."""

    def __init__(self, model: GPT, device: torch.device) -> None:
        self._model, self._device, self._cache = model, device, model.new_cache()

    @property
    def length(self) -> int:
        """The number of tokens in the cache."""
        return self._cache.length

    def clear(self) -> None:
        """Remove all tokens."""
        self._cache.clear()

    def read(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Logits [vocabulary] of the token after `tokens`, which follow those read before."""
        unread = torch.tensor([tokens], device=self._device)
        with torch.inference_mode(), self._model.fp32_inference():
            logits: NDArray[np.float32] = self._model(unread, self._cache)[0, -1].float().cpu().numpy()
        return logits


Decoder: TypeAlias = NumpyDecoder | TorchDecoder  # reads the tokens of one text and predicts the next


def context_start(tokens_before: int, context: int) -> int:
    """Index of the first token the model reads when it predicts the one after `tokens_before` tokens.

    0 until the context is full, then it grows in steps of half a context.
    """
    if tokens_before <= context:
        return 0
    keep = context // 2
    jump = context - keep
    return jump * -(-(tokens_before - context) // jump)


def generate(
    model: GPT,
    prompt_ids: Sequence[int],
    settings: SamplingSettings,
    *,
    max_tokens: int,
    seed: int,
    device: str | torch.device,
    stop: Callable[[], bool] | None = None,
) -> Iterator[int]:
    """Yield up to `max_tokens` new token ids, drawn as `settings` say; ends early when `stop()` says so.

    `device` is that of the model, whose mode and precision are unchanged at every yield. Raises ValueError at once for
    an empty prompt or an id outside the vocabulary, and DamagedWeightsError later.
    """
    if not prompt_ids:
        raise ValueError("A prompt needs at least one token to go on from.")
    unknown = [token for token in prompt_ids if not 0 <= token < model.vocabulary_size]
    if unknown:
        raise ValueError(f"Token {unknown[0]} is not in the vocabulary of {model.vocabulary_size}.")
    return _generate(model, list(prompt_ids), settings, max_tokens, seed, torch.device(device), stop)


def new_decoder(model: GPT, device: str | torch.device) -> Decoder:
    """The faster decoder for `model`, which is on `device`; the numpy one copies the weights."""
    if model.parameter_count <= _MOST_NUMPY_DECODER_PARAMETERS:
        return NumpyDecoder(model)
    return TorchDecoder(model, torch.device(device))


def likeliest_tokens(decoder: Decoder, ids: Sequence[int], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `count` likeliest tokens after `ids`, likeliest first, and their probabilities at temperature 1.

    Ties are in the order of the vocabulary. The decoder is cleared and reads `ids`. Raises ValueError when there are
    none or more than the context, and DamagedWeightsError.
    """
    decoder.clear()
    logits = decoder.read(ids).astype(np.float64)
    largest = float(logits.max())
    if not math.isfinite(largest):
        raise DamagedWeightsError("predict")
    probabilities = np.exp(logits - largest)
    probabilities /= probabilities.sum()
    likeliest = np.argsort(-probabilities, kind="stable")[: max(0, count)]
    return likeliest, probabilities[likeliest]


def _generate(
    model: GPT,
    tokens: list[int],
    settings: SamplingSettings,
    max_tokens: int,
    seed: int,
    device: torch.device,
    stop: Callable[[], bool] | None,
) -> Iterator[int]:
    random = np.random.Generator(np.random.Philox(seed))
    decoder = new_decoder(model, device)
    penalises = settings.repetition_penalty != 1.0
    begin = 0  # index of the first token in the decoder
    for _ in range(max_tokens):
        if stop is not None and stop():
            return
        start = context_start(len(tokens), model.context)
        if start != begin:
            decoder.clear()
            begin = start
        logits = decoder.read(tokens[start + decoder.length :])
        recent = tokens[-REPETITION_WINDOW:] if penalises else ()
        token = sample_token(logits, settings, random, recent)
        tokens.append(token)
        yield token
